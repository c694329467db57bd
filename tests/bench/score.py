"""What scoring costs beyond reading: the released student on one processor, and in how much memory."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.read import READER, REPOSITORY, written

_FRAMES, _LONG_FRAMES = 1_000_000, 10_000_000
_REPEATS = 3


def main() -> dict[str, Any]:
    """Processor seconds a million frames, each figure the least of some repeats in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "score.csv", _FRAMES)
        found = {way: min((_in_a_process(way, path) for _ in range(_REPEATS)), key=_cost) for way in WAYS}
        long = _in_a_process("score", written(Path(folder) / "long.csv", _LONG_FRAMES))
    per_million = {way: _cost(one) * 1e6 / one["frames"] for way, one in found.items()}
    return {
        "model": "reference",
        "frames": found["score"]["frames"],
        "read_s_per_m_frames": round(per_million["read"], 3),
        "graphs_s_per_m_frames": round(per_million["graphs"] - per_million["read"], 3),
        "score_s_per_m_frames": round(per_million["score"] - per_million["read"], 3),
        "ten_m_frames": {"seconds": round(long["wall_s"], 1), "peak_mib": long["peak_mib"]},
        "bar": {"score_s_per_m_frames": 0.8, "peak_mib": 2048},
    }


def read(path: Path) -> int:
    from pipeline.readers import read_chunks

    return sum(map(len, read_chunks(path, READER)))


def build(path: Path) -> int:
    """Reading and graphs, without the networks."""
    from pipeline.detector_folder import find_detector
    from pipeline.protocols import KNOWN, Protocol
    from pipeline.readers import read_chunks
    from pipeline.scoring import graph_stream, stream_graphs
    from pipeline.settings import load_settings

    knowledge = find_detector("reference", load_settings()).knowledge
    chunks = list(read_chunks(path, READER))
    stream = graph_stream(knowledge, Protocol(KNOWN), chunks[0], "Chevrolet Impala 2011", threads=1)
    for _ in stream_graphs(stream, chunks):
        pass
    return sum(map(len, chunks))


def score(path: Path) -> int:
    from pipeline.detector_folder import find_detector
    from pipeline.score import score_capture
    from pipeline.settings import load_settings

    kept = find_detector("reference", load_settings())
    rows = [len(piece) for piece in score_capture(kept, path, vehicle="Chevrolet Impala 2011", reader=READER)]
    return sum(rows) * kept.knowledge.window.stride


WAYS = {"read": read, "graphs": build, "score": score}


def _cost(one: dict[str, Any]) -> float:
    return float(one["cpu_s"])


def _in_a_process(way: str, path: Path) -> dict[str, Any]:
    """One way, alone on one processor; starting Python and importing torch does not count."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.score", way, str(path)],
        capture_output=True, text=True, check=True, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def _measured(way: str, path: Path) -> dict[str, Any]:
    import torch

    import pipeline.score  # noqa: F401

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    wall, cpu = time.perf_counter(), time.process_time()
    frames = WAYS[way](path)
    return {
        "frames": frames,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], Path(sys.argv[2]))))
