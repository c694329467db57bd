"""How fast a plain can-train-and-test CSV becomes frames, and in how much memory, beside two other ways to read it."""

import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.readers import read_can_log, read_chunks
from pipeline.readers.can_train_and_test import COLUMNS

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "data" / "sample"
READER = "can-train-and-test-csv"
_FRAMES, _LONG_FRAMES = 2_000_000, 10_000_000
_REPEATS = 5


def main() -> dict[str, Any]:
    """Frames a second of each way over the bundled captures, one behind the other as plain CSV in the page cache."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "read.csv", _FRAMES)
        found = {name: _in_a_process(name, path) for name in WAYS}
        long = _in_a_process("stream", written(Path(folder) / "long.csv", _LONG_FRAMES), repeats=1)
    rates = {name: way["frames_per_s"] for name, way in found.items()}
    return {
        "frames": found["whole"]["frames"],
        "frames_per_s": rates["whole"],
        "frames_per_cpu_s": found["whole"]["frames_per_cpu_s"],
        "frames_per_s_stream": rates["stream"],
        "frames_per_s_polars": rates["polars"],
        "frames_per_s_python_csv": rates["python_csv"],
        "ratio": round(rates["whole"] / rates["python_csv"], 1),
        "processors": len(os.sched_getaffinity(0)),
        "stream_of_10_m_frames": {"frames_per_s": long["frames_per_s"], "peak_mib": long["peak_mib"]},
        "bar": {"frames_per_s": 4_000_000, "peak_mib": 2048},
    }


def written(path: Path, frames: int) -> Path:
    """The bundled captures' rows, over again until there are `frames` of them."""
    texts = [gzip.decompress(one.read_bytes()).partition(b"\n") for one in sorted(SAMPLE.rglob("*.csv.gz"))]
    rows = b"".join(text for _, _, text in texts)
    times, rest = divmod(frames, rows.count(b"\n"))
    with path.open("wb") as file:
        file.write(texts[0][0] + b"\n")
        for _ in range(times):
            file.write(rows)
        file.writelines(rows.splitlines(keepends=True)[:rest])
    return path


def read_stream(path: Path) -> int:
    return sum(map(len, read_chunks(path, READER)))


def read_with_polars(path: Path) -> int:
    """The columns only: text stays text, and nothing is checked."""
    return pl.read_csv(path, schema=COLUMNS, quote_char=None).height


def read_with_csv(path: Path) -> int:
    """Frames as tuples, as a plain loop reads them; of the first part only, as it takes so long."""
    n = 0
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for time, number, payload, attack in rows:
            frame = (float(time), int(number, 16), bytes.fromhex(payload), attack == "1")
            n += len(frame) // 4
            if n == _FRAMES // 10:
                break
    return n


WAYS: dict[str, Callable[[Path], int]] = {
    "whole": lambda path: len(read_can_log(path, READER)),
    "stream": read_stream,
    "polars": read_with_polars,
    "python_csv": read_with_csv,
}
_MEASURE = """
import json, resource, sys, time
from pathlib import Path
from tests.bench.read import WAYS
way, path, best, least = WAYS[sys.argv[1]], Path(sys.argv[2]), 1e9, 1e9
for _ in range(int(sys.argv[3])):
    used, started = time.process_time(), time.perf_counter()
    frames = way(path)
    best, least = min(best, time.perf_counter() - started), min(least, time.process_time() - used)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
rates = {"frames_per_s": round(frames / best), "frames_per_cpu_s": round(frames / least)}
print(json.dumps({"frames": frames, "peak_mib": peak, **rates}))
"""


def _in_a_process(way: str, path: Path, repeats: int = _REPEATS) -> dict[str, Any]:
    """Best of several turns in a process of its own, so that each has its own peak of memory."""
    command = [sys.executable, "-c", _MEASURE, way, str(path), str(repeats)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
