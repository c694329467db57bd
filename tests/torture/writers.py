"""Many processes that write into one lake at the same moment: every row is there, once."""

import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lake.check import verify
from lake.read import open_lake
from lake.root import create_lake
from tests.torture.figure import Figure, Tick, exactly

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 10
WRITERS, ROWS, VALUES = 32, 1_000, 5
_WRITE = """
import sys
from pathlib import Path
from lake.journal import Journal
from lake.recover import seal_journal
from lake.schema import RUNS
from tests.torture.zygote import run_row
import pyarrow.compute, pyarrow.parquet  # what sealing needs is imported before the signal
root, name, rows, values = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
with Journal(root, name) as journal:
    journal.log({RUNS: [run_row()]})
    for epoch in range(rows // values):
        journal.log_epoch(epoch, "train", {f"metric_{n}": epoch + n / values for n in range(values)})
print("sealed", flush=True)
"""


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    found: list[dict[str, Any]] = []
    for number in range(rounds):
        found.append(write_together(folder / f"lake-{number}"))
        tick()
    wanted = {"rows": WRITERS * ROWS, "doubled": 0, "faults": []}
    return [
        Figure("writers", "rounds", rounds),
        Figure("writers", "seconds to the last row, at worst", round(max(one["seconds"] for one in found), 2)),
        *(
            exactly("writers", f"{WRITERS} processes: {name}", one[name], value)
            for name, value in wanted.items()
            for one in sorted(found, key=lambda one: one[name] == value)[:1]
        ),
    ]


def write_together(root: Path, writers: int = WRITERS, rows: int = ROWS) -> dict[str, Any]:
    """Seconds from the start signal until a reader has every row, and what it has; rows are `VALUES` an epoch."""
    create_lake(root)
    command = [sys.executable, "-c", _WRITE, str(root)]
    processes = [
        subprocess.Popen(
            [*command, f"writer-{number:02d}", str(rows), str(VALUES)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    _each_says(processes, "ready\n")
    started = time.time()
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    _each_says(processes, "sealed\n")
    with open_lake(root, tables=["epochs"]) as lake:
        ((count, keys),) = lake.execute(
            "SELECT count(*), count(DISTINCT (run_id, epoch, metric)) FROM epochs"
        ).fetchall()
    seconds = time.time() - started
    for process in processes:
        process.communicate()
    return {"seconds": seconds, "rows": keys, "doubled": count - keys, "faults": verify(root)}


def _each_says(processes: Iterable[subprocess.Popen[str]], line: str) -> None:
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == line
