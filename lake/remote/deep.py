"""`status --deep`: every byte that the newest commit and the tags stand on is read again."""

from dataclasses import dataclass

from lake.remote.commits import Commit, history
from lake.remote.contents import Item, items_of
from lake.remote.errors import RemoteError, UnsureError
from lake.remote.layout import check_remote
from lake.remote.manifest import read_snapshot
from lake.remote.newest import left_behind, newest_head
from lake.remote.progress import Moving, unseen
from lake.remote.store import Store
from lake.remote.tags import read_tag, tag_names
from lake.remote.transfer import check, in_parallel


@dataclass(frozen=True)
class Looked:
    """What was read, and every fault of it as a sentence."""

    commits: int
    snapshots: int
    objects: int
    bytes: int
    faults: list[str]


def look_deep(store: Store, moving: Moving = unseen) -> Looked:
    """Re-read and re-hash every object of the newest snapshot and of each tag's, and the whole chain of commits.

    Raises:
        RemoteError: the place is no remote of ours, or gives no answer; a fault of a file is a sentence instead.
    """
    check_remote(store)
    faults: list[str] = []
    named: dict[str, Commit] = {}
    commits = _walk(store, named, faults)
    faults += left_behind(store) if not commits and not faults else []
    faults += [fault] if (fault := store.copy_fault()) else []
    _tags(store, named, faults)
    items: dict[str, Item] = {}
    for commit in named.values():
        try:
            found = items_of(read_snapshot(store, commit.snapshot_id, commit.snapshot_sha256))
            items |= {item.sha256: item for item in found}
        except UnsureError:
            raise
        except RemoteError as error:
            faults.append(str(error))

    def look(item: Item) -> int:
        if fault := check(store, item):
            faults.append(f"{store.name}/{fault}")
        return item.size_bytes or 0

    sizes = sum(item.size_bytes or 0 for item in items.values())
    with moving("checking", len(items), sizes) as counted:
        in_parallel(list(items.values()), look, counted)
    return Looked(commits, len(named), len(items), sizes, sorted(faults))


def _walk(store: Store, named: dict[str, Commit], faults: list[str]) -> int:
    """How many commits there are, from the newest to the first, as far as they are whole."""
    count = 0
    try:
        if head := newest_head(store):
            for _, commit in history(store, head.commit_id):
                count += 1
                named.setdefault("", commit)
            if named[""].snapshot_id != head.snapshot_id or named[""].sequence != head.sequence:
                faults.append(f"{store.name}: the pointer says other than the commit it names.")
    except UnsureError:
        raise
    except RemoteError as error:
        faults.append(str(error))
    return count


def _tags(store: Store, named: dict[str, Commit], faults: list[str]) -> None:
    for name in tag_names(store):
        try:
            named[name] = read_tag(store, name)[1]
        except UnsureError:
            raise
        except RemoteError as error:
            faults.append(str(error))
