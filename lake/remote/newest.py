"""The newest commit; a pointer that was lost must not look like one that never was."""

from pathlib import Path

from lake.remote.commits import Commit, Head, read_commit, read_head
from lake.remote.errors import RemoteError, UnsureError
from lake.remote.layout import COMMITS, LATEST, commit_key
from lake.remote.memory import last_common
from lake.remote.patience import patiently
from lake.remote.store import Store


def newest_head(store: Store, root: Path | None = None) -> Head | None:
    """As `read_head`, but a remote that has had a newest commit and no longer has its pointer is refused.

    Args:
        root: a lake, which remembers what it pushed and pulled.

    Raises:
        RemoteError: the pointer is lost, or is not one of ours.
    """
    if head := read_head(store):
        return head
    commits = commits_without_pointer(store)
    last = max(commits.values(), key=lambda commit: commit.sequence, default=None)
    known = last_common(root, store.name) if root else None
    if (last and last.parent) or known:
        said = f"has {last.told}" if last else f"had commit {known}"
        raise RemoteError(
            f"{store.name} {said}, but no {LATEST}, which is never deleted: it was lost. "
            "Restore it from a copy, and nothing else is changed; without it a push would begin anew."
        )
    return None


def commits_without_pointer(store: Store) -> dict[str, Commit]:
    """Id and content of the commits that lie in a remote which has no pointer; a web server does not tell."""
    try:
        keys = patiently(lambda: [key for key, _ in store.list(COMMITS)])
    except UnsureError:
        raise
    except RemoteError:
        return {}
    ids = [key.removeprefix(f"{COMMITS}/").removesuffix(".json") for key in keys]
    return {one: read_commit(store, one) for one in ids}


def left_behind(store: Store) -> list[str]:
    """A sentence for each first commit that never became the newest; where there is a pointer that is usual."""
    if read_head(store):
        return []
    return [
        f"{store.name}/{commit_key(one)} is {commit.told}; it has no {LATEST}. Where its push was cut off, run that "
        f"again; where {LATEST} was lost, restore it; what nobody wants is removed by hand."
        for one, commit in commits_without_pointer(store).items()
    ]
