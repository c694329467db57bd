"""How fast windows become graphs, beside a plain Python loop in the same run."""

import time
from pathlib import Path
from typing import Any

from pipeline.config import WindowConfig
from pipeline.graphs import build_graphs
from pipeline.readers import read_can_log
from pipeline.vocabulary import learn_vocabulary
from pipeline.windows import cut_windows
from tests.bench.naive_graphs import frames_of, naive_graph

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
_REPEATS = 7
_LOOPED = 60  # windows a capture for the plain loop


def main() -> dict[str, Any]:
    """Windows a second of both over the bundled captures, each the best of several turns taken in alternation,
    so that both share whatever else the machine does."""
    logs = [read_can_log(path, "can-train-and-test-csv") for path in sorted(SAMPLE.rglob("*.csv.gz"))]
    captures = [cut_windows(log, WindowConfig()) for log in logs]
    vocabulary = learn_vocabulary(log.arbitration_id[~log.is_attack] for log in logs)
    looped = [window for cut in captures for window in frames_of(cut)[:: len(cut) // _LOOPED]]
    seconds: dict[str, list[float]] = {"1": [], "2": [], "loop": []}
    for _ in range(_REPEATS):
        for threads in (1, 2):
            started = time.perf_counter()
            for cut in captures:
                build_graphs(cut, vocabulary, threads=threads)
            seconds[str(threads)].append(time.perf_counter() - started)
        started = time.perf_counter()
        for window in looped:
            naive_graph(window)
        seconds["loop"].append(time.perf_counter() - started)
    n_windows = sum(map(len, captures))
    one, two = (n_windows / min(seconds[threads]) for threads in ("1", "2"))
    loop = len(looped) / min(seconds["loop"])
    return {
        "windows": n_windows,
        "window_size": captures[0].size,
        "windows_per_s": round(max(one, two)),
        "windows_per_s_by_threads": {"1": round(one), "2": round(two)},
        "windows_per_s_plain_loop": round(loop),
        "ratio": round(max(one, two) / loop, 1),
        "bar": {"windows_per_s": 100_000, "ratio": 30},
    }
