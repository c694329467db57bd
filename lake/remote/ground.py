"""What a lake and a remote have in common, and what only one of them has."""

from pathlib import Path
from tempfile import TemporaryDirectory

from lake.errors import LakeError, NotWrittenError
from lake.held import held
from lake.remote.commits import Commit, Head, read_commit
from lake.remote.contents import Difference, Item, compare, rows_by_owner
from lake.remote.manifest import read_snapshot
from lake.remote.memory import last_common
from lake.remote.store import Store
from lake.remote.transfer import fetch
from lake.root import MARKER
from lake.snapshot import Snapshot, latest_snapshot, snapshot_files, take_snapshot


def local_snapshot(root: Path) -> Snapshot | None:
    """The lake as it stands, or None where there is no lake or no row in it.

    Raises:
        LakeError: it cannot be read, or not be written.
    """
    if not (root / MARKER).exists():
        return None
    now = held(root)
    has_rows = now.generation.packs or any(now.parts.values()) or any(now.rows.values())
    return take_snapshot(root) if has_rows else None


def snapshot_to_compare(root: Path) -> tuple[Snapshot | None, str | None]:
    """As `local_snapshot`; of a lake that cannot be written, the newest snapshot that it has, and when that was taken.

    Raises:
        LakeError: it cannot be read, or cannot be written and has no snapshot.
    """
    try:
        return local_snapshot(root), None
    except NotWrittenError as error:
        if not snapshot_files(root):
            raise LakeError(
                f"{root} cannot be written and has no snapshot to compare. "
                "Make one where it can be written: ./run lake snapshot"
            ) from error
    newest = latest_snapshot(root)
    return newest, newest.created_at


def is_contained(root: Path, store: Store, head: Head, snapshot: Snapshot) -> bool:
    """Whether a push of `snapshot` leaves out nothing of what the remote has.

    It leaves nothing out where every run of the remote is in the snapshot with the same rows; with others only where
    nobody published since this lake last pushed or pulled: those runs went on here. A run that is not here at all was
    lost, or the lake is an older copy of itself.
    """
    found = _missed(root, store, read_commit(store, head.commit_id), snapshot)
    return not found.only_there and (not found.changed or last_common(root, store.name) == head.commit_id)


def is_within(root: Path, store: Store, commit: Commit, snapshot: Snapshot) -> bool:
    """Whether every run of a commit is in the lake's `snapshot` with the same rows."""
    found = _missed(root, store, commit, snapshot)
    return not found.only_there and not found.changed


def _missed(root: Path, store: Store, commit: Commit, snapshot: Snapshot) -> Difference:
    return difference(root, store, snapshot, read_snapshot(store, commit.snapshot_id, commit.snapshot_sha256))


def difference(root: Path, store: Store, here: Snapshot | None, there: Snapshot) -> Difference:
    """The runs that only the lake's snapshot has, that only the remote's has, and that both have with other rows."""
    with TemporaryDirectory() as folder:
        index: Path | None = None
        if there.index_path is not None and there.index_sha256 is not None:
            index = Path(folder) / "index.parquet"
            fetch(store, Item(there.index_path, there.index_sha256, None), index)
        theirs = rows_by_owner(there, index)
    if here is None:
        return compare({}, theirs)
    return compare(rows_by_owner(here, root / here.index_path if here.index_path else None), theirs)
