"""P3b's ten columns: how a window departs from what the capture held before it."""

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.past import early_by_running_median, new_bigrams, new_flips, new_values
from pipeline.baselines.traffic import Traffic

PAST_FEATURES = (
    "new_ids",  # IDs never on the bus before
    "rare_frames",  # frames of an ID that was on the bus fewer than ten times before
    "early_frames",  # frames before their time by the running median of their ID's gaps
    "early_depth",  # the earliest of them, medians
    "duration_ratio",  # log of the duration / its median over the windows before
    "id_count_ratio",  # log of distinct IDs / likewise
    "new_bigrams",  # successions of two IDs never seen before
    "count_ratio",  # largest of any ID's frames / (its mean in the windows before + 1)
    "new_values",  # payload bytes with a value never seen there before
    "new_flips",  # payload bits that change for the first time
)
_RARE = 10
_REMEMBERED = 50  # windows that a median runs over


def past_features(traffic: Traffic) -> NDArray[np.float64]:
    """[W, 10]"""
    early, depth = early_by_running_median(traffic)
    frames, distinct = _count_ratio(traffic)
    return np.stack(
        [
            traffic.total(~traffic.has_past),
            traffic.total(_times_before(traffic) < _RARE),
            traffic.total(early),
            traffic.windows(depth).max(axis=1, initial=0.0),
            _ratio_to_past(traffic.duration_s),
            _ratio_to_past(distinct),
            traffic.total(new_bigrams(traffic)),
            frames,
            traffic.total(new_values(traffic)),
            traffic.total(new_flips(traffic)),
        ],
        axis=1,
    )


def _times_before(traffic: Traffic) -> NDArray[np.int64]:
    """[N] frames of the same ID before each frame."""
    counts = np.bincount(traffic.code, minlength=traffic.n_ids)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return traffic.in_recording_order(np.arange(len(first)) - first)


def _ratio_to_past(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """[W] log of a value over the median of up to 50 before it; 0 for the first."""
    padded = np.r_[np.full(_REMEMBERED, np.nan), column]
    before = np.lib.stride_tricks.sliding_window_view(padded, _REMEMBERED)[: len(column)]
    median = column.copy()
    median[_REMEMBERED:] = np.median(before[_REMEMBERED:], axis=1)
    for row in range(1, min(_REMEMBERED, len(column))):
        median[row] = np.median(column[:row])
    return np.log(np.maximum(column, 1e-6) / np.maximum(median, 1e-6))


def _count_ratio(traffic: Traffic) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[W] largest ratio of an ID's frames to its mean before, plus one; and [W] distinct IDs.

    Only IDs that a window has are looked at, so that fuzzing's thousands of IDs cost what their frames cost.
    """
    n = len(traffic)
    cells, counts = np.unique(
        traffic.windows(traffic.code).astype(np.int64) * n + np.arange(n)[:, None], return_counts=True
    )
    owner, window = cells // n, cells % n
    total = np.cumsum(counts) - counts
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]]) if len(owner) else np.empty(0, np.intp)
    before = total - np.repeat(total[first], np.diff(np.r_[first, len(owner)]))
    ratio = counts / (before / np.maximum(window, 1) + 1)
    largest = np.zeros(n)
    np.maximum.at(largest, window, ratio)
    return largest, np.bincount(window, minlength=n).astype(np.float64)
