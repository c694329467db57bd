"""Lakes of many finished runs as their trainings leave them: a few small parts a run, none of them packed yet."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lake.contract import check_arrow
from lake.parts import DIGITS, journalled_name
from lake.root import create_lake
from lake.schema import EPOCHS, METRICS, RUNS
from lake.table import Table

EPOCH_METRICS = tuple(f"metric_{number}" for number in range(8))
TEST_METRICS = ("f1", "auroc", "fpr", "recall", "precision", "accuracy", "mcc", "auprc")
_AT_ONCE = 500  # runs
_BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def write_runs(root: Path, runs: int, epochs: int = 100, first: int = 0) -> int:
    """Parts of so many runs: two events, `epochs` of 8 metrics, 8 results; gives the rows of epochs.

    The bytes are those that a journal's seal leaves, but they are not flushed one by one: what is measured is what is
    done with them later.
    """
    create_lake(root)
    chance = np.random.default_rng(first)
    for start in range(first, first + runs, _AT_ONCE):
        numbers = np.arange(start, min(start + _AT_ONCE, first + runs))
        for table, columns in _of_runs(numbers, epochs, chance):
            _write(root, table, check_arrow(table, columns), numbers, epochs)
    return runs * epochs * len(EPOCH_METRICS)


def run_id_of(number: int) -> str:
    return f"bench-{number:06d}"


def _of_runs(
    numbers: NDArray[np.int64], epochs: int, chance: np.random.Generator
) -> Iterator[tuple[Table, dict[str, pa.Array]]]:
    """The columns of a table, of some runs."""
    count, per_run = len(numbers), epochs * len(EPOCH_METRICS)
    names = np.array([run_id_of(number) for number in numbers])
    yield (
        EPOCHS,
        {
            "run_id": pa.array(np.repeat(names, per_run)),
            "attempt": pa.repeat(1, count * per_run),
            "epoch": pa.array(np.tile(np.repeat(np.arange(epochs), len(EPOCH_METRICS)), count)),
            "split": pa.repeat("validation", count * per_run),
            "metric": pa.array(np.tile(np.array(EPOCH_METRICS), count * epochs)),
            "value": pa.array(chance.random(count * per_run)),
        },
    )
    of_each = np.repeat(names, len(TEST_METRICS))
    texts = {
        "dataset": "bench", "split": "test", "capture": "known vehicles", "vehicle": "all", "attack": "all",
        "protocol": "known vehicle",
    }  # fmt: skip
    yield (
        METRICS,
        {
            **{name: pa.repeat(text, len(of_each)) for name, text in texts.items()},
            "run_id": pa.array(of_each),
            "model_run_id": pa.array(of_each),
            "is_known_vehicle": pa.repeat(True, len(of_each)),
            "metric": pa.array(TEST_METRICS * count),
            "value": pa.array(chance.random(len(of_each))),
            "n": pa.repeat(1000, len(of_each)),
            "n_attack": pa.repeat(100, len(of_each)),
        },
    )
    texts = {
        "experiment": "bench", "stage": "gat_student", "model": "gat", "role": "student", "dataset": "bench",
        "versions_json": "{}", "device": "cpu",
    }  # fmt: skip
    configs = [f'{{"name": "bench", "window": {{"size": 100}}, "number": {number // 5}}}' for number in numbers]
    begun = [_BEGUN + timedelta(seconds=int(number)) for number in numbers]
    yield (
        RUNS,
        {
            **{name: pa.repeat(text, 2 * count) for name, text in texts.items()},
            "run_id": pa.array(np.repeat(names, 2)),
            "config_json": pa.array(np.repeat(configs, 2)),
            "config_digest": pa.array(
                [hashlib.sha256(text.encode()).hexdigest() for text in configs for _ in range(2)]
            ),
            "status": pa.array(["running", "complete"] * count),
            "attempt": pa.repeat(1, 2 * count),
            "is_demo": pa.repeat(False, 2 * count),
            "seed": pa.array(np.repeat(numbers % 5, 2)),
            "started_at": pa.array([at for at in begun for _ in range(2)]),
            "finished_at": pa.array([at for one in begun for at in (None, one + timedelta(minutes=9))]),
        },
    )


def _write(root: Path, table: Table, rows: pa.Table, numbers: NDArray[np.int64], epochs: int) -> None:
    """A part a run; rows in key order are of one run after another."""
    per_run = len(rows) // len(numbers)
    for place, number in enumerate(numbers):
        sink = pa.BufferOutputStream()
        pq.write_table(rows.slice(place * per_run, per_run), sink, compression="zstd", write_page_checksum=True)
        data = sink.getvalue()
        folder = root / table.name / run_id_of(number)
        folder.mkdir(parents=True, exist_ok=True)
        part = journalled_name(1, f"{number:016x}", 0, epochs + 2)
        (folder / f"{part}.{hashlib.sha256(data).hexdigest()[:DIGITS]}.parquet").write_bytes(data)
