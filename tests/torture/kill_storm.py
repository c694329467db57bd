"""Writers killed at random instants while a reader asks: nothing acknowledged is lost, doubled or torn."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lake.check import verify
from lake.compact import compact
from lake.journal_file import read_journal
from lake.journals import list_journals
from lake.read import open_lake
from lake.recover import recover
from lake.root import create_lake
from tests.torture.figure import Figure, Tick, exactly, none_of, told
from tests.torture.zygote import VALUES

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 200
_COMPACT_EVERY = 10  # rounds
_TOLD = """
    SELECT run_id, count(*) AS n, count(DISTINCT epoch) AS epochs, max(epoch) + 1 AS reach,
        count(*) FILTER (value <> (epoch * {count} + list_position({names}, metric) - 1) / 2**40) AS torn
    FROM epoch_events WHERE starts_with(run_id, $name) GROUP BY run_id
"""


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    found = kill_storm(folder / "lake", rounds, seed=seed, tick=tick)
    return [
        *told("kill-storm", found, "rounds", "killed", "acknowledged", "asked"),
        *none_of("kill-storm", found, "lost", "doubled", "torn", "reader_errors", "unfinished_journals"),
        exactly("kill-storm", "faults that verify finds", found["verify_faults"], []),
    ]


def kill_storm(
    root: Path, rounds: int, writers: Sequence[int] = (8, 32, 64), window_s: float = 0.5, seed: int = 0,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:  # fmt: skip
    """`rounds` rounds, with each of the numbers of writers in turn."""
    create_lake(root)
    poller = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.poller", str(root)], cwd=REPOSITORY,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    totals = dict.fromkeys(("killed", "acknowledged", "lost", "doubled", "torn", "unfinished_journals"), 0)
    try:
        for number in range(rounds):
            told = _killed(root, f"r{number:04d}", writers[number % len(writers)], window_s, seed + number, number % 2)
            for name, count in _count(root, f"r{number:04d}", told).items():
                totals[name] += count
            if number % _COMPACT_EVERY == _COMPACT_EVERY - 1:
                compact(root)
            tick()
    finally:
        said, _ = poller.communicate("")
    totals["unfinished_journals"] = sum(bool(read_journal(name.path).records) for name in list_journals(root))
    faults = verify(root)
    return {"rounds": rounds, **totals, "verify_faults": faults[:5], **json.loads(said)}


def _killed(root: Path, name: str, writers: int, window_s: float, seed: int, sealing: int) -> dict[str, int]:
    """Epochs acknowledged to each writer of a round; those that also seal get more time, since they import more."""
    window_s = window_s * (3 if sealing else 1)
    arguments = [str(root), name, str(writers), str(window_s), str(seed), str(sealing)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.zygote", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: dict[str, int] = json.loads(done.stdout)
    return told


def _count(root: Path, name: str, told: dict[str, int]) -> dict[str, int]:
    """Compare what was acknowledged with what the lake has, before and after recovery; the worse of the two counts."""
    before = _compared(root, name, told)
    recover(root)
    after = _compared(root, name, told)
    worst = {key: max(before[key], after[key]) for key in before}
    return {"killed": len(told), "acknowledged": sum(told.values()), **worst}


def _compared(root: Path, name: str, told: dict[str, int]) -> dict[str, int]:
    names = "[" + ", ".join(f"'{each}'" for each in VALUES) + "]"
    with open_lake(root, tables=["epochs"]) as lake:
        rows = lake.execute(_TOLD.format(count=len(VALUES), names=names), {"name": name}).fetchall()
    found = {run_id: (n, epochs, reach, torn) for run_id, n, epochs, reach, torn in rows}
    lost = doubled = torn = 0
    for run_id, acknowledged in told.items():
        n, epochs, reach, wrong = found.get(run_id, (0, 0, 0, 0))
        lost += max(0, acknowledged - epochs) + max(0, reach - epochs)
        doubled += max(0, n - epochs * len(VALUES))
        torn += wrong + max(0, epochs * len(VALUES) - n)
    return {"lost": lost, "doubled": doubled, "torn": torn}
