"""How a command ends: with its answer, with a sentence, or stopped; and what becomes of a stdout that takes nothing."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO, cast

from lake.commands.stopping import STOPPED, Stopping, say_stopped
from lake.errors import LakeError

# What of a file's errors is a matter of rights, space and disks. Others are our mistake and keep their traceback.
_OUTSIDE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EMFILE,
    errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR,
)  # fmt: skip
_ELSEWHERE = "Free some space, or send it elsewhere, then run it again."


def ended(name: Callable[[], str], command: Callable[[], int], told: tuple[type[Exception], ...] = (LakeError,)) -> int:
    """The exit status of `command`: its own; 1 where it was refused or nobody takes what it prints; 130 if stopped.

    A reader that has gone away, as `head` does once it has its lines, is no error: 0, and no more is said to it.

    Args:
        name: what errors begin with.
        told: errors that are said without a traceback.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:  # and the first file opened would take its number
        return _refused(name(), "stdout is closed, so nothing was done. Leave it open, or send it to a file.")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # of another encoding than UTF-8
    stopping = Stopping(lambda: say_stopped(name()))
    try:
        stopping.begin()
        with redirect_stdout(cast(TextIO, _Output(sys.stdout))):
            status = command()
            sys.stdout.flush()
    except BaseException as error:
        # DuckDB makes an error of its own of an interruption, and that may have been told as another
        if stopping.is_asked or isinstance(error, KeyboardInterrupt):
            stopping.say()
            if not stopping.is_asked:
                stopping.end()
            return STOPPED
        stopping.end()
        return _status_of(error, name(), told)
    stopping.end()
    return status


def _status_of(error: BaseException, name: str, told: tuple[type[Exception], ...]) -> int:
    """Raises again what is our mistake."""
    if isinstance(error, BrokenPipeError):
        _let_go_of_stdout()
        return 0
    if isinstance(error, told):
        return _refused(name, str(error))
    if isinstance(error, _OutputError):
        _let_go_of_stdout()
        return _refused(name, f"stdout takes no more ({error}). {_ELSEWHERE}")
    if isinstance(error, OSError) and error.filename is not None and error.errno in _OUTSIDE:
        place = os.fsdecode(error.filename)
        return _refused(name, f"{place} cannot be used ({error.strerror}). Put that right, then run the command again.")
    raise error


def _refused(name: str, why: str) -> int:
    with suppress(OSError):
        print(f"{name}: {why}", file=sys.stderr)
    return 1


def _let_go_of_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends


class _OutputError(Exception):
    """stdout refuses; of another file an OSError says that."""


class _Output:
    """A stdout whose errors are told from those of other files."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        with _told_apart():
            return self._out.write(text)

    def flush(self) -> None:
        with _told_apart():
            self._out.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _OutputError(error.strerror) from error
