"""`push --repair`: what a remote's commits and tags stand on, put right from a lake that has the same bytes."""

from dataclasses import dataclass, replace
from pathlib import Path

from lake.remote.chain import Chain, Contents, read_contents, walk_chain
from lake.remote.commits import Commit
from lake.remote.deep import told
from lake.remote.holdings import find_held, is_whole
from lake.remote.layout import snapshot_key
from lake.remote.patience import patiently
from lake.remote.progress import Moving
from lake.remote.store import Store
from lake.remote.tags import replace_tag
from lake.remote.transfer import check_all, in_parallel, send
from lake.root import check_lake
from lake.snapshot import snapshot_path


@dataclass(frozen=True)
class Lack:
    """A fault that the lake cannot mend.

    Attributes:
        snapshots: those that cannot be had for it; none where it is a commit's or a tag's.
    """

    said: str
    snapshots: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Repaired:
    """What was sent, which snapshots are whole now, and what is not."""

    objects_sent: int
    bytes_sent: int
    whole: frozenset[str]
    lacks: list[Lack]

    def lacking(self, snapshot_id: str | None = None) -> list[str]:
        """What is still wrong; with a snapshot, once that one was put anew."""
        return sorted({lack.said for lack in self.lacks if not lack.snapshots or lack.snapshots - {snapshot_id}})


def repair_remote(root: Path, store: Store, moving: Moving) -> Repaired:
    """Read all that `status --deep` reads, and replace what is wrong by the lake's own file of the same bytes.

    Every file is known by a digest that a commit vouches for, so a lake may do this that is behind the remote.

    Raises:
        LakeError: there is no lake, or the remote refuses, or gives no answer.
    """
    check_lake(root)
    chain = walk_chain(store)
    contents = _mend_snapshots(root, store, chain)
    faulty = check_all(store, contents.items.values(), moving)
    sent, n_bytes = _mend_objects(root, store, contents, faulty, moving)
    _mend_tags(store, chain)
    lacks = [Lack(said) for said in {*chain.faults, *chain.tag_faults.values()}]
    lacks += [Lack(said, frozenset({snapshot_id})) for snapshot_id, said in contents.faults.items()]
    lacks += [
        Lack(told(store, contents, sha256, fault), frozenset(contents.users[sha256]))
        for sha256, fault in faulty.items()
    ]
    broken = frozenset().union(*(lack.snapshots for lack in lacks))
    return Repaired(sent, n_bytes, frozenset(chain.vouching) - broken, lacks)


def _mend_snapshots(root: Path, store: Store, chain: Chain) -> Contents:
    """What the snapshots name, once those that the lake has to the byte are put again."""
    contents = read_contents(store, chain.vouching.values())
    put = [chain.vouching[one] for one in contents.faults if _put_snapshot(root, store, chain.vouching[one])]
    again = read_contents(store, put)
    for commit in put:
        del contents.faults[commit.snapshot_id]
    contents.faults |= again.faults
    contents.items |= again.items
    for sha256, users in again.users.items():
        contents.users.setdefault(sha256, set()).update(users)
    return contents


def _put_snapshot(root: Path, store: Store, commit: Commit) -> bool:
    """Put a snapshot's file over what is there; False, and nothing done, where the lake has no such file."""
    path = snapshot_path(root, commit.snapshot_id)
    if not is_whole(path, commit.snapshot_sha256):
        return False
    data = path.read_bytes()
    patiently(lambda: store.put(snapshot_key(commit.snapshot_id), data))
    return True


def _mend_objects(
    root: Path, store: Store, contents: Contents, faulty: dict[str, str], moving: Moving
) -> tuple[int, int]:
    """Send what the lake has and leave in `faulty` what it has not; gives how many were sent, and their bytes."""
    held = find_held(root, (contents.items[one] for one in faulty))
    items = [replace(contents.items[one], path=path.relative_to(root).as_posix()) for one, path in held.items()]
    with moving("sending", len(items), sum(item.size_bytes or 0 for item in items)) as counted:
        n_bytes = in_parallel(items, lambda item: send(store, root, item, over=True), counted)
    for one in held:
        del faulty[one]
    return len(items), n_bytes


def _mend_tags(store: Store, chain: Chain) -> None:
    """Write the file of each tag again that a commit gave, and leave in `tag_faults` the others."""
    for name in chain.tag_faults.keys() & chain.givers.keys():
        replace_tag(store, name, *chain.givers[name])
        del chain.tag_faults[name]
