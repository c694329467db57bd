"""The objects of a snapshot and its own file, brought to a remote that may have some of them."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lake.remote.contents import Item, by_digest, items_of
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import MEND, OBJECTS, object_key, snapshot_key
from lake.remote.manifest import checked_snapshot
from lake.remote.patience import patiently
from lake.remote.progress import Moving
from lake.remote.store import Store
from lake.remote.transfer import check_all, in_parallel, send
from lake.snapshot import Snapshot, snapshot_path


@dataclass(frozen=True)
class Placed:
    """The digest of the snapshot's file in the remote, and what was sent to bring it there."""

    sha256: str
    objects_sent: int = 0
    bytes_sent: int = 0


def place(root: Path, store: Store, snapshot: Snapshot, moving: Moving) -> Placed:
    """Make sure that the remote has the snapshot, its objects before it.

    A snapshot's id is of its rows: another lake may have packed the same ones into other files. What is there first
    stays; its objects came before it, and may have been lost since.

    Raises:
        RemoteError: an object that another lake packed is lost, so that the snapshot cannot be read.
    """
    key = snapshot_key(snapshot.snapshot_id)
    data = snapshot_path(root, snapshot.snapshot_id).read_bytes()
    there = _there(store, key)
    own = {item.sha256: item for item in items_of(snapshot)}
    named = snapshot if there in (None, data) else checked_snapshot(there or b"", snapshot.snapshot_id, key)
    items = by_digest(items_of(named))
    sizes = patiently(lambda: dict(store.list(OBJECTS)))
    wrong = {item.sha256 for item in items if _has_wrong_size(item, sizes)}
    lacking = wrong | {item.sha256 for item in items if object_key(item.sha256) not in sizes}
    if lost := sorted(lacking - own.keys()):
        raise RemoteError(
            f"{store.name}/{object_key(lost[0])} is lost or altered: the snapshot {snapshot.snapshot_id[:12]} there "
            f"needs it, and this lake packed its rows into other files. {MEND}"
        )
    sent, n_bytes = _send(root, store, [one for digest, one in own.items() if digest in lacking], wrong, moving)
    if there is None and not patiently(lambda: store.put_if_absent(key, data)):
        there = patiently(lambda: store.get(key)).data  # ours, its answer lost; or another's in the same moment
    if there not in (None, data):
        checked_snapshot(there or b"", snapshot.snapshot_id, f"{store.name}/{key}")
    return Placed(_digest(data if there is None else there), sent, n_bytes)


def place_again(root: Path, store: Store, snapshot: Snapshot, moving: Moving) -> Placed:
    """The same, doubting all that is there: every object is read, and what is wrong is replaced by the lake's own."""
    key = snapshot_key(snapshot.snapshot_id)
    data = snapshot_path(root, snapshot.snapshot_id).read_bytes()
    own = {item.sha256: item for item in items_of(snapshot)}
    there = _there(store, key)
    if there is not None and there != data:
        try:
            named = by_digest(items_of(checked_snapshot(there, snapshot.snapshot_id, key)))
            faulty = check_all(store, named, moving)
            if faulty.keys() <= own.keys():
                return Placed(_digest(there), *_send(root, store, [own[one] for one in faulty], faulty, moving))
        except RemoteError:
            pass  # the snapshot's file itself is wrong, and is replaced below
    faulty = check_all(store, own.values(), moving)
    sent, n_bytes = _send(root, store, [own[one] for one in faulty], faulty, moving)
    if there != data:
        patiently(lambda: store.put(key, data))
    return Placed(_digest(data), sent, n_bytes)


def _there(store: Store, key: str) -> bytes | None:
    try:
        return patiently(lambda: store.get(key)).data
    except MissingError:
        return None


def _has_wrong_size(item: Item, sizes: Mapping[str, int]) -> bool:
    found = sizes.get(object_key(item.sha256))
    return None not in (found, item.size_bytes) and found != item.size_bytes


def _send(root: Path, store: Store, items: list[Item], over: Collection[str], moving: Moving) -> tuple[int, int]:
    with moving("sending", len(items), sum(item.size_bytes or 0 for item in items)) as counted:
        n_bytes = in_parallel(items, lambda item: send(store, root, item, over=item.sha256 in over), counted)
    return len(items), n_bytes


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
