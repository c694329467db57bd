"""Thresholds from benign windows at a stated number of false alarms an hour; never from test labels."""

import numpy as np
from numpy.typing import NDArray

from pipeline.alarms import MERGED_S

_ROUNDING = 1e-6  # of the windows' summed time
EVIDENT = 0.5  # a score below this says benign, however rare it is among benign windows


def threshold_at_budget(
    score: NDArray[np.float64], capture: NDArray[np.int16], start_s: NDArray[np.float64], end_s: NDArray[np.float64],
    per_hour: float, highest: float = 1.0,
) -> float:  # fmt: skip
    """The smallest threshold, `EVIDENT` at least, that raises no more alarm events than the budget allows.

    It is never above `highest`, budget or not; metrics of the validation split say what it raises there.

    Args:
        score, capture, start_s, end_s: [W] benign windows of the validation split, in order within each capture.
        per_hour: alarm events allowed in an hour of benign traffic; alarms less than a second apart are one.
    """
    hours = float(np.maximum(end_s - start_s, 0).sum()) / 3600
    allowed = int(per_hour * hours + _ROUNDING)
    candidates = np.unique(score[score > EVIDENT])[::-1]
    threshold = float(candidates[0]) if len(candidates) else EVIDENT
    for lower in [*candidates[1:], EVIDENT]:
        if _events(score > lower, capture, start_s, end_s) > allowed:
            break
        threshold = float(lower)
    return min(threshold, highest)


def _events(
    alarm: NDArray[np.bool_], capture: NDArray[np.int16], start_s: NDArray[np.float64], end_s: NDArray[np.float64]
) -> int:
    at = np.flatnonzero(alarm)
    if not len(at):
        return 0
    apart = (capture[at[1:]] != capture[at[:-1]]) | (start_s[at[1:]] - end_s[at[:-1]] >= MERGED_S)
    return int(apart.sum()) + 1
