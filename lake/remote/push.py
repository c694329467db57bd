"""`push`: the lake as it stands becomes the remote's newest snapshot; objects first, the pointer last."""

from dataclasses import dataclass
from pathlib import Path

from lake.remote.commits import Head, Signed, next_commit, read_commit
from lake.remote.disk import FolderStore
from lake.remote.errors import BeatenError, RemoteError
from lake.remote.ground import is_contained, is_within
from lake.remote.layout import create_remote
from lake.remote.memory import remember
from lake.remote.newest import commits_without_pointer, left_behind, newest_head
from lake.remote.place import Placed, place, place_again
from lake.remote.progress import Moving, unseen
from lake.remote.publish import advance, came_first
from lake.remote.pull import pull
from lake.remote.store import Store
from lake.remote.tags import check_name, put_tag
from lake.snapshot import Snapshot, take_snapshot

_ROUNDS = 20


@dataclass(frozen=True)
class Pushed:
    """What a push did; `is_new` is False where the remote's newest commit had all of it already."""

    snapshot_id: str
    sequence: int
    commit_id: str
    is_new: bool
    objects_sent: int
    bytes_sent: int


def push(
    root: Path,
    store: Store,
    signed: Signed,
    *,
    rebase: bool = False,
    repair: bool = False,
    tag: str | None = None,
    moving: Moving = unseen,
) -> Pushed:
    """Publish the lake. Cut off anywhere and run again it goes on, and sends and publishes nothing twice.

    Args:
        rebase: where the remote has moved on, pull it first, and again until nobody was faster.
        repair: read every object of the snapshot in the remote, and replace those that are not what they should be.
        tag: a name for the commit, which stays with it.

    Raises:
        BeatenError: the remote has runs that this lake lacks, or another publisher was faster.
        LakeError: the remote or the lake refuses.
    """
    if tag is not None:
        check_name(tag)
    if isinstance(store, FolderStore):
        store.check_apart(root)
    create_remote(store)
    for is_last in (i == _ROUNDS - 1 or not rebase for i in range(_ROUNDS)):
        try:
            return _push(root, store, signed, repair, tag, moving)
        except BeatenError:
            if is_last:
                raise
        pull(root, store, moving=moving)
    raise AssertionError("the last round returns or raises")


def _push(root: Path, store: Store, signed: Signed, repair: bool, tag: str | None, moving: Moving) -> Pushed:
    snapshot = take_snapshot(root)
    head = newest_head(store, root)
    if head is None and not all(
        is_within(root, store, commit, snapshot) for commit in commits_without_pointer(store).values()
    ):
        raise RemoteError("\n".join(left_behind(store)) or f"{store.name} has just got a commit. Push again.")
    is_even = head is not None and head.snapshot_id == snapshot.snapshot_id
    if head and not is_even and not is_contained(root, store, head, snapshot):
        raise BeatenError(f"{came_first(store, head)} It has runs that this lake lacks: pull, or push with --rebase.")
    placed = place_again(root, store, snapshot, moving) if repair else _placed(root, store, head, snapshot, moving)
    commit_id, sequence, is_new = _publish(store, head, snapshot, placed, signed)
    if tag is not None:
        put_tag(store, tag, commit_id, read_commit(store, commit_id))
    store.mend_copy()
    remember(root, store.name, commit_id)
    return Pushed(snapshot.snapshot_id, sequence, commit_id, is_new, placed.objects_sent, placed.bytes_sent)


def _placed(root: Path, store: Store, head: Head | None, snapshot: Snapshot, moving: Moving) -> Placed:
    if head and head.snapshot_id == snapshot.snapshot_id:
        return Placed(read_commit(store, head.commit_id).snapshot_sha256)  # whoever published it placed it before
    return place(root, store, snapshot, moving)


def _publish(
    store: Store, head: Head | None, snapshot: Snapshot, placed: Placed, signed: Signed
) -> tuple[str, int, bool]:
    """Id and number of the commit that has the snapshot, and whether it was made now."""
    newest = read_commit(store, head.commit_id) if head else None
    if head and newest and (newest.snapshot_id, newest.snapshot_sha256) == (snapshot.snapshot_id, placed.sha256):
        return head.commit_id, head.sequence, False
    commit = next_commit(head, snapshot.snapshot_id, placed.sha256, signed)
    advance(store, head, commit)
    return commit.commit_id, commit.sequence, True
