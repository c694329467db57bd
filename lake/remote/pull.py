"""`pull`: the runs of a remote's snapshot that the lake lacks; every byte is checked before the lake sees it."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lake.adopt import adopt
from lake.errors import LakeError
from lake.files import explained, make_folder
from lake.owners import owners_of
from lake.remote.commits import Commit, Head, history, read_commit, read_head
from lake.remote.contents import by_digest, items_of
from lake.remote.errors import AlteredError, RemoteError
from lake.remote.ground import difference, local_snapshot
from lake.remote.holdings import find_held, is_whole
from lake.remote.layout import MEND, check_remote, tag_key
from lake.remote.manifest import read_snapshot
from lake.remote.memory import last_common, remember
from lake.remote.newest import newest_head
from lake.remote.progress import Moving, unseen
from lake.remote.store import Store
from lake.remote.tags import read_tag
from lake.remote.transfer import fetch, in_parallel
from lake.root import create_lake
from lake.snapshot import Snapshot, table_digests

_INCOMING = ".incoming"  # in the lake: what has arrived is on its disk, and a later pull goes on from there


@dataclass(frozen=True)
class Pulled:
    """What a pull did."""

    snapshot_id: str
    sequence: int
    commit_id: str
    new_runs: list[str]
    objects_fetched: int
    bytes_fetched: int


def pull(
    root: Path, store: Store, *, snapshot_id: str | None = None, tag: str | None = None, moving: Moving = unseen
) -> Pulled:
    """Take over the runs of the remote's newest snapshot, or of the one asked for. Cut off and run again it goes on.

    Raises:
        RemoteError: the remote has no such snapshot, or something of it is lost, altered or hostile.
        LakeError: a run is in the lake with other rows. Nothing of the lake was changed.
    """
    check_remote(store)
    commit_id, commit = chosen_commit(store, snapshot_id, tag, root)
    snapshot = snapshot_of(store, commit)
    new_runs, fetched, n_bytes = _take_over(root, store, commit_id, snapshot, moving)
    if snapshot_id is None and tag is None:
        remember(root, store.name, commit_id)
    return Pulled(snapshot.snapshot_id, commit.sequence, commit_id, new_runs, fetched, n_bytes)


def _take_over(
    root: Path, store: Store, commit_id: str, snapshot: Snapshot, moving: Moving
) -> tuple[list[str], int, int]:
    create_lake(root)  # before anything is fetched for a place that is none
    if _has_all(root, store, commit_id, snapshot):
        return [], 0, 0
    with _alone(root) as incoming:
        places, fetched, n_bytes = _bring(root, incoming, store, snapshot, moving)
        if table_digests(owners_of(snapshot, places)) != snapshot.tables:
            raise RemoteError(
                f"snapshot {snapshot.snapshot_id[:12]} of {store.name} is refused: its index is of other rows. "
                "Have it pushed again from a lake that has them."
            )
        new_runs = adopt(root, snapshot, places)  # where it refuses, what was fetched is there for the next time
        shutil.rmtree(incoming, ignore_errors=True)
        return new_runs, fetched, n_bytes


def _has_all(root: Path, store: Store, commit_id: str, snapshot: Snapshot) -> bool:
    """Whether the lake has every run of the snapshot, with the same rows or, if it had those before, with more."""
    here = local_snapshot(root)
    if here is None:
        return False
    found = difference(root, store, here, snapshot)
    return not found.only_there and (not found.changed or last_common(root, store.name) == commit_id)


def chosen_commit(
    store: Store, snapshot_id: str | None, tag: str | None, root: Path | None = None
) -> tuple[str, Commit]:
    """Id and content of the newest commit, of the newest whose snapshot's id begins so, or of the tag's.

    Raises:
        RemoteError: there is none, or a tag's file does not name what the commits say.
    """
    head = newest_head(store, root)
    if tag is not None:
        return _tagged(store, head, tag)
    if head is None:
        raise RemoteError(f"{store.name} has no commit yet. Push to it first.")
    commits = history(store, head.commit_id)
    if snapshot_id is None:
        return next(commits)
    for commit_id, commit in commits:
        if snapshot_id and commit.snapshot_id.startswith(snapshot_id):
            return commit_id, commit
    raise RemoteError(
        f"no commit of {store.name} has a snapshot that begins with {snapshot_id!r}; "
        f"the newest of {head.sequence} has {head.snapshot_id[:12]}."
    )


def _tagged(store: Store, head: Head | None, tag: str) -> tuple[str, Commit]:
    """The tag's commit, once the newest commit says the same; of a name that it does not know, once it stands on it."""
    commit_id, commit = read_tag(store, tag)
    given = read_commit(store, head.commit_id).tags.get(tag) if head else None
    if given == commit.snapshot_id:
        return commit_id, commit
    if given is None and head and commit_id in (one for one, _ in history(store, head.commit_id, commit.sequence)):
        return commit_id, commit
    said = f"the newest commit says {given[:12]}" if given else "no commit that the newest stands on"
    raise RemoteError(
        f"{store.name}/{tag_key(tag)} was altered: it names the snapshot {commit.snapshot_id[:12]}, {said}. {MEND}"
    )


def snapshot_of(store: Store, commit: Commit) -> Snapshot:
    """The snapshot of a commit. Where a repair replaced its file by one of the same rows, a later commit vouches.

    Raises:
        RemoteError: it is lost, altered or hostile.
    """
    try:
        return read_snapshot(store, commit.snapshot_id, commit.snapshot_sha256)
    except AlteredError:
        head = read_head(store)
        later = history(store, head.commit_id, down_to=commit.sequence) if head else ()
        digests = (one.snapshot_sha256 for _, one in later if one.snapshot_id == commit.snapshot_id)
        if (newest := next(digests, commit.snapshot_sha256)) == commit.snapshot_sha256:
            raise
        return read_snapshot(store, commit.snapshot_id, newest)


def _bring(
    root: Path, incoming: Path, store: Store, snapshot: Snapshot, moving: Moving
) -> tuple[Mapping[str, Path], int, int]:
    """Where each file of the snapshot is, by the path it names; how many were fetched, and their bytes."""
    items = items_of(snapshot)
    places = {item.sha256: incoming / f"{item.sha256}.parquet" for item in items}
    absent = [item for item in by_digest(items) if not is_whole(places[item.sha256], item.sha256)]
    held = find_held(root, absent)
    for item in absent:
        if item.sha256 in held:
            os.link(held[item.sha256], places[item.sha256])  # a second name: the lake's own stays as it is
    absent = [item for item in absent if item.sha256 not in held]
    with moving("fetching", len(absent), sum(item.size_bytes or 0 for item in absent)) as counted:
        n_bytes = in_parallel(absent, lambda item: fetch(store, item, places[item.sha256]), counted)
    return {item.path: places[item.sha256] for item in items}, len(absent), n_bytes


@contextmanager
def _alone(root: Path) -> Iterator[Path]:
    """The folder for what arrives; a second pull into the lake at the same time is refused."""
    with explained(root / _INCOMING):
        make_folder(root / _INCOMING)
        descriptor = os.open(root / f"{_INCOMING}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
        yield root / _INCOMING
    except BlockingIOError as error:
        raise LakeError(f"another pull into {root} is under way. Run this again when it is done.") from error
    finally:
        os.close(descriptor)
