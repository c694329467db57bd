"""What a remote's commits and tags stand on: their snapshots, whose files say which objects there must be."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lake.remote.commits import Commit, history
from lake.remote.contents import Item, items_of
from lake.remote.errors import RemoteError, UnsureError
from lake.remote.layout import snapshot_key, tag_key
from lake.remote.manifest import read_snapshot
from lake.remote.newest import newest_head
from lake.remote.store import Store
from lake.remote.tags import read_tag, tag_names
from lake.remote.transfer import in_parallel


@dataclass
class Chain:
    """The commits from the newest to the first, as far as they are whole, and the tags.

    Attributes:
        vouching: by snapshot the newest commit that has it: a repair may have replaced a snapshot's file by one of
            the same rows in other packs, and its commit has the digest that holds.
        given: the names that commits gave, and their snapshots.
        givers: id and content of the commit that gave each of these names.
        tag_faults: what is wrong with a tag, by its name.
        copy_fault: what is wrong with the pointer's copy; every push mends it.
    """

    commits: int = 0
    vouching: dict[str, Commit] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    givers: dict[str, tuple[str, Commit]] = field(default_factory=dict)
    tag_faults: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    copy_fault: str | None = None


@dataclass
class Contents:
    """What snapshots' files name.

    Attributes:
        users: by an object's digest, the snapshots that have it.
        faults: what is wrong with a snapshot's file, by the snapshot's id.
    """

    items: dict[str, Item] = field(default_factory=dict)
    users: dict[str, set[str]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


def walk_chain(store: Store) -> Chain:
    """Read all commits and all tags; a fault of one is a sentence.

    Raises:
        UnsureError: the remote gives no answer.
    """
    chain = Chain()
    try:
        _walk(store, chain)
    except UnsureError:
        raise
    except RemoteError as error:
        chain.faults.append(str(error))
    chain.copy_fault = store.copy_fault()
    _look_at_tags(store, chain)
    return chain


def _walk(store: Store, chain: Chain) -> None:
    head = newest_head(store)
    for commit_id, commit in history(store, head.commit_id) if head else ():
        chain.commits += 1
        chain.vouching.setdefault(commit.snapshot_id, commit)
        for name, snapshot_id in commit.tags.items():  # the first that gave a name counts, and is read last
            chain.given[name] = snapshot_id
            if commit.snapshot_id == snapshot_id:
                chain.givers[name] = commit_id, commit


def _look_at_tags(store: Store, chain: Chain) -> None:
    names = tag_names(store)
    for name in sorted({*names, *chain.given}):
        given = chain.given.get(name)
        if name not in names:
            what = f"is lost: it names the snapshot {str(given)[:12]}"
        else:
            try:
                commit = read_tag(store, name)[1]
            except UnsureError:
                raise
            except RemoteError as error:
                chain.tag_faults[name] = str(error)
                continue
            if given in (None, commit.snapshot_id):
                chain.vouching.setdefault(commit.snapshot_id, commit)
                continue
            what = f"was altered: it names the snapshot {commit.snapshot_id[:12]}, its commit {str(given)[:12]}"
        chain.tag_faults[name] = (
            f"{store.name}/{tag_key(name)} {what}. ./run lake push REMOTE --repair writes it again."
        )


def read_contents(store: Store, commits: Iterable[Commit]) -> Contents:
    """Read the snapshots' files of these commits, some at a time; a fault of one is a sentence.

    Raises:
        UnsureError: the remote gives no answer.
    """
    contents = Contents()

    def read(file: Item) -> int:
        snapshot_id = snapshots[file.path]
        try:
            items = items_of(read_snapshot(store, snapshot_id, file.sha256))
        except UnsureError:
            raise
        except RemoteError as error:
            contents.faults[snapshot_id] = str(error)
            return 0
        for item in items:
            contents.items.setdefault(item.sha256, item)
            contents.users.setdefault(item.sha256, set()).add(snapshot_id)
        return 0

    files = [(commit.snapshot_id, commit.snapshot_sha256) for commit in commits]
    snapshots = {snapshot_key(snapshot_id): snapshot_id for snapshot_id, _ in files}
    in_parallel([Item(snapshot_key(one), sha256, None) for one, sha256 in files], read, lambda n_bytes: None)
    return contents
