"""How a command ends whose reader has gone away, as `head` does once it has its lines."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_the_reader_goes() -> Iterator[None]:
    """Write out what was printed; a reader that has gone is no error of ours, and nothing more is said to it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
