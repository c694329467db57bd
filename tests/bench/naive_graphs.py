"""A graph a window as one would write it first: plain Python, a frame at a time.

Written from the documentation of the features (the comments beside `NODE_FEATURES` and `EDGE_FEATURES`), not
from the vectorised builder: the tests compare the two, and the bench says how much faster the latter is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.windows import WindowSet

Frame = tuple[float, int, bytes]  # seconds, arbitration ID, payload padded to 8 bytes
SHORTEST_MS = 1e-3


@dataclass(frozen=True)
class NaiveGraph:
    """IDs in rising order, a row of features each; edges as (source, target) in rising order, likewise."""

    arbitration_ids: list[int]
    x: list[list[float]]
    edges: list[tuple[int, int]]
    edge_attr: list[list[float]]


def frames_of(windows: WindowSet) -> list[list[Frame]]:
    """The windows' frames as Python objects."""
    log = windows.log
    times, ids = log.timestamp_s.tolist(), log.arbitration_id.tolist()
    payloads = [bytes(row) for row in log.payload]
    frames = list(zip(times, ids, payloads, strict=True))
    return [frames[start : start + windows.size] for start in windows.start_frame.tolist()]


def naive_graph(window: Sequence[Frame]) -> NaiveGraph:
    """The graph of one window."""
    positions: dict[int, list[int]] = {}
    for position, (_, number, _) in enumerate(window):
        positions.setdefault(number, []).append(position)
    ids = sorted(positions)
    node = {number: index for index, number in enumerate(ids)}
    gaps: dict[tuple[int, int], list[float]] = {}
    for before, after in pairwise(window):
        gaps.setdefault((node[before[1]], node[after[1]]), []).append((after[0] - before[0]) * 1000)
    edges = sorted(gaps)
    n_successions = len(window) - 1
    return NaiveGraph(
        ids,
        [_node_features(window, positions[number]) for number in ids],
        edges,
        [[len(gaps[edge]) / n_successions, _log10_ms(sum(gaps[edge]) / len(gaps[edge]))] for edge in edges],
    )


def _node_features(window: Sequence[Frame], positions: list[int]) -> list[float]:
    frames = [window[position] for position in positions]
    means = [sum(frame[2][i] for frame in frames) / len(frames) / 255 for i in range(8)]
    times = [frame[0] for frame in frames]
    steps = [(after - before) * 1000 for before, after in pairwise(times)]
    steps = steps or [(window[-1][0] - window[0][0]) * 1000]  # a single frame: the window's span
    flips = [(int.from_bytes(before[2]) ^ int.from_bytes(after[2])).bit_count() for before, after in pairwise(frames)]
    return [
        *means,
        len(frames) / len(window),
        positions[-1] / (len(window) - 1),
        _log10_ms(sum(steps) / len(steps)),
        _log10_ms(min(steps)),
        sum(flips) / len(flips) / 64 if flips else 0.0,
    ]


def _log10_ms(time_ms: float) -> float:
    return math.log10(max(time_ms, SHORTEST_MS))
