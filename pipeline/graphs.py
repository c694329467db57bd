"""Builds a graph a window: a node an arbitration ID, a directed edge a succession of two IDs on the bus.

The whole stream is built at once with numpy. Frames of a window are sorted by (ID, position) with one
sort of packed integers, so that a node is a run of equal IDs; every sum over a run is a difference of
two running sums. Payload bytes are summed eight at a time, in 16-bit lanes of 64-bit words: a window
holds fewer than 258 frames of one ID before a lane of 255s could overflow, hence `_LANE_FRAMES`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.habit_expert import HABIT_FEATURES
from pipeline.habit import Habit
from pipeline.surprise import Surprise
from pipeline.vocabulary import Vocabulary
from pipeline.windows import WindowSet
from pipeline.workers import workers

# Node features, in column order, with what they measure and their unit.
NODE_FEATURES = (
    *(f"byte_mean_{i}" for i in range(8)),  # mean of payload byte i over the ID's frames, 0..1 (of 255)
    "frame_share",  # the ID's frames / the window's frames, 0..1
    "last_position",  # position of the ID's last frame in the window, 0..1
    "iat_mean_log10_ms",  # log10 of the mean inter-arrival time, ms; the window's span for a single frame
    "iat_min_log10_ms",  # log10 of the shortest inter-arrival time, ms; likewise
    "hamming_mean",  # bits that change from one payload of the ID to its next / 64, mean, 0..1
    *HABIT_FEATURES,  # against the vehicle's habit
)
# Edge features, likewise.
EDGE_FEATURES = (
    "transition_share",  # successions of this pair / all successions of the window, 0..1
    "gap_mean_log10_ms",  # log10 of the mean time from the first ID's frame to the second's, ms
    "is_new",  # 1 where the habit knows both IDs, but never saw the second right after the first
)
# Columns of NODE_FEATURES and EDGE_FEATURES that need no habit: what a network without one sees.
WINDOW_NODE_FEATURES = NODE_FEATURES[: -len(HABIT_FEATURES)]
WINDOW_EDGE_FEATURES = EDGE_FEATURES[: EDGE_FEATURES.index("is_new")]
_LANES = np.uint64(0x00FF00FF00FF00FF)
_LANE_FRAMES = 257
_SHORTEST_MS = 1e-3  # timestamps resolve microseconds; a step backward counts as this
_CHUNK_WINDOWS = 1024  # keeps a chunk's arrays in the processor's cache


@dataclass(frozen=True, eq=False)
class GraphArrays:
    """`G` graphs as flat arrays; graph g owns nodes `node_ptr[g]:node_ptr[g + 1]`, edges likewise.

    Attributes:
        arbitration_id: [N] uint32, the node's ID on the bus.
        node_id: [N] int32, its index in the vocabulary.
        x: [N, len(NODE_FEATURES)] float32.
        node_ptr: [G + 1] int64.
        edge_index: [2, E] int32, source and target, counted within the graph; sorted by target, then source.
        edge_attr: [E, len(EDGE_FEATURES)] float32.
        edge_ptr: [G + 1] int64.
        is_attack: [G] bool.
        is_late: [G] bool, features that only the stretch of frames behind the window told (`Surprise.is_late`).
        start_frame: [G] int64, first frame of the window in its capture.
        start_s, end_s: [G] float64, time of its first and last frame since the capture's first.
    """

    arbitration_id: NDArray[np.uint32]
    node_id: NDArray[np.int32]
    x: NDArray[np.float32]
    node_ptr: NDArray[np.int64]
    edge_index: NDArray[np.int32]
    edge_attr: NDArray[np.float32]
    edge_ptr: NDArray[np.int64]
    is_attack: NDArray[np.bool_]
    is_late: NDArray[np.bool_]
    start_frame: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.is_attack)


def build_graphs(
    windows: WindowSet, vocabulary: Vocabulary, habit: Habit, surprise: Surprise, slow_s: float, slow_weight: float,
    threads: int | None = None,
) -> GraphArrays:  # fmt: skip
    """The graph of every window, in order.

    Args:
        habit: of the vehicle; surprise: the capture's frames held against it.
        slow_s, slow_weight: an early frame of an ID with at least this period counts that much (`HabitConfig`).
    """
    columns = (windows.log.arbitration_id, windows.log.timestamp_s, windows.log.payload_word)
    ids, times, words = (windows.view(column) for column in columns)
    facts = _Facts.of(habit, surprise, slow_s, slow_weight)
    frames: tuple[NDArray[Any], ...] = (
        ids, times, words, windows.view(surprise.code), *(windows.view(column) for column in facts.per_frame)
    )  # fmt: skip
    starts = range(0, len(windows), _CHUNK_WINDOWS)
    with workers(threads) as pool:
        chunks = list(
            pool.map(
                lambda at: _chunk_graphs(facts, *(column[at : at + _CHUNK_WINDOWS] for column in frames)),
                starts,
            )
        )
    arbitration_id = np.concatenate([chunk.arbitration_id for chunk in chunks])
    origin = windows.log.timestamp_s[0]
    return GraphArrays(
        arbitration_id=arbitration_id,
        node_id=vocabulary.index(arbitration_id),
        x=np.concatenate([chunk.x for chunk in chunks]),
        node_ptr=_pointer([chunk.nodes for chunk in chunks]),
        edge_index=np.concatenate([chunk.edge_index for chunk in chunks], axis=1),
        edge_attr=np.concatenate([chunk.edge_attr for chunk in chunks]),
        edge_ptr=_pointer([chunk.edges for chunk in chunks]),
        is_attack=windows.is_attack,
        is_late=np.asarray(windows.view(surprise.is_late).any(axis=1)),
        start_frame=windows.start_frame,
        start_s=times[:, 0] - origin,
        end_s=times[:, -1] - origin,
    )


def concatenate(parts: Sequence[GraphArrays]) -> GraphArrays:
    """The graphs of all parts, one after another."""
    joined: dict[str, NDArray[Any]] = {}
    for field in fields(GraphArrays):
        columns = [getattr(part, field.name) for part in parts]
        if field.name.endswith("_ptr"):
            joined[field.name] = _pointer([np.diff(column) for column in columns])
        else:
            joined[field.name] = np.concatenate(columns, axis=1 if field.name == "edge_index" else 0)
    return GraphArrays(**joined)


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Flat arrays of a stretch of windows; `nodes` and `edges` count them per window."""

    arbitration_id: NDArray[np.uint32]
    x: NDArray[np.float32]
    nodes: NDArray[np.int64]
    edge_index: NDArray[np.int32]
    edge_attr: NDArray[np.float32]
    edges: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Facts:
    """What the habit says of frames and IDs, as tables that a node's features are summed or looked up from.

    Attributes:
        per_frame: [N] float32 each: early (weighed), new length, counter break, gap, new bytes, early (depth).
        per_id: [I + 1] float32 each: period, its logarithm, is periodic, usual flips, most frames; last an unseen ID.
        follows: [I + 1, I + 1] bool, True as well where either ID is unseen.
        log10_s: of the habit's seconds.
    """

    per_frame: tuple[NDArray[np.float32], ...]
    per_id: tuple[NDArray[np.float32], ...]
    follows: NDArray[np.bool_]
    log10_s: float

    @classmethod
    def of(cls, habit: Habit, surprise: Surprise, slow_s: float, slow_weight: float) -> "_Facts":
        n_ids = len(habit)
        weight = np.append(np.where(habit.period_s >= slow_s, slow_weight, 1.0), 0.0).astype(np.float32)
        per_frame = (
            (surprise.early > 0) * weight[surprise.code],
            surprise.has_new_length.astype(np.float32),
            surprise.breaks_counter.astype(np.float32),
            surprise.gap_log2,
            surprise.new_bytes,
            surprise.early,
        )
        period = np.nan_to_num(habit.period_s, nan=0.0)
        log_period = np.where(period > 0, _log10_ms(period * 1e3), 0)
        per_id = tuple(
            np.append(column, 0).astype(np.float32)
            for column in (period, log_period, habit.is_periodic, habit.hamming, habit.most_frames)
        )
        follows = np.ones((n_ids + 1, n_ids + 1), dtype=bool)
        follows[:-1, :-1] = habit.follows
        return cls(per_frame, per_id, follows, float(np.log10(max(habit.seconds, 0.1))))


def _chunk_graphs(
    facts: _Facts, ids: NDArray[np.uint32], times: NDArray[np.float64], words: NDArray[np.uint64],
    code: NDArray[np.intp], *per_frame: NDArray[np.float32],
) -> _Chunk:  # fmt: skip
    """Graphs of windows given as [W, S] columns."""
    n_windows, size = ids.shape
    position_bits = int(size - 1).bit_length()
    packed: Any = np.uint32 if int(ids.max()).bit_length() + position_bits <= 32 else np.uint64
    positions = np.arange(size, dtype=packed)
    order = np.sort((ids.astype(packed) << packed(position_bits)) | positions, axis=1)
    position = (order & packed((1 << position_bits) - 1)).astype(np.intp)
    sorted_id = (order >> packed(position_bits)).astype(np.uint32)

    first = np.empty((n_windows, size), dtype=bool)  # first frame of a run of equal IDs
    first[:, 0] = True
    np.not_equal(sorted_id[:, 1:], sorted_id[:, :-1], out=first[:, 1:])
    start = np.flatnonzero(first)
    end = np.append(start[1:], first.size)  # one behind the run's last frame
    taken = (position + np.arange(n_windows)[:, None] * size).ravel()
    # since the window began: a product of seconds since 1970 would lose the microseconds
    time_ms = (times - times[:, :1]).ravel()[taken] * 1e3
    word = np.ascontiguousarray(words).ravel()[taken]

    x = np.empty((len(start), len(NODE_FEATURES)), dtype=np.float32)
    frames = end - start
    _fill_payload(x, word, start, end, first.ravel())
    x[:, 8] = frames / size
    x[:, 9] = position.ravel()[end - 1] / max(size - 1, 1)
    span_ms = (times[:, -1] - times[:, 0]) * 1e3
    x[:, 10:12] = _arrival_times(time_ms, start, end, frames, span_ms[start // size])
    owner = code.ravel()[taken[start]]
    sorted_facts = [_taken(column.ravel(), taken) for column in per_frame]
    _fill_habit(x, owner, frames, start, span_ms[start // size], sorted_facts, facts)

    node = np.empty(n_windows * size, dtype=packed)
    node[taken] = (np.cumsum(first, axis=1, dtype=packed) - packed(1)).ravel()
    edge_index, edge_attr, edges = _edges(node.reshape(n_windows, size), times, position_bits)
    nodes = first.sum(axis=1)
    base = np.repeat(_pointer([nodes])[:-1], edges)
    edge_attr[:, 2] = ~facts.follows[owner[base + edge_index[0]], owner[base + edge_index[1]]]
    return _Chunk(sorted_id.ravel()[start], x, nodes, edge_index, edge_attr, edges)


def _fill_payload(
    x: NDArray[np.float32],
    word: NDArray[np.uint64],
    start: NDArray[np.intp],
    end: NDArray[np.intp],
    first: NDArray[np.bool_],
) -> None:
    """Columns byte_mean_* and hamming_mean of frames sorted into runs."""
    frames = end - start
    share = (1 / (frames * 255.0)).astype(np.float32)
    for shift, columns in ((0, slice(0, 8, 2)), (8, slice(1, 8, 2))):
        lanes = (word >> np.uint64(shift)) & _LANES
        if int(frames.max()) <= _LANE_FRAMES:
            # Running sums wrap around, their differences do not: a run's lanes stay below 2**16.
            sums = _run_sums(lanes, end).view("<u2").reshape(-1, 4)
        else:
            sums = _run_sums(lanes.view("<u2").reshape(-1, 4).astype(np.uint64), end)
        np.multiply(sums, share[:, None], out=x[:, columns], casting="same_kind")
    flips = np.zeros(len(word), dtype=np.uint8)
    np.multiply(np.bitwise_count(word[1:] ^ word[:-1]), ~first[1:], out=flips[1:])
    x[:, 12] = _run_sums(flips, end) / (np.maximum(frames - 1, 1) * 64.0)


def _arrival_times(
    time_ms: NDArray[np.float64],
    start: NDArray[np.intp],
    end: NDArray[np.intp],
    frames: NDArray[np.intp],
    span_ms: NDArray[np.float64],
) -> NDArray[np.float32]:
    """[N, 2] log10 of each run's mean and shortest inter-arrival time."""
    mean = (time_ms[end - 1] - time_ms[start]) / np.maximum(frames - 1, 1)
    steps = np.empty(len(time_ms))
    np.subtract(time_ms[1:], time_ms[:-1], out=steps[1:])
    steps[start] = np.inf  # no frame of this ID before it in the window
    shortest = np.minimum.reduceat(steps, start)
    single = frames == 1
    both = np.stack([np.where(single, span_ms, mean), np.where(single, span_ms, shortest)], axis=1)
    return _log10_ms(both)


def _taken(values: NDArray[np.float32], place: NDArray[np.intp]) -> NDArray[np.float32] | None:
    """The values in the order of `place`; None where all are 0, as most departures in most stretches are."""
    return values.take(place) if values.any() else None


def _fill_habit(
    x: NDArray[np.float32], owner: NDArray[np.intp], frames: NDArray[np.intp], start: NDArray[np.intp],
    span_ms: NDArray[np.float64], per_frame: Sequence[NDArray[np.float32] | None], facts: _Facts,
) -> None:  # fmt: skip
    """The columns of `HABIT_FEATURES`; `owner` [N] is the node's ID in the habit, -1 unseen."""
    first = len(WINDOW_NODE_FEATURES)
    known = owner >= 0
    period_s, log_period, is_periodic, usual_flips, most = (column.take(owner, mode="wrap") for column in facts.per_id)
    early, length, breaks, gap, new_bytes, depth = per_frame
    with np.errstate(divide="ignore", invalid="ignore"):
        # a clock that jumped back says nothing of the time that passed
        by_time = (is_periodic > 0) & (span_ms >= 0)
        expected = np.where(by_time, span_ms * 1e-3 / period_s + 1.5, most + 1)
    columns = (
        np.where(known, 0, frames),
        _sums(early, start),
        0.0 if depth is None else np.maximum.reduceat(depth, start),
        np.where(known, np.maximum(frames - expected, 0), 0),
        _sums(length, start),
        _sums(breaks, start),
        _sums(gap, start) / frames,
        0.0 if gap is None else np.maximum.reduceat(np.abs(gap), start),
        log_period,
        is_periodic,
        np.where(known & (frames > 1), x[:, first - 1] - usual_flips, 0),
        _sums(new_bytes, start) / frames,
        facts.log10_s,
    )
    for number, column in enumerate(columns):
        x[:, first + number] = column


def _sums(values: NDArray[np.float32] | None, start: NDArray[np.intp]) -> NDArray[np.float32] | np.float32:
    """Sum of each run that begins at `start`, each by itself: a running sum of gaps would lose digits."""
    return np.float32(0) if values is None else np.add.reduceat(values, start)


def _edges(
    node: NDArray[Any], times: NDArray[np.float64], position_bits: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]:
    """Successions of a window's nodes: [2, E] source and target, [E, 2] features, [W] edges a window."""
    n_windows, size = node.shape
    wide: Any = np.uint32 if 3 * position_bits <= 32 else np.uint64
    bits, mask = wide(position_bits), wide((1 << position_bits) - 1)
    pair = (node[:, 1:].astype(wide) << bits) | node[:, :-1].astype(wide)  # by target, as attention reads them
    order = np.sort((pair << bits) | np.arange(size - 1, dtype=wide), axis=1)
    pair = order >> bits
    first = np.empty(pair.shape, dtype=bool)
    first[:, :1] = True
    np.not_equal(pair[:, 1:], pair[:, :-1], out=first[:, 1:])
    start = np.flatnonzero(first)
    end = np.append(start[1:], first.size)
    taken = ((order & mask).astype(np.intp) + np.arange(n_windows)[:, None] * (size - 1)).ravel()
    gap_ms = (np.diff(times, axis=1) * 1e3).ravel()[taken]
    kept = pair.ravel()[start]
    edge_index = np.stack([kept & mask, kept >> bits]).astype(np.int32)
    count = end - start
    edge_attr = np.empty((len(start), len(EDGE_FEATURES)), dtype=np.float32)
    edge_attr[:, 0] = count / (size - 1)
    edge_attr[:, 1] = _log10_ms(_run_sums(gap_ms, end) / count)
    return edge_index, edge_attr, first.sum(axis=1)


def _run_sums(values: NDArray[Any], end: NDArray[np.intp]) -> NDArray[Any]:
    """Sum of `values` over each run; a run begins where the one before ends."""
    wide = np.uint64 if values.dtype.kind == "u" else values.dtype
    until = np.cumsum(values, axis=0, dtype=wide)[end - 1]
    until[1:] -= until[:-1].copy()
    return np.asarray(until)


def _pointer(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)


def _log10_ms(time_ms: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.log10(np.maximum(time_ms, _SHORTEST_MS).astype(np.float32))
