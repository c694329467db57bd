"""The lake's own speed: many writers at once, a run published, a thousand pushed, 8 million rows tended.

What verifying is held against is SHA-256 over the same number of bytes in the same run, on one processor.
"""

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from lake.check import verify
from lake.gc import collect
from lake.journal import Journal
from lake.schema import METRICS, RUNS
from lake.snapshot import take_snapshot
from tests.bench.lake_rows import write_runs
from tests.lake.rows import NOON, metric_row, run_row
from tests.torture.memory import measured
from tests.torture.remote import push_of_many_runs
from tests.torture.writers import write_together

RUNS_OF_8_M, PUSHED, TURNS = 10_000, 1_000, 3
_WITH_ROWS = ("unpacked_verify", "compact", "snapshot", "verify", "verify_rows")


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        writers = [write_together(place / f"writers-{turn}") for turn in range(TURNS)]
        figures: dict[str, Any] = {
            "processors": len(os.sched_getaffinity(0)),
            "load_before": os.getloadavg()[0],
            "writers_32_rows": min(one["rows"] for one in writers),
            "writers_32_s": round(median(one["seconds"] for one in writers), 2),
            "writers_32_best_s": round(min(one["seconds"] for one in writers), 2),
            "publish_s": _publish(place / "one"),
        }
        pushed = push_of_many_runs(PUSHED)
        figures |= {
            f"push_1000_runs_{key}": pushed[key] for key in ("freeze_s", "push_s", "publish_one_run_s", "bytes")
        }
        figures |= _tended(place / "many")
    return {
        **figures,
        "load_after": os.getloadavg()[0],
        "bar": {
            "writers_32_s": 3,
            "publish_s": 1,
            "push_s": 60,
            "verify_mb_per_s": 500,
            "files": 200,
            "peak_mib": 1024,
        },
    }


def _publish(root: Path) -> float:
    """Seconds from the last row of a run to the snapshot that has it, in a lake of 20 others."""
    write_runs(root, 20)
    taken = []
    for turn in range(TURNS):
        journal = Journal(root, f"run-{turn}")
        journal.log({RUNS: [run_row()]})
        for epoch in range(100):
            journal.log_epoch(epoch, "train", {f"metric_{n}": 0.5 for n in range(8)})
        journal.log({METRICS: [metric_row()], RUNS: [run_row(status="complete", finished_at=NOON)]})
        begun = time.perf_counter()
        journal.seal()
        take_snapshot(root)
        taken.append(time.perf_counter() - begun)
    return round(median(taken), 2)


def _tended(root: Path) -> dict[str, Any]:
    """Each verb as a command of its own; then `verify` by itself over the packs alone."""
    figures: dict[str, Any] = {"rows": write_runs(root, RUNS_OF_8_M)}
    for name in _WITH_ROWS:
        words = name.removeprefix("unpacked_").split("_")
        verb = [words[0], *(f"--{word}" for word in words[1:])]
        found = measured("-m", "lake", "--lake", str(root), *verb)
        figures |= {f"{name}_{key}": found[key] for key in ("seconds", "processor_seconds", "peak_mib")}
        print(f"bench lake: {name}: {found}", file=sys.stderr)
    for path in root.rglob("*.parquet"):
        os.utime(path, (0, 0))
    for path in (root / "generations").iterdir():
        os.utime(path, (0, 0))
    freed = len(collect(root))
    files = [path for path in root.rglob("*") if path.is_file()]
    sizes: list[int] = []
    begun = time.perf_counter()
    read: list[float] = []
    faults = verify(root, tick=lambda size: (sizes.append(size), read.append(time.perf_counter())))
    seconds, bytes_s = time.perf_counter() - begun, max(read) - begun
    assert not faults, faults
    sha256_s = _sha256_s(files)
    return {
        **figures,
        "freed_files": freed,
        "files": len(files),
        "packed_mb": round(sum(sizes) / 1e6, 1),
        "verify_mb_per_s": round(sum(sizes) / 1e6 / seconds),
        "verify_bytes_mb_per_s": round(sum(sizes) / 1e6 / bytes_s),  # until the last file was compared with its digest
        "sha256_mb_per_s": round(sum(path.stat().st_size for path in files) / 1e6 / sha256_s),
    }


def _sha256_s(files: list[Path]) -> float:
    begun = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return time.perf_counter() - begun
