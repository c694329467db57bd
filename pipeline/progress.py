"""Progress for people, on stderr: lines as they come, and on a terminal a bar for the epoch under way."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_CONSOLE = Console(stderr=True, highlight=False)
_STARTED = time.monotonic()


def say(line: str) -> None:
    """Print one line of progress with the seconds since the command began."""
    _CONSOLE.print(f"[dim]{time.monotonic() - _STARTED:7.1f} s[/dim]  ", end="")
    _CONSOLE.print(line, soft_wrap=True, markup=False)


class EpochBar:
    """A bar over an epoch's batches that vanishes when the epoch ends; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: Any = None

    def start(self, epoch: int, n_batches: int) -> None:
        if _CONSOLE.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=_CONSOLE, transient=True)
            self._progress.start()
            self._task = self._progress.add_task(f"epoch {epoch + 1}", total=n_batches)

    def advance(self) -> None:
        if self._progress is not None:
            self._progress.advance(self._task)

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
