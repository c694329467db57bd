"""Two operations at a time, in every order of their steps; between any two steps a reader asks.

Each operation runs in a thread that waits before each of its steps, those that change files or look at the lake, until
the schedule lets it go on. Schedules are walked in depth: the last choice that can be made otherwise, is.
"""

import os
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any
from unittest.mock import patch

import lake.append
import lake.compact
import lake.files
import lake.gc
import lake.journals
import lake.recover
import lake.snapshot
from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.gc import collect
from lake.journal import Journal, journal_path
from lake.journal_file import JournalHeader, epoch_line, header_line, record_line
from lake.read import open_lake
from lake.recover import recover
from lake.schema import EPOCHS, METRICS, RUNS
from lake.snapshot import take_snapshot
from tests.lake.rows import epoch_row, metric_row, run_row
from tests.torture.figure import Figure, Tick, exactly

ROUNDS = 200  # schedules of each pair, at most; pairs with more are walked at random
_AGO = timedelta(days=30)
_NOBODY = 2**22 + 1  # no process has this number
_STEPS = (
    (lake.compact, "recover"), (lake.compact, "held"), (lake.compact, "write_packs"), (lake.compact, "put_generation"),
    (lake.gc, "held"), (lake.gc, "list_parts"), (lake.gc, "remove"),
    (lake.recover, "write_part"), (lake.recover, "remove"), (lake.recover, "rename"), (lake.journals, "read_journal"),
    (lake.snapshot, "held"), (lake.snapshot, "write_whole"),
)  # fmt: skip
Acknowledged = dict[str, int]  # rows by table that a reader must see


class Stage:
    """Lets one of two threads go on at a time, from one step to the next.

    Attributes:
        errors: what went wrong in either.
    """

    def __init__(self, operations: tuple[Callable[[], None], ...]) -> None:
        self.errors: list[BaseException] = []
        self._go = [threading.Semaphore(0) for _ in operations]
        self._stopped = [threading.Semaphore(0) for _ in operations]
        self._is_done = [False] * len(operations)
        self._threads = [threading.Thread(target=self._run, args=each) for each in enumerate(operations)]
        self._place = threading.local()
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> list[int]:
        return [place for place, done in enumerate(self._is_done) if not done]

    def advance(self, place: int) -> None:
        self._go[place].release()
        self._stopped[place].acquire()

    def step(self) -> None:
        """Called by an operation before each of its steps."""
        place = getattr(self._place, "value", None)
        if place is not None:
            self._stopped[place].release()
            self._go[place].acquire()

    def _run(self, place: int, operation: Callable[[], None]) -> None:
        self._go[place].acquire()
        self._place.value = place
        try:
            operation()
        except BaseException as error:
            self.errors.append(error)
        self._is_done[place] = True
        self._stopped[place].release()

    def finish(self) -> None:
        while self.alive:
            self.advance(self.alive[0])
        for thread in self._threads:
            thread.join()


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    figures = []
    for first, second in combinations_with_replacement(OPERATIONS, 2):
        found = pair(folder, first, second, rounds, seed)
        of_all = "all" if found["is_all"] else "some at random"
        what = f"{first} and {second}: {found['schedules']} schedules ({of_all}), {found['looks']} looks; faults"
        figures.append(exactly("schedules", what, found["faults"][:3], []))
        tick()
    return figures


def pair(folder: Path, first: str, second: str, most: int, seed: int) -> dict[str, Any]:
    """Run two operations under every schedule, or so many at random where there are more."""
    base = folder / f"base-{first}-{second}"
    acknowledged = make_base(base)
    chance = random.Random(seed)
    chosen: list[int] | None = []
    schedules = looks = 0
    faults: list[str] = []
    is_all = True
    while chosen is not None and schedules < most and not faults:
        if schedules == most // 2:
            is_all = False  # the walk in depth changes the end first: the other half begins differently each time
        root = folder / f"lake-{first}-{second}"
        shutil.copytree(base, root)
        seen, said = _played(root, (first, second), acknowledged, chosen if is_all else None, chance)
        looks += len(seen)
        schedules += 1
        faults += [f"schedule {''.join(str(choice) for choice, _ in seen)}: {fault}" for fault in said]
        shutil.rmtree(root)
        chosen = _next(seen) if is_all else []
    return {"schedules": schedules, "looks": looks, "faults": faults, "is_all": is_all}


def _next(seen: list[tuple[int, int]]) -> list[int] | None:
    """The first choices of the next schedule, or None after the last one."""
    for at in reversed(range(len(seen))):
        choice, choices = seen[at]
        if choice + 1 < choices:
            return [*(earlier for earlier, _ in seen[:at]), choice + 1]
    return None


def _played(
    root: Path, names: tuple[str, str], base: Acknowledged, chosen: list[int] | None, chance: random.Random
) -> tuple[list[tuple[int, int]], list[str]]:
    """One schedule: each choice made with how many there were, and what was wrong."""
    acknowledged = dict(base)
    bodies = tuple(
        (lambda name=name, place=place: OPERATIONS[name](root, f"run-{place}", acknowledged))
        for place, name in enumerate(names)
    )
    seen: list[tuple[int, int]] = []
    faults: list[str] = []
    stage = Stage(bodies)
    with _stepping(stage):
        while stage.alive and not faults:
            alive = stage.alive
            choice = (
                chance.randrange(len(alive))
                if chosen is None
                else (min(chosen[len(seen)], len(alive) - 1) if len(seen) < len(chosen) else 0)
            )
            seen.append((choice, len(alive)))
            before = dict(acknowledged)
            stage.advance(alive[choice])
            if fault := _look(root, before, acknowledged):
                faults.append(f"after step {len(seen)} {fault}")
        stage.finish()
    faults += [repr(error) for error in stage.errors]
    return seen, faults or [str(fault) for fault in verify(root, rows=len(seen) % 4 == 0)]


def _look(root: Path, least: Acknowledged, most: Acknowledged) -> str | None:
    """What a reader sees that is neither what was acknowledged before the step nor after it."""
    try:
        with open_lake(root, tables=["epochs", "metrics"]) as reader:
            for view in ("run_events", "epoch_events", "metrics"):
                ((count, different),) = reader.execute(f"SELECT count(*), count(DISTINCT t) FROM {view} t").fetchall()
                if count != different or not least[view] <= count <= most[view]:
                    return f"{view} has {count} rows, {different} different ones, of {least[view]} to {most[view]}"
    except (LakeError, OSError) as error:
        return repr(error)
    return None


@contextmanager
def _stepping(stage: Stage) -> Iterator[None]:
    """Every step of `_STEPS` waits for the stage; in other threads nothing does."""

    def waiting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            stage.step()
            return real(*arguments, **options)

        return call

    with ExitStack() as stack:
        for module, name in _STEPS:
            stack.enter_context(patch.object(module, name, waiting(getattr(module, name))))
        yield


def make_base(root: Path) -> Acknowledged:
    """A lake with a pack, parts beside it, a snapshot and the journal of a killed process; all of it old."""
    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    append(root, EPOCHS, "run-a", "a001-rows", [epoch_row(epoch=epoch) for epoch in range(3)])
    take_snapshot(root)
    append(root, RUNS, "run-b", "a001-rows", [run_row()])
    append(root, EPOCHS, "run-b", "a001-rows", [epoch_row(epoch=epoch) for epoch in range(2)])
    path = journal_path(root, "run-c", "c" * 16)
    path.parent.mkdir()
    lines = [
        header_line(JournalHeader("c" * 16, "run-c", 1, socket.gethostname(), _NOBODY)),
        record_line({"runs": [{**run_row(), "run_id": "run-c"}]}),
        epoch_line(1, 0, "train", {"loss": 0.5, "auroc": 0.25}),
    ]
    path.write_bytes(b"".join(lines))
    for each in root.rglob("*"):
        os.utime(each, (time.time() - _AGO.total_seconds(),) * 2)
    return {"run_events": 3, "epoch_events": 7, "metrics": 0}


def _write(root: Path, name: str, acknowledged: Acknowledged) -> None:
    journal = Journal(root, name)
    acknowledged["run_events"] += 1
    journal.log({RUNS: [run_row()]})
    acknowledged["epoch_events"] += 2
    journal.log_epoch(0, "train", {"loss": 0.5, "auroc": 0.25})
    journal.seal()


def _append(root: Path, name: str, acknowledged: Acknowledged) -> None:
    acknowledged["run_events"] += 1
    append(root, RUNS, name, "a001-rows", [run_row()])
    acknowledged["metrics"] += 1
    append(root, METRICS, name, "a001-rows", [metric_row()])


def _recover(root: Path, name: str, acknowledged: Acknowledged) -> None:
    recover(root)


def _compact(root: Path, name: str, acknowledged: Acknowledged) -> None:
    compact(root)


def _snapshot(root: Path, name: str, acknowledged: Acknowledged) -> None:
    take_snapshot(root)


def _gc(root: Path, name: str, acknowledged: Acknowledged) -> None:
    collect(root, _AGO / 2)


def _tend(root: Path, name: str, acknowledged: Acknowledged) -> None:
    """As a nightly job does: what was old before it was packed is not needed any more."""
    compact(root)
    collect(root, _AGO / 2)


def _read(root: Path, name: str, acknowledged: Acknowledged) -> None:
    """A reader who opens the lake, lets others work, and then asks."""
    with open_lake(root, tables=["epochs"]) as reader:
        least = dict(acknowledged)
        lake.gc.list_parts(root, [])  # a step
        lake.gc.list_parts(root, [])
        ((count,),) = reader.execute("SELECT count(*) FROM epoch_events").fetchall()
    assert 7 <= count <= least["epoch_events"], count


OPERATIONS: Mapping[str, Callable[[Path, str, Acknowledged], None]] = {
    "write": _write,
    "append": _append,
    "recover": _recover,
    "compact": _compact,
    "snapshot": _snapshot,
    "gc": _gc,
    "tend": _tend,
    "read": _read,
}
