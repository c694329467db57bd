"""Ctrl-C and SIGTERM, heard also while the main thread is in a library that looks at neither, as DuckDB in a join."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

STOPPED = 130  # the exit status
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GRACE_S = 0.5  # for what is begun to take back what is half-written; it need not, as after a kill


class Stopping:
    """From `begin` to `end` the first signal raises KeyboardInterrupt; a second one, or half a second, ends the
    process. A signal that is ignored stays ignored; a thread that is not the main one hears nothing."""

    def __init__(self, say: Callable[[], None]) -> None:
        self.is_asked = False
        self._say, self._said = say, threading.Lock()
        self._handlers: dict[signal.Signals, Any] = {}

    def begin(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._heard, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        self._before = signal.set_wakeup_fd(self._bell)  # written by the signal itself, whatever Python is busy with
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()
        self._handlers = {one: signal.getsignal(one) for one in _SIGNALS if signal.getsignal(one) != signal.SIG_IGN}
        for one in self._handlers:
            signal.signal(one, self._ask)

    def say(self) -> None:
        """Once, whoever comes first."""
        if self._said.acquire(blocking=False):
            self._say()

    def end(self) -> None:
        """Everything as before. Without it the last half second of a process that was asked to stop goes on."""
        if not self._handlers:
            return
        signal.set_wakeup_fd(self._before)
        for one, handler in self._handlers.items():
            signal.signal(one, handler)
        os.close(self._bell)
        self._watch.join()
        os.close(self._heard)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if not self.is_asked:  # a second one must not meet the clearing up after the first
            self.is_asked = True
            raise KeyboardInterrupt(signal.Signals(number).name)

    def _wait(self) -> None:
        while byte := os.read(self._heard, 1):
            if byte[0] in _SIGNALS:
                ready, _, _ = select.select([self._heard], [], [], _GRACE_S)
                if ready and not os.read(self._heard, 1):
                    return  # it has ended
                self.say()
                os._exit(STOPPED)


def leave(status: int) -> NoReturn:
    """End the process; a stopped one at once: Python would wait for threads, and for one signal ends by another."""
    if status == STOPPED:
        os._exit(STOPPED)
    sys.exit(status)


def say_stopped(name: str) -> None:
    text = f"{name}: interrupted. What was complete is kept; the same command goes on, or begins again."
    print(text, file=sys.stderr, flush=True)
