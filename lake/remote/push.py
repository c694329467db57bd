"""`push`: the lake as it stands becomes the remote's newest snapshot; objects first, the pointer last."""

from dataclasses import dataclass, field
from pathlib import Path

from lake.errors import LakeError
from lake.remote.commits import Commit, Head, Signed, next_commit, read_commit
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
from lake.remote.repair import Repaired, repair_remote
from lake.remote.store import Store
from lake.remote.tags import check_free, check_name, put_tag
from lake.snapshot import Snapshot, take_snapshot

_ROUNDS = 20


@dataclass(frozen=True)
class Pushed:
    """What a push did; `is_new` is False where the remote's newest commit had all of it already.

    Attributes:
        lacking: what a repair found and could not mend, in sentences.
    """

    snapshot_id: str
    sequence: int
    commit_id: str
    is_new: bool
    objects_sent: int
    bytes_sent: int
    lacking: list[str] = field(default_factory=list)


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
        repair: first read all that the remote's commits and tags stand on, and replace what is wrong and the lake has.
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
    repaired = repair_remote(root, store, moving) if repair else None
    for is_last in (i == _ROUNDS - 1 or not rebase for i in range(_ROUNDS)):
        try:
            return _push(root, store, signed, repaired, tag, moving)
        except BeatenError:
            if is_last:
                raise
        pull(root, store, moving=moving)
    raise AssertionError("the last round returns or raises")


def _push(
    root: Path, store: Store, signed: Signed, repaired: Repaired | None, tag: str | None, moving: Moving
) -> Pushed:
    snapshot = take_snapshot(root)
    head = newest_head(store, root)
    if head is None and not all(
        is_within(root, store, commit, snapshot) for commit in commits_without_pointer(store).values()
    ):
        raise RemoteError("\n".join(left_behind(store)) or f"{store.name} has just got a commit. Push again.")
    is_even = head is not None and head.snapshot_id == snapshot.snapshot_id
    if head and not is_even and not is_contained(root, store, head, snapshot):
        raise BeatenError(f"{came_first(store, head)} It has runs that this lake lacks: pull, or push with --rebase.")
    newest = read_commit(store, head.commit_id) if head else None
    tags = dict(newest.tags) if newest else {}
    if tag is not None:
        check_free(store, tag, snapshot.snapshot_id, tags)
        tags[tag] = snapshot.snapshot_id
    placed, lacking = _place(root, store, newest, snapshot, repaired, moving)
    following = next_commit(head, snapshot.snapshot_id, placed.sha256, signed, tags)
    commit_id, commit, is_new = _publish(store, head, newest, following)
    if tag is not None:
        put_tag(store, tag, commit_id, commit)
    store.mend_copy()
    remember(root, store.name, commit_id)
    sent, n_bytes = placed.objects_sent, placed.bytes_sent
    if repaired:
        sent, n_bytes = sent + repaired.objects_sent, n_bytes + repaired.bytes_sent
    return Pushed(snapshot.snapshot_id, commit.sequence, commit_id, is_new, sent, n_bytes, lacking)


def _publish(store: Store, head: Head | None, newest: Commit | None, following: Commit) -> tuple[str, Commit, bool]:
    """Id and content of the commit that says what `following` says, and whether that is the one made now."""
    if head and newest and _says(newest) == _says(following):
        return head.commit_id, newest, False
    advance(store, head, following)
    return following.commit_id, following, True


def _says(commit: Commit) -> tuple[str, str, dict[str, str]]:
    return commit.snapshot_id, commit.snapshot_sha256, dict(commit.tags)


def _place(
    root: Path, store: Store, newest: Commit | None, snapshot: Snapshot, repaired: Repaired | None, moving: Moving
) -> tuple[Placed, list[str]]:
    """Bring the snapshot to the remote; what was sent for it, and the faults that a repair leaves."""
    is_even = newest is not None and newest.snapshot_id == snapshot.snapshot_id
    if repaired and snapshot.snapshot_id not in repaired.whole:
        try:
            return place_again(root, store, snapshot, moving), repaired.lacking(snapshot.snapshot_id)
        except RemoteError:
            raise
        except LakeError:  # the lake's own files are damaged as well
            if not is_even:
                raise
    lacking = repaired.lacking() if repaired else []
    if newest and is_even:
        return Placed(newest.snapshot_sha256), lacking  # whoever published it placed it before
    return place(root, store, snapshot, moving), lacking
