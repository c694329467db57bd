"""How far a transfer is, on stderr: objects, bytes and bytes a second; a bar on a terminal, one line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

# (what is done, objects to move, their bytes) -> a block in which each object's bytes are told as it arrives
Moving = Callable[[str, int, int], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def unseen(what: str, objects: int, size_bytes: int) -> Iterator[Callable[[int], None]]:
    """Nothing is shown."""
    yield lambda n_bytes: None


@contextmanager
def shown(what: str, objects: int, size_bytes: int) -> Iterator[Callable[[int], None]]:
    """A bar, or where stderr is no terminal a line at the end; nothing where there is nothing to move."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    if not objects:
        yield lambda n_bytes: None
        return
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]}/{task.fields[of]} objects"),
        DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    started, moved, lock = time.monotonic(), [0, 0], Lock()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=size_bytes, done=0, of=objects)

        def count(n_bytes: int) -> None:
            with lock:  # several files arrive at once
                moved[:] = moved[0] + 1, moved[1] + n_bytes
            progress.update(task, advance=n_bytes, done=moved[0])

        try:
            yield count
        finally:
            seconds = max(time.monotonic() - started, 1e-6)
            rate = moved[1] / seconds / 1e6
            console.print(
                f"{what}: {moved[0]} of {objects} objects, {moved[1] / 1e6:.2f} MB in {seconds:.1f} s, {rate:.1f} MB/s",
                soft_wrap=True,
            )
