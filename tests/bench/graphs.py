"""How fast windows become graphs, departures from habit included, beside a plain Python loop in the same run."""

import time
from pathlib import Path
from typing import Any

from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_stream import GraphStream
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.readers import read_can_log
from pipeline.vocabulary import learn_vocabulary
from tests.bench.naive_graphs import naive_graphs
from tests.pipeline.captures import stretch

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
_BENIGN = "train_01_attack_free/accessory-1"
_REPEATS = 7
_LOOPED = 60  # windows a capture for the plain loop


def main() -> dict[str, Any]:
    """Windows a second of both over the bundled captures, each the best of several turns taken in alternation,
    so that both share whatever else the machine does."""
    window, config = WindowConfig(), HabitConfig()
    logs = [read_can_log(path, "can-train-and-test-csv") for path in sorted(SAMPLE.rglob("*.csv.gz"))]
    vocabulary = learn_vocabulary(log.arbitration_id[~log.is_attack] for log in logs)
    benign = read_can_log(SAMPLE / f"{_BENIGN}.csv.gz", "can-train-and-test-csv")
    habit = fit_habit([Stretch(benign, 0, len(benign))], window.size, config)
    looped = [stretch(log, len(log) // 2, len(log) // 2 + _LOOPED * window.size) for log in logs]
    seconds: dict[str, list[float]] = {"1": [], "2": [], "loop": []}
    for _ in range(_REPEATS):
        for threads in (1, 2):
            started = time.perf_counter()
            for log in logs:
                GraphStream(habit, window, config, vocabulary, threads).feed(log, is_last=True)
            seconds[str(threads)].append(time.perf_counter() - started)
        started = time.perf_counter()
        n_looped = sum(len(naive_graphs(log, habit, window, config)) for log in looped)
        seconds["loop"].append(time.perf_counter() - started)
    n_windows = sum(len(log) // window.size for log in logs)
    one, two = (n_windows / min(seconds[threads]) for threads in ("1", "2"))
    loop = n_looped / min(seconds["loop"])
    return {
        "windows": n_windows,
        "window_size": window.size,
        "windows_per_s": round(max(one, two)),
        "windows_per_s_by_threads": {"1": round(one), "2": round(two)},
        "windows_per_s_plain_loop": round(loop),
        "ratio": round(max(one, two) / loop, 1),
        "bar": {"windows_per_s": 100_000, "ratio": 30},
    }
