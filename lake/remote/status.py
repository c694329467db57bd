"""`status`: what the lake has that the remote lacks, and the other way round. Neither side gets or loses a row."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lake.remote.commits import Commit, Head, read_commit
from lake.remote.contents import Difference, Item, by_digest, items_of
from lake.remote.ground import difference, snapshot_to_compare
from lake.remote.layout import check_remote
from lake.remote.manifest import read_snapshot
from lake.remote.memory import last_common
from lake.remote.newest import newest_head
from lake.remote.store import Store
from lake.snapshot import Snapshot

State = Literal["empty", "even", "ahead", "behind", "diverged"]


@dataclass(frozen=True)
class Amount:
    """Files that one side has and the other lacks."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Status:
    """How a lake and a remote stand to each other.

    Attributes:
        state: empty: the remote has no commit yet; diverged: each has what the other lacks, or another version of it.
        newest: the remote's newest commit, None while there is none.
        runs: runs (and registered models) by where their rows are.
        to_send, to_fetch: what a push or a pull would move at most.
        as_of: when the lake's snapshot was taken, where the lake cannot be written; rows since then are not compared.
    """

    state: State
    head: Head | None
    newest: Commit | None
    snapshot_id: str | None
    runs: Difference
    to_send: Amount = Amount()
    to_fetch: Amount = Amount()
    as_of: str | None = None


_NOTHING = Difference(frozenset(), frozenset(), frozenset())


def status(root: Path, store: Store) -> Status:
    """Compare the lake as it stands with the remote's newest snapshot.

    Raises:
        LakeError: one of the two cannot be read.
    """
    check_remote(store)
    here, as_of = snapshot_to_compare(root)
    head = newest_head(store, root)
    mine = here.snapshot_id if here else None
    if head is None:
        return Status("empty", None, None, mine, _NOTHING, _amount(here, None), as_of=as_of)
    newest = read_commit(store, head.commit_id)
    if head.snapshot_id == mine:
        return Status("even", head, newest, mine, _NOTHING, as_of=as_of)
    there = read_snapshot(store, newest.snapshot_id, newest.snapshot_sha256)
    runs = difference(root, store, here, there)
    is_common = last_common(root, store.name) == head.commit_id
    state = _state(runs, is_common)
    to_send = _amount(here, there) if state != "behind" else Amount()
    to_fetch = _amount(there, here) if state != "ahead" else Amount()
    return Status(state, head, newest, mine, runs, to_send, to_fetch, as_of)


def _state(runs: Difference, is_common: bool) -> State:
    """Where nobody published since the last push or pull, a run that differs went on here since then."""
    is_changed = bool(runs.changed) and not is_common
    if not runs.only_there and not is_changed:
        return "ahead"
    return "diverged" if runs.only_here or runs.changed else "behind"


def _amount(of: Snapshot | None, without: Snapshot | None) -> Amount:
    have = {item.sha256 for item in _items(without)}
    lacking = [item for item in _items(of) if item.sha256 not in have]
    return Amount(len(lacking), sum(item.size_bytes or 0 for item in lacking))


def _items(snapshot: Snapshot | None) -> Iterable[Item]:
    return by_digest(items_of(snapshot)) if snapshot else []
