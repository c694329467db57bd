"""Progress for people, on stderr: one line that changes on a terminal, plain lines elsewhere."""

import time

from rich.console import Console

_CONSOLE = Console(stderr=True, highlight=False)
_STARTED = time.monotonic()


def say(line: str) -> None:
    """Print one line of progress with the seconds since the command began."""
    _CONSOLE.print(f"[dim]{time.monotonic() - _STARTED:7.1f} s[/dim]  {line}", soft_wrap=True)
