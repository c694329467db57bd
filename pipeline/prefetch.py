"""The next items of an iterator, made in a thread while the current one is in use."""

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

Item = TypeVar("Item")
Entry = tuple[bool, Any]  # an item; or, with False, the error that ended them, or None
_PATIENCE_S = 0.1


def prefetched(items: Iterator[Item], ahead: int) -> Iterator[Item]:
    """The same items in the same order; an error of theirs comes where its item would have. The thread ends with
    the last item, or once the iterator is dropped."""
    waiting: Queue[Entry] = Queue(maxsize=ahead)
    dropped = Event()
    thread = Thread(target=_fill, args=(items, waiting, dropped), daemon=True, name="prefetch")
    thread.start()
    try:
        while True:
            try:
                is_item, value = waiting.get(timeout=_PATIENCE_S)
            except Empty:
                continue
            if is_item:
                yield value
            elif isinstance(value, BaseException):
                raise value
            else:
                return
    finally:
        dropped.set()
        thread.join()


def _fill(items: Iterator[Item], waiting: "Queue[Entry]", dropped: Event) -> None:
    last: BaseException | None = None
    try:
        for item in items:
            if not _put(waiting, (True, item), dropped):
                return
    except BaseException as error:
        last = error
    _put(waiting, (False, last), dropped)


def _put(waiting: "Queue[Entry]", entry: Entry, dropped: Event) -> bool:
    """False once nobody takes any more."""
    while not dropped.is_set():
        try:
            waiting.put(entry, timeout=_PATIENCE_S)
        except Full:
            continue
        return True
    return False
