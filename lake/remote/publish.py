"""Makes a commit the newest, or says who was first; right also where answers get lost on the way."""

from lake.remote.commits import Commit, Head, history, pointer_bytes, read_commit, read_head
from lake.remote.errors import BeatenError, RemoteError, UnsureError
from lake.remote.layout import LATEST, commit_key
from lake.remote.patience import PAUSES_S, patiently, wait
from lake.remote.store import Store


def advance(store: Store, base: Head | None, commit: Commit) -> None:
    """Put `commit` after `base`, once. When it returns, the commit is the newest or one before the newest.

    The pointer is put under the condition that it is still `base`. Of several who try the storage lets one through.
    Where the answer is lost, or says no (which may be the answer to our own request, delivered twice), the pointer is
    read: our commit in its history means that we were let through. A pointer that is still `base` may be put again:
    at most one of the two requests can meet its condition, however late the other arrives.

    Raises:
        BeatenError: another commit came after `base`; ours never will.
        UnsureError: no certain answer came; the same push again finds out.
    """
    if (commit.sequence, commit.parent) != ((base.sequence + 1, base.commit_id) if base else (1, None)):
        raise RemoteError(f"commit {commit.sequence} does not follow what it is put after. Make it anew.")
    patiently(lambda: store.put_if_absent(commit_key(commit.commit_id), commit.data))
    for pause_s in (*PAUSES_S, 0):
        try:
            if store.put_if_match(LATEST, pointer_bytes(commit), base.etag if base else None):
                return
        except UnsureError:
            pass
        head = read_head(store)
        if head and is_published(store, head, commit):
            return
        if (head and head.commit_id) != (base and base.commit_id):
            raise _beaten(store, head)
        wait(pause_s)
    raise UnsureError(
        f"{store.name} did not say whether commit {commit.sequence} was taken, {len(PAUSES_S) + 1} times over. "
        "Run the same command again: it finds out, and does nothing twice."
    )


def is_published(store: Store, head: Head, commit: Commit) -> bool:
    """Whether `commit` is the newest or before it."""
    if head.sequence < commit.sequence:
        return False
    if head.sequence == commit.sequence:
        return head.commit_id == commit.commit_id
    *_, (commit_id, _) = history(store, head.commit_id, down_to=commit.sequence)
    return commit_id == commit.commit_id


def _beaten(store: Store, head: Head | None) -> RemoteError:
    if head is None:
        return RemoteError(f"{store.name}: the pointer is gone, though it is never deleted. Restore {LATEST}.")
    return BeatenError(f"{came_first(store, head)} Pull it, then push again, or push with --rebase.")


def came_first(store: Store, head: Head) -> str:
    """Who published the newest commit, in a sentence."""
    return f"{store.name} has moved on; its newest is {read_commit(store, head.commit_id).told}."
