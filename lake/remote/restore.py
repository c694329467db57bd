"""`pull --repair`: files that a lake lost, or that were altered in it, come back from a remote that has them."""

from dataclasses import dataclass
from pathlib import Path

from lake.generation import current_generation
from lake.remote.contents import Item, by_digest, items_of
from lake.remote.errors import AlteredError
from lake.remote.holdings import is_whole
from lake.remote.layout import check_remote, object_key
from lake.remote.patience import patiently
from lake.remote.progress import Moving, unseen
from lake.remote.store import Store
from lake.remote.transfer import fetch, in_parallel
from lake.root import check_lake
from lake.snapshot import load_snapshot, snapshot_files


@dataclass(frozen=True)
class Restored:
    """What came back, and what the remote does not have either, or not whole."""

    files: list[str]
    bytes: int
    missing: list[str]


def restore(root: Path, store: Store, moving: Moving = unseen) -> Restored:
    """Read again every file that the lake's packs and snapshots stand on; fetch those that are not what they were.

    A file is known by its digest, so what comes back is what was there.

    Raises:
        LakeError: a manifest of the lake cannot be read, or the remote refuses.
    """
    check_lake(root)
    check_remote(store)
    broken = [item for item in _named(root) if not is_whole(root / item.path, item.sha256)]
    there = {item.sha256 for item in by_digest(broken) if _has(store, item)}
    found = [item for item in broken if item.sha256 in there]
    altered: set[str] = set()

    def bring(item: Item) -> int:
        try:
            return fetch(store, item, root / item.path)
        except AlteredError:  # the others come back all the same
            altered.add(item.path)
            return 0

    with moving("fetching", len(found), sum(item.size_bytes or 0 for item in found)) as counted:
        n_bytes = in_parallel(found, bring, counted)
    restored = sorted(item.path for item in found if item.path not in altered)
    missing = sorted(altered | {item.path for item in broken if item.sha256 not in there})
    return Restored(restored, n_bytes, missing)


def _named(root: Path) -> list[Item]:
    generation = current_generation(root)
    items = [Item(pack.path, pack.sha256, pack.size_bytes) for pack in generation.packs]
    if generation.index_path is not None and generation.index_sha256 is not None:
        items.append(Item(generation.index_path, generation.index_sha256, None))
    for path in snapshot_files(root):
        items += items_of(load_snapshot(root, path.stem))
    return list({item.path: item for item in items}.values())


def _has(store: Store, item: Item) -> bool:
    """Whether the remote has it, as long as it was; one that is cut there brings nothing back."""
    size = patiently(lambda: store.head(object_key(item.sha256)))
    return size is not None and item.size_bytes in (None, size)
