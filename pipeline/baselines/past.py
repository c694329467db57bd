"""What a capture's own past says of each frame, without a label and without another recording."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.baselines.traffic import Traffic

_GAPS, _FEWEST = 8, 4  # the running median is of the ID's last 8 gaps, 4 at least
_GAP, _PAIR = 0.9, 1.5  # as in the period rules
_TABLE = 2**24  # keys up to which first occurrences are found in a table


def early_by_running_median(traffic: Traffic) -> NDArray[np.float64]:
    """[2, N] 1 for a frame before its time by the median of its ID's last gaps; and how many medians before."""
    succession = traffic.succession
    gap = succession.gaps(1)
    median = _running_median(gap, _ages(succession.arbitration_id))
    with np.errstate(invalid="ignore"):
        pairs = succession.gaps(2) / median
        early = (pairs < _PAIR) & (gap < _GAP * median)
    depth = np.where(early, _PAIR - pairs, 0.0)
    return np.stack([traffic.in_recording_order(early.astype(np.float64)), traffic.in_recording_order(depth)])


def _ages(sorted_id: NDArray[np.uint32]) -> NDArray[np.int64]:
    """[N] frames of the same ID before each sorted frame, without a limit."""
    starts = np.flatnonzero(np.r_[True, sorted_id[1:] != sorted_id[:-1]])
    return np.arange(len(sorted_id)) - np.repeat(starts, np.diff(np.r_[starts, len(sorted_id)]))


def _running_median(gap: NDArray[np.float64], age: NDArray[np.int64]) -> NDArray[np.float64]:
    """[N] median of the up to 8 gaps before a frame's own; NaN where fewer than 4 are known."""
    before = sliding_window_view(np.r_[np.full(_GAPS, np.nan), gap], _GAPS)[: len(gap)]
    median = np.full(len(gap), np.nan)
    full = age > _GAPS
    median[full] = np.median(before[full], axis=1)
    for known in range(_FEWEST, _GAPS):
        rows = age == known + 1
        median[rows] = np.median(before[rows, _GAPS - known :], axis=1)
    return median


def is_first(key: NDArray[np.int64], n_keys: int) -> NDArray[np.bool_]:
    """[N] whether a key, 0 … n_keys - 1, occurs for the first time."""
    first = np.zeros(len(key), dtype=bool)
    if n_keys > _TABLE:
        first[np.unique(key, return_index=True)[1]] = True
        return first
    place = np.zeros(n_keys, dtype=np.int64)
    place[key[::-1]] = np.arange(len(key))[::-1]  # the last to be written is the first to occur
    return np.asarray(place[key] == np.arange(len(key)))


def new_bigrams(traffic: Traffic) -> NDArray[np.bool_]:
    """[N] whether the frame's ID follows the ID before it for the first time."""
    code = traffic.code
    first = is_first(code[:-1] * traffic.n_ids + code[1:], traffic.n_ids**2)
    return np.asarray(np.r_[False, first][: len(code)])


def new_values(traffic: Traffic) -> NDArray[np.int64]:
    """[N] of the first eight payload bytes, those with a value new to the ID there; 0 in an ID's first frame."""
    found = np.zeros(len(traffic.log), dtype=np.int64)
    for byte in range(8):
        found += is_first(traffic.code * 256 + traffic.log.payload[:, byte], traffic.n_ids * 256)
    return found * traffic.has_past


def new_flips(traffic: Traffic) -> NDArray[np.int64]:
    """[N] payload bits that change for the first time in the ID's history; 0 in its first two frames."""
    succession = traffic.succession
    words = traffic.word[succession.order]
    flips = np.where(succession.age > 0, words ^ np.roll(words, 1), 0).astype(np.uint64)
    before = np.zeros_like(flips)
    bounds = np.flatnonzero(np.r_[succession.age == 0, True])
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        before[start + 1 : stop] = np.bitwise_or.accumulate(flips[start : stop - 1])
    new = np.bitwise_count(flips & ~before).astype(np.int64) * (succession.age > 1)
    return traffic.in_recording_order(new)
