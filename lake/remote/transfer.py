"""Files on their way, some at a time: each is checked against its digest, and none gets its name before."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from lake.errors import LakeError
from lake.files import whole_file
from lake.remote.contents import Item
from lake.remote.errors import AlteredError, MissingError
from lake.remote.layout import MEND, object_key
from lake.remote.patience import patiently
from lake.remote.progress import Moving
from lake.remote.store import Store

AT_ONCE = 16
_LARGE = 32 << 20  # bytes; larger files go one after another, so that few are in memory
Counted = Callable[[int], None]  # is told the bytes of each file that has arrived


def send(store: Store, root: Path, item: Item, *, over: bool = False) -> int:
    """Put one file of the lake into the remote, once its bytes are what its digest says; gives their number.

    Args:
        over: the remote's file is known to be wrong and is replaced.
    """
    try:
        data = (root / item.path).read_bytes()
    except OSError as error:
        raise LakeError(f"{root / item.path} cannot be read ({error.strerror}). Restore it from a copy.") from error
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise LakeError(
            f"{root / item.path} was altered since the snapshot was taken, so it was not sent. "
            "Restore it from a copy; ./run lake verify looks for more."
        )
    key = object_key(item.sha256)
    if over:
        patiently(lambda: store.put(key, data))
    else:
        patiently(lambda: store.put_if_absent(key, data))
    return len(data)


def fetch(store: Store, item: Item, to: Path) -> int:
    """Get one file; `to` appears once its size and digest are right. Gives its size.

    Raises:
        RemoteError: the remote has lost it, or has other bytes.
    """
    try:
        return patiently(lambda: _fetch(store, item, to))
    except MissingError as error:
        raise MissingError(f"{store.name}/{_lost(item)}. {MEND}") from error
    except AlteredError as error:
        raise AlteredError(f"{store.name}/{error}. {MEND}") from error


def _fetch(store: Store, item: Item, to: Path) -> int:
    with whole_file(to) as staged, staged.open("wb") as file:
        size = _read(store, item, file.write)
    return size


def check(store: Store, item: Item) -> str | None:
    """What is wrong with a file of the remote, or None; all of its bytes are read."""
    try:
        patiently(lambda: _read(store, item, len))
    except MissingError:
        return _lost(item)
    except AlteredError as error:
        return str(error)
    return None


def _lost(item: Item) -> str:
    return f"{object_key(item.sha256)} is lost ({item.path})"


def check_all(store: Store, items: Iterable[Item], moving: Moving) -> dict[str, str]:
    """What is wrong with files of the remote, by digest; those that are whole are not in it."""
    faulty: dict[str, str] = {}

    def look(item: Item) -> int:
        if fault := check(store, item):
            faulty[item.sha256] = fault
        return item.size_bytes or 0

    every = list(items)
    with moving("checking", len(every), sum(item.size_bytes or 0 for item in every)) as counted:
        in_parallel(every, look, counted)
    return faulty


def _read(store: Store, item: Item, take: Callable[[bytes], object]) -> int:
    """Hand the file to `take` piece by piece; stops as soon as there is more than there should be."""
    digest, size = hashlib.sha256(), 0
    for piece in store.stream(object_key(item.sha256), item.size_bytes or 0):
        digest.update(piece)
        size += len(piece)
        if item.size_bytes is not None and size > item.size_bytes:
            break
        take(piece)
    if item.size_bytes is not None and size != item.size_bytes:
        what = "is short: it has" if size < item.size_bytes else "is too long: it has more than"
        raise AlteredError(f"{object_key(item.sha256)} {what} {size} of {item.size_bytes} bytes ({item.path})")
    if digest.hexdigest() != item.sha256:
        raise AlteredError(f"{object_key(item.sha256)} was altered: its bytes have another digest ({item.path})")
    return size


def in_parallel(items: Sequence[Item], do: Callable[[Item], int], counted: Counted) -> int:
    """Do something with every item, 16 at a time; gives the sum of what it gave. The first error ends it."""
    large = [item for item in items if (item.size_bytes or 0) > _LARGE]
    small = [item for item in items if (item.size_bytes or 0) <= _LARGE]
    pool = ThreadPoolExecutor(AT_ONCE)
    is_interrupted = False
    try:
        running = [pool.submit(_told, do, item, counted) for item in small]
        total = sum(_told(do, item, counted) for item in large)
        wait(running, return_when=FIRST_EXCEPTION)
        return total + sum(future.result() for future in running if future.done())
    except KeyboardInterrupt:
        is_interrupted = True
        raise
    finally:  # what is under way ends, which a person who pressed Ctrl-C need not see; nothing more is begun
        pool.shutdown(wait=not is_interrupted, cancel_futures=True)


def _told(do: Callable[[Item], int], item: Item, counted: Counted) -> int:
    n_bytes = do(item)
    counted(n_bytes)
    return n_bytes
