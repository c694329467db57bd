"""Processes of ./run: one set-up at a time, signals passed on, progress on stderr."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tasks import ROOT

STATE = ROOT / ".venv" / "run"  # what ./run knows of this checkout: its lock and its stamps
STARTED = time.monotonic()


def say(line: str) -> None:
    print(f"run: [{time.monotonic() - STARTED:3.0f} s] {line}", file=sys.stderr, flush=True)


@contextmanager
def alone(doing: str) -> Iterator[int]:
    """Hold this checkout's set-up lock; gives its descriptor, for children to hold as well."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another ./run to finish before {doing}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@contextmanager
def child(command: list[str], lock: int | None, **options: Any) -> Iterator[Any]:
    """A process that is told of what we are told, and waited for.

    It inherits the lock: were we killed, the next ./run would wait for it rather than work beside it.
    """
    with subprocess.Popen(command, pass_fds=() if lock is None else (lock,), **options) as process:
        try:
            yield process
            process.wait()
        except KeyboardInterrupt:
            if not terminal_told_all():
                process.send_signal(signal.SIGINT)
            process.wait()
            raise
        except SystemExit:
            process.terminate()
            raise


def terminal_told_all() -> bool:
    """Whether we are in a terminal's foreground, whose Ctrl-C then reached the child as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
