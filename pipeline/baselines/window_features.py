"""P3a's 25 columns: what a window says by itself, without a past, a table or a vehicle."""

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.traffic import Traffic

WINDOW_FEATURES = (
    "id_count",  # distinct IDs
    "top_share", "second_share",  # shares of the two most frequent IDs
    "id_entropy",  # bits
    "self_transitions", "longest_run",  # frames behind one of the same ID; longest run of one ID
    "gap_variation",  # standard deviation / mean of the times between frames
    "gap_q10_ratio", "gap_q90_ratio", "gap_max_ratio",  # quantiles of the same / their median
    "id_gap_variation", "id_gap_variation_max",  # the same within an ID, mean and largest over IDs seen thrice
    "id_gap_min_ratio", "id_gap_min_ratio_mean",  # smallest / mean gap within an ID: least and mean over those IDs
    "zero_payloads", "ones_payloads",  # frames whose bytes are all 00, all FF
    "byte_entropy",  # bits, over the values of all payload bytes of the window
    "hamming_mean", "hamming_max", "equal_share",  # bits that change within an ID; share of unchanged payloads
    "length_changes",  # frames of another length than the ID's before
    "lowest_id_share", "id_zero_frames",
    "repeated_share",  # frames of an ID seen before in the window
    "length_mean",  # payload bytes
)  # fmt: skip
_CHUNK = 2048  # windows at once
_SHORTEST_S = 1e-6


def window_features(traffic: Traffic) -> NDArray[np.float64]:
    """[W, 25]"""
    log = traffic.log
    columns = (log.arbitration_id, log.timestamp_s, log.dlc, traffic.word)
    views = [traffic.windows(column) for column in columns]
    parts = [_features(*(view[start : start + _CHUNK] for view in views)) for start in range(0, len(traffic), _CHUNK)]
    return np.concatenate(parts) if parts else np.empty((0, len(WINDOW_FEATURES)))


def _features(
    ids: NDArray[np.uint32], times: NDArray[np.float64], dlc: NDArray[np.uint8], words: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """[W, 25] of [W, size] columns."""
    n, size = ids.shape
    order = np.argsort(ids, axis=1, kind="stable")
    ranked, time = np.take_along_axis(ids, order, axis=1), np.take_along_axis(times, order, axis=1)
    length, word = np.take_along_axis(dlc, order, axis=1), np.take_along_axis(words, order, axis=1)
    same = ranked[:, 1:] == ranked[:, :-1]
    group = np.concatenate([np.zeros((n, 1), np.int64), np.cumsum(~same, axis=1)], axis=1)
    cell = (group + np.arange(n)[:, None] * size).ravel()
    share = np.bincount(cell, minlength=n * size).reshape(n, size) / size
    top = -np.sort(-share, axis=1)[:, :2]
    self_follow = ids[:, 1:] == ids[:, :-1]
    hamming = np.where(same, np.bitwise_count(word[:, 1:] ^ word[:, :-1]), 0)
    repeated = np.maximum(same.sum(axis=1), 1)
    bytes_of = np.arange(8) < length[:, :, None]
    return np.column_stack(
        [
            group[:, -1] + 1,
            top,
            _entropy(share),
            self_follow.sum(axis=1),
            _longest_run(self_follow),
            *_gaps(np.diff(times, axis=1)),
            *_gaps_within(np.diff(time, axis=1), same, group, size),
            ((words == 0) & (dlc > 0)).sum(axis=1),
            (words == _ones(dlc)).sum(axis=1) - (dlc == 0).sum(axis=1),
            _byte_entropy(word, bytes_of),
            hamming.sum(axis=1) / repeated,
            hamming.max(axis=1, initial=0),
            (same & (word[:, 1:] == word[:, :-1])).sum(axis=1) / repeated,
            (same & (length[:, 1:] != length[:, :-1])).sum(axis=1),
            share[:, 0],
            (ids == 0).sum(axis=1),
            same.sum(axis=1) / size,
            length.mean(axis=1),
        ]
    ).astype(np.float64)


def _entropy(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(share * np.log2(np.maximum(share, 1e-12))).sum(axis=1))


def _longest_run(follows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[W] frames of the longest run of one ID."""
    place = np.arange(follows.shape[1])
    last_break = np.maximum.accumulate(np.where(follows, -1, place), axis=1)
    return np.asarray((place - last_break).max(axis=1, initial=0) + 1)


def _gaps(gap: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    middle, low, high = np.quantile(gap, [0.5, 0.1, 0.9], axis=1)
    middle = np.maximum(middle, _SHORTEST_S)
    variation = gap.std(axis=1) / np.maximum(gap.mean(axis=1), _SHORTEST_S)
    return [variation, low / middle, high / middle, gap.max(axis=1) / middle]


def _gaps_within(
    gap: NDArray[np.float64], same: NDArray[np.bool_], group: NDArray[np.int64], size: int
) -> list[NDArray[np.float64]]:
    """Variation (mean, largest) and smallest / mean gap (least, mean) over the IDs with two gaps in the window."""
    n = len(gap)
    rows, columns = np.nonzero(same)
    cell = rows * size + group[rows, columns]
    own = np.maximum(gap[rows, columns], _SHORTEST_S)
    counts = np.bincount(cell, minlength=n * size)
    mean = np.bincount(cell, own, n * size) / np.maximum(counts, 1)
    square = np.bincount(cell, own**2, n * size) / np.maximum(counts, 1)
    starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]]) if len(cell) else np.empty(0, np.intp)
    least = np.zeros(n * size)
    least[cell[starts]] = np.minimum.reduceat(own, starts) if len(starts) else 0.0
    enough = (counts >= 2).reshape(n, size)
    safe = np.maximum(mean, _SHORTEST_S)
    variation = np.where(enough, (np.sqrt(np.maximum(square - mean**2, 0)) / safe).reshape(n, size), 0.0)
    smallest = np.where(enough, (least / safe).reshape(n, size), np.inf)
    several = np.maximum(enough.sum(axis=1), 1)
    return [
        variation.sum(axis=1) / several,
        variation.max(axis=1),
        np.minimum(smallest.min(axis=1), 1.0),
        np.where(enough, smallest, 0.0).sum(axis=1) / several,
    ]


def _ones(dlc: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The word whose first `dlc` bytes are FF; of a CAN FD frame the first eight."""
    words = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)
    return words[np.minimum(dlc, 8)]


def _byte_entropy(word: NDArray[np.uint64], is_used: NDArray[np.bool_]) -> NDArray[np.float64]:
    n = len(word)
    values = np.ascontiguousarray(word).view(np.uint8).reshape(n, -1)
    cells = (values + np.arange(n)[:, None] * 256)[is_used.reshape(n, -1)]
    counts = np.bincount(cells, minlength=n * 256).reshape(n, 256)
    return _entropy(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
