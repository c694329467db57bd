"""A disk that is full: trainings go on and lose nothing, operations say so and leave nothing half-done."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.gc import collect
from lake.journal import Journal
from lake.read import open_lake
from lake.schema import EPOCHS, RUNS
from lake.snapshot import take_snapshot
from tests.lake.rows import epoch_row, run_row
from tests.torture.figure import Figure, Tick, exactly

ROUNDS = 20  # times that the disk is full and free again
_SIZE = 8 * 2**20
_EPOCHS = 50  # logged while it is full, and again while it is not


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    if os.geteuid() != 0:
        return [Figure("full-disk", "not measured: a small disk is mounted by root only", None)]
    with small_disk(folder / "disk") as disk:
        found = training(disk, rounds, tick)
    figures = [exactly("full-disk", what.replace("_", " "), found[what], wanted) for what, wanted in _wanted(rounds)]
    for name, operation in OPERATIONS.items():
        with small_disk(folder / name) as disk:
            figures.append(
                exactly("full-disk", f"{name} on a full disk", refused(disk, operation), "refused, as before")
            )
    with small_disk(folder / "gc") as disk:
        figures.append(exactly("full-disk", "gc on a full disk: parts freed, faults", freed(disk), (2, [])))
    return figures


def _wanted(rounds: int) -> list[tuple[str, Any]]:
    epochs = 2 * rounds * _EPOCHS
    return [("epochs_logged", epochs), ("epochs_kept", epochs), ("doubled", 0), ("warnings", rounds), ("faults", [])]


def training(disk: Path, rounds: int, tick: Tick) -> dict[str, Any]:
    """A training whose disk fills and empties; every row must be there, and be said to wait once each time."""
    root, said, logged = disk / "lake", [], 0
    journal = Journal(root, "run-a", say=said.append)
    journal.log({RUNS: [run_row()]})
    for _ in range(rounds):
        for is_full in (True, False):
            if is_full:
                fill(disk)
            else:
                (disk / "filler").unlink()
            for _ in range(_EPOCHS):
                journal.log_epoch(logged, "train", {f"metric_{n}": 0.5 for n in range(20)})
                logged += 1
        tick()
    journal.seal()
    with open_lake(root) as lake:
        ((rows, epochs),) = lake.execute("SELECT count(*), count(DISTINCT epoch) FROM epoch_events").fetchall()
    warnings = sum("cannot be written" in line for line in said)
    faults = verify(root)
    return {
        "epochs_logged": logged, "epochs_kept": epochs, "doubled": rows - 20 * epochs, "warnings": warnings,
        "faults": faults,
    }  # fmt: skip


OPERATIONS: dict[str, Callable[[Path], Any]] = {
    "append": lambda root: append(root, EPOCHS, "run-a", "a001-more", [epoch_row(epoch=9)]),
    "compact": compact,
    "snapshot": take_snapshot,
}


def refused(disk: Path, operation: Callable[[Path], Any]) -> str:
    """What an operation came to on a full disk, and once there is space again."""
    root = disk / "lake"
    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    append(root, EPOCHS, "run-a", "a001-rows", [epoch_row(epoch=epoch) for epoch in range(3)])
    before = _listing(root)
    fill(disk)
    try:
        operation(root)
        return "not refused"
    except LakeError as error:
        words = str(error)
    if _listing(root) != before or verify(root):
        return f"left something behind: {sorted(_listing(root) - before)}"
    if "full" not in words and "No space" not in words:
        return f"said {words!r}"
    (disk / "filler").unlink()
    operation(root)
    return "refused, as before" if not verify(root) else "not sound once there was space"


def freed(disk: Path) -> tuple[int, list[str]]:
    """How many files `gc` frees on a full disk, which is when it is wanted most, and what it spoils."""
    root = disk / "lake"
    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    append(root, EPOCHS, "run-a", "a001-rows", [epoch_row()])
    compact(root)
    fill(disk)
    return len(collect(root, timedelta(0))), verify(root, rows=True)


def _listing(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def fill(disk: Path) -> None:
    """Take all the space there is, to the last byte."""
    descriptor = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    os.write(descriptor, bytes(size))
            except OSError:
                continue
    finally:
        os.close(descriptor)


def may_mount(folder: Path) -> bool:
    """Whether this process may mount a small disk here."""
    try:
        with small_disk(folder / "probe"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few MiB."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
