"""A capture as a stream of `CanLog`s in bus order: blocks are parsed side by side and handed on in their order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers.blocks import text_blocks
from pipeline.readers.clock import count_jumps, refuse_other_units
from pipeline.readers.frames import Part, RowError

Parse = Callable[[bytes], Part]
# Looks at the first block and gives how many bytes of it are no frames, and what parses the rest.
Start = Callable[[Path, bytes], tuple[int, Parse]]


def text_chunks(start: Start, path: Path, size: int) -> Iterator[CanLog]:
    """The frames of a text capture, some hundred thousand at a time, in memory that does not grow with the file.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    blocks = text_blocks(path, size)
    first = next(blocks)
    header, parse = start(path, first)
    rest = [first[header:]] if first[header:].strip() else []
    yield from in_order(path, _parsed(chain(rest, blocks), parse))


def in_order(path: Path, parts: Iterable[Part | RowError]) -> Iterator[CanLog]:
    """The logs of the parts, with what only their order shows: row numbers, steps and jumps of the clock.

    Raises:
        CaptureError: a row at fault, no frame at all, or times in another unit than seconds.
    """
    row, last = 0, None
    for part in parts:
        if isinstance(part, RowError):
            raise CaptureError(
                f"{path}: data row {row + part.row + 1}: {part.reason} ({part.content}); {part.count} such rows up to "
                "where reading stopped. The file may be cut off or edited, or of another format; "
                "fetch it again, or see ./run data inspect."
            ) from part
        row += part.n_rows
        if len(part.log):
            if last is None:
                refuse_other_units(path, part.log.timestamp_s)
            yield _with_clock(part.log, last)
            last = float(part.log.timestamp_s[-1])
    if last is None:
        raise CaptureError(f"{path} holds no frames. Fetch the file again, or leave it out.")


def _parsed(blocks: Iterable[bytes], parse: Parse) -> Iterator[Part | RowError]:
    """Each block's part, as many at once as there are processors, and no more of them waiting than that."""
    workers = len(os.sched_getaffinity(0))
    pool = _pool(os.getpid(), workers)
    waiting: deque[Future[Part | RowError]] = deque()
    for block in blocks:
        waiting.append(pool.submit(_part_or_fault, parse, block))
        if len(waiting) > workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@cache
def _pool(_: int, workers: int) -> ThreadPoolExecutor:
    """One for the process, never shut down: a stream left unread may be collected in any thread, and a thread
    that has only just begun cannot wait for others. By process id, as a forked child has none of its threads."""
    return ThreadPoolExecutor(workers, thread_name_prefix="read")


def _part_or_fault(parse: Parse, block: bytes) -> Part | RowError:
    try:
        return parse(block)
    except RowError as fault:
        return fault


def _with_clock(log: CanLog, last: float | None) -> CanLog:
    times = log.timestamp_s if last is None else np.concatenate(([last], log.timestamp_s))
    steps = np.diff(times)
    defects = replace(log.defects, backward_steps=int((steps < 0).sum()), clock_jumps=count_jumps(steps))
    return replace(log, defects=defects)
