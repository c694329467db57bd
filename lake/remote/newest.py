"""The newest commit; a pointer that was lost must not look like one that never was."""

from pathlib import Path

from lake.remote.commits import Commit, Head, history, read_commit, read_head
from lake.remote.errors import RemoteError, UnsureError
from lake.remote.layout import COMMITS, LATEST, commit_key
from lake.remote.memory import last_common
from lake.remote.patience import patiently
from lake.remote.store import Store


def newest_head(store: Store, root: Path | None = None) -> Head | None:
    """As `read_head`, but refused where the pointer is lost, belies its commit, or was put back to an older one.

    Args:
        root: a lake, which remembers what it pushed and pulled.

    Raises:
        RemoteError: as said, or it is not one of ours.
    """
    if head := read_head(store):
        newest = read_commit(store, head.commit_id)
        if (newest.snapshot_id, newest.sequence) != (head.snapshot_id, head.sequence):
            raise RemoteError(
                f"{store.name}: the pointer says other than the commit it names. Restore {LATEST} from a copy."
            )
        if root:
            _refuse_older(store, head, last_common(root, store.name))
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


def _refuse_older(store: Store, head: Head, known: str | None) -> None:
    """Whoever held a commit finds it in the history of every later one."""
    if known is None or known == head.commit_id:
        return
    had = read_commit(store, known)
    since = history(store, head.commit_id, down_to=had.sequence) if head.sequence > had.sequence else ()
    if known not in (commit_id for commit_id, _ in since):
        raise RemoteError(
            f"{store.name} had {had.told}, and its newest, number {head.sequence}, does not stand on that: the pointer "
            f"was put back, or the remote was begun anew. Restore {LATEST} from a copy."
        )


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
