"""How much memory it takes to tend a lake of millions of rows."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.lake_rows import write_runs
from tests.torture.figure import Figure, Tick, exactly

REPOSITORY = Path(__file__).resolve().parents[2]
ROUNDS = 10_000  # runs, of 100 epochs and 8 metrics
_MOST_MIB = 1024
VERBS = (("verify",), ("compact",), ("snapshot",), ("verify",), ("verify", "--rows"))
# A process begins with the peak of the one it was forked from, so a small one stands between the two.
_BETWEEN = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))
"""


def torture(folder: Path, rounds: int, seed: int, tick: Tick) -> list[Figure]:
    rows = write_runs(folder / "lake", rounds)
    figures = [Figure("memory", "rows of epochs", rows)]
    for place, verb in enumerate(VERBS):
        found = measured("-m", "lake", "--lake", str(folder / "lake"), *verb)
        about = f"{' '.join(verb)}, {'unpacked' if place < 2 else 'packed'}"
        peak = found["peak_mib"]
        figures.append(Figure("memory", f"{about}: MiB at most", peak, f"≤ {_MOST_MIB}", peak <= _MOST_MIB))
        figures.append(exactly("memory", f"{about}: exit code", found["exit_code"], 0))
    return figures


def measured(*words: str) -> dict[str, Any]:
    """Seconds, processor seconds, exit code and peak memory of a Python of its own."""
    begun = time.perf_counter()
    command = [sys.executable, "-S", "-c", _BETWEEN, sys.executable, *words]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    code, processor_s, peak_mib = json.loads(done.stdout)
    return {
        "seconds": round(time.perf_counter() - begun, 2),
        "processor_seconds": round(processor_s, 2),
        "peak_mib": peak_mib,
        "exit_code": code,
    }
