"""`status --deep`: every byte that any commit or tag stands on is read again."""

from dataclasses import dataclass

from lake.remote.chain import Contents, read_contents, walk_chain
from lake.remote.layout import check_remote
from lake.remote.newest import left_behind
from lake.remote.progress import Moving, unseen
from lake.remote.store import Store
from lake.remote.transfer import check_all


@dataclass(frozen=True)
class Looked:
    """What was read, and every fault of it as a sentence."""

    commits: int
    snapshots: int
    objects: int
    bytes: int
    faults: list[str]


def look_deep(store: Store, moving: Moving = unseen) -> Looked:
    """Re-read the whole chain of commits, every tag, every snapshot of these, and re-hash every object of those, once.

    Raises:
        RemoteError: the place is no remote of ours, or gives no answer; a fault of a file is a sentence instead.
    """
    check_remote(store)
    chain = walk_chain(store)
    contents = read_contents(store, chain.vouching.values())
    faulty = check_all(store, contents.items.values(), moving)
    faults = {*chain.faults, *chain.tag_faults.values(), *contents.faults.values()}
    faults |= {chain.copy_fault} if chain.copy_fault else set()
    if not chain.commits and not faults:
        faults |= set(left_behind(store))
    faults |= {told(store, contents, sha256, fault) for sha256, fault in faulty.items()}
    sizes = sum(item.size_bytes or 0 for item in contents.items.values())
    return Looked(chain.commits, len(chain.vouching), len(contents.items), sizes, sorted(faults))


def told(store: Store, contents: Contents, sha256: str, fault: str) -> str:
    """An object's fault with the snapshots that have the object."""
    users = sorted(contents.users[sha256])
    more = f" and {len(users) - 3} more" if len(users) > 3 else ""
    return f"{store.name}/{fault}, of snapshot {', '.join(one[:12] for one in users[:3])}{more}"
