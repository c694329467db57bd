"""Disks that forget: a random bit of many files, and files that end too early, are found, or have no effect."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.generation import current_generation
from lake.journal import Journal
from lake.read import open_lake
from lake.schema import EPOCHS, METRICS, RUNS
from lake.snapshot import take_snapshot
from lake.tags import put_tag
from tests.bench.lake_rows import write_runs
from tests.lake.rows import epoch_row, metric_row, run_row
from tests.torture.figure import Figure, Tick, exactly

ROUNDS = 1_000  # files
_FLIPS = 20  # of each file that must be looked at alone
_EPOCHS = 6


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    chance = random.Random(seed)
    many = folder / "many"
    write_runs(many, -(-rounds // 3), epochs=3)
    figures = [
        exactly("bit-rot", f"files named, of {rounds} with a flipped bit", flip_many(many, rounds, chance), rounds)
    ]
    small = folder / "small"
    for kind, path in small_lake(small).items():
        whole = path.read_bytes()
        size = len(whole)
        offsets = range(size) if rounds >= ROUNDS else sorted(chance.sample(range(size), min(size, rounds)))
        cut = unnoticed(small, path, kind, (whole[:at] for at in offsets))
        figures.append(exactly("bit-rot", f"{kind}: cut at {len(offsets)} of {size} offsets, not found", cut, 0))
        flips = (flipped(whole, chance) for _ in range(min(_FLIPS, rounds)))
        figures.append(exactly("bit-rot", f"{kind}: a bit flipped, not found", unnoticed(small, path, kind, flips), 0))
        tick()
    return figures


def flip_many(root: Path, files: int, chance: random.Random) -> int:
    """How many of so many files with a flipped bit `verify` names, in one go."""
    paths = chance.sample(sorted(root.rglob("*.parquet")), files)
    for path in paths:
        path.write_bytes(flipped(path.read_bytes(), chance))
    faults = "\n".join(verify(root))
    return sum(path.relative_to(root).as_posix() in faults for path in paths)


def flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def small_lake(root: Path) -> dict[str, Path]:
    """A lake with a small file of each kind, by kind."""
    append(root, RUNS, "run-a", "a001-rows", [run_row(status="complete")])
    append(root, EPOCHS, "run-a", "a001-rows", [epoch_row(epoch=epoch) for epoch in range(_EPOCHS)])
    append(root, METRICS, "run-a", "a001-rows", [metric_row()])
    event = put_tag(root, "paper-v1", take_snapshot(root))
    part = append(root, EPOCHS, "run-a", "a001-more", [epoch_row(epoch=_EPOCHS)])
    journal = Journal(root, "run-b")
    journal.log({RUNS: [run_row()]})
    for epoch in range(2):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    generation = current_generation(root)
    (snapshot,) = (root / "snapshots").glob("*.json")
    assert generation.index_path
    return {
        "part": part,
        "pack": root / generation.of("epochs")[0].path,
        "index": root / generation.index_path,
        "generation": root / "generations" / "000001.json",
        "snapshot": snapshot,
        "tag": root / "tags" / "paper-v1" / f"{event.number:06d}.json",
        "journal": journal.path,
        "marker": root / "lake.json",
    }


def unnoticed(root: Path, path: Path, kind: str, spoiled: Iterator[bytes]) -> int:
    """How many of the spoiled forms of a file nobody would notice: `verify` does not name it, and it has an effect.

    A loose part must also keep the reader from answering. What is cut off a journal, or broken in its last line, was
    perhaps never acknowledged: then its first records are there and no others.
    """
    whole = path.read_bytes()
    expected, missed = rows(root), 0
    assert not isinstance(expected, str), expected
    beginnings = list(_beginnings(root, path, whole)) if kind == "journal" else []
    for data in spoiled:
        path.write_bytes(data)
        found = any(path.name in fault or kind == "marker" for fault in faults(root))
        seen = rows(root)
        if kind == "part":
            found = found and isinstance(seen, str)
        harmless = seen in beginnings or (kind == "marker" and seen == expected)
        missed += not (found or harmless)
    path.write_bytes(whole)
    return missed


def _beginnings(root: Path, path: Path, whole: bytes) -> Iterator[Any]:
    """What a reader is told of each number of the journal's first records."""
    lines = whole.splitlines(keepends=True)
    for count in range(len(lines) + 1):
        path.write_bytes(b"".join(lines[:count]))
        yield rows(root)
    path.write_bytes(whole)


def faults(root: Path) -> list[str]:
    try:
        return verify(root)
    except LakeError as error:
        return [str(error)]


def rows(root: Path) -> Any:
    """What a reader is told: rows, or the words of the refusal."""
    try:
        with open_lake(root) as lake:
            return [
                lake.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {view} ORDER BY ALL").fetchall()
                for view in ("run_events", "epoch_events", "metrics")
            ]
    except (LakeError, duckdb.Error) as error:
        return str(error)
