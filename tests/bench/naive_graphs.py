"""A graph a window as one would write it first: plain Python, a frame at a time.

Written from docs/data.md and docs/habit.md, not from the vectorised builder: the tests compare the two, and the
bench says how much faster the latter is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig, WindowConfig
from pipeline.habit import Habit
from tests.bench.naive_surprise import Fact, Frame, Known, facts_of, frames_of, known_ids

SHORTEST_MS = 1e-3


@dataclass(frozen=True)
class NaiveGraph:
    """IDs in rising order, a row of features each; edges as (source, target) in rising order, likewise."""

    arbitration_ids: list[int]
    x: list[list[float]]
    edges: list[tuple[int, int]]
    edge_attr: list[list[float]]
    is_late: bool


@dataclass(frozen=True)
class Vehicle:
    """What a window is held against."""

    known: dict[int, Known]
    follows: set[tuple[int, int]]
    log10_s: float
    config: HabitConfig

    @classmethod
    def of(cls, habit: Habit, config: HabitConfig) -> "Vehicle":
        ids = habit.arbitration_id.tolist()
        follows = {(a, b) for i, a in enumerate(ids) for k, b in enumerate(ids) if habit.follows[i, k]}
        return cls(known_ids(habit), follows, math.log10(max(habit.seconds, 0.1)), config)


def naive_graphs(log: CanLog, habit: Habit, window: WindowConfig, config: HabitConfig) -> list[NaiveGraph]:
    """The graph of every full window of the capture."""
    vehicle, frames = Vehicle.of(habit, config), frames_of(log)
    facts = facts_of(frames, vehicle.known, config, window.size)
    starts = range(0, len(frames) - window.size + 1, window.stride)
    return [naive_graph(frames[s : s + window.size], facts[s : s + window.size], vehicle) for s in starts]


def naive_graph(window: Sequence[Frame], facts: Sequence[Fact], vehicle: Vehicle) -> NaiveGraph:
    """The graph of one window."""
    positions: dict[int, list[int]] = {}
    for position, (_, number, _, _) in enumerate(window):
        positions.setdefault(number, []).append(position)
    ids = sorted(positions)
    node = {number: index for index, number in enumerate(ids)}
    gaps: dict[tuple[int, int], list[float]] = {}
    for before, after in pairwise(window):
        gaps.setdefault((before[1], after[1]), []).append((after[0] - before[0]) * 1000)
    edges = sorted(gaps, key=lambda pair: (node[pair[1]], node[pair[0]]))
    n_successions = len(window) - 1
    return NaiveGraph(
        ids,
        [
            _window_features(window, positions[number]) + _habit_features(window, facts, positions[number], vehicle)
            for number in ids
        ],
        [(node[first], node[second]) for first, second in edges],
        [
            [len(gaps[edge]) / n_successions, _log10_ms(sum(gaps[edge]) / len(gaps[edge])), _is_new(edge, vehicle)]
            for edge in edges
        ],
        any(fact.is_late for fact in facts),
    )


def _is_new(edge: tuple[int, int], vehicle: Vehicle) -> float:
    are_known = edge[0] in vehicle.known and edge[1] in vehicle.known
    return float(are_known and edge not in vehicle.follows)


def _window_features(window: Sequence[Frame], positions: list[int]) -> list[float]:
    frames = [window[position] for position in positions]
    means = [sum(frame[3][i] for frame in frames) / len(frames) / 255 for i in range(8)]
    times = [frame[0] for frame in frames]
    steps = [(after - before) * 1000 for before, after in pairwise(times)]
    steps = steps or [(window[-1][0] - window[0][0]) * 1000]  # a single frame: the window's span
    return [
        *means,
        len(frames) / len(window),
        positions[-1] / (len(window) - 1),
        _log10_ms(sum(steps) / len(steps)),
        _log10_ms(min(steps)),
        _hamming(frames),
    ]


def _hamming(frames: Sequence[Frame]) -> float:
    flips = [(int.from_bytes(before[3]) ^ int.from_bytes(after[3])).bit_count() for before, after in pairwise(frames)]
    return sum(flips) / len(flips) / 64 if flips else 0.0


def _habit_features(
    window: Sequence[Frame], facts: Sequence[Fact], positions: list[int], vehicle: Vehicle
) -> list[float]:
    own = [facts[position] for position in positions]
    n = len(own)
    known = vehicle.known.get(window[positions[0]][1])
    if known is None:
        return [float(n), *[0.0] * 11, vehicle.log10_s]
    is_slow = known.period_s is not None and known.period_s >= vehicle.config.slow_period_s
    span_s = window[-1][0] - window[0][0]
    if known.is_periodic and known.period_s and span_s >= 0:
        expected = span_s / known.period_s + 1.5
    else:
        expected = known.most_frames + 1
    return [
        0.0,
        sum(fact.early > 0 for fact in own) * (vehicle.config.slow_weight if is_slow else 1.0),
        max(fact.early for fact in own),
        max(n - expected, 0.0),
        float(sum(fact.has_new_length for fact in own)),
        float(sum(fact.breaks_counter for fact in own)),
        sum(fact.gap_log2 for fact in own) / n,
        max(abs(fact.gap_log2) for fact in own),
        _log10_ms(known.period_s * 1000) if known.period_s else 0.0,
        float(known.is_periodic),
        _hamming([window[position] for position in positions]) - known.hamming if n > 1 else 0.0,
        sum(fact.new_bytes for fact in own) / n,
        vehicle.log10_s,
    ]


def _log10_ms(time_ms: float) -> float:
    return math.log10(max(time_ms, SHORTEST_MS))
