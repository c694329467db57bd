"""P3r: rules that need no training and no other recording; a capture's own past is the habit (docs/baselines.md)."""

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.past import early_by_running_median
from pipeline.baselines.traffic import Traffic

THRESHOLD = 1.0
_MUTED_S = 2.0  # in a capture's first seconds everything is new
_FREE_IDS, _FREE_REPEATS = 1, 2
_REPEAT_WEIGHT = 0.25


def self_transitions(traffic: Traffic) -> NDArray[np.float64]:
    """[W] frames right behind one of the same ID, inside the window."""
    ids = traffic.windows(traffic.log.arbitration_id)
    return np.asarray((ids[:, 1:] == ids[:, :-1]).sum(axis=1), dtype=np.float64)


def past_rules_score(traffic: Traffic) -> NDArray[np.float64]:
    """[W] early frames + the earliest's depth + new IDs but one + a quarter of the self-transitions but two."""
    early, depth = early_by_running_median(traffic)
    score = (
        traffic.total(early)
        + traffic.windows(depth).max(axis=1, initial=0.0)
        + np.maximum(traffic.total(~traffic.has_past) - _FREE_IDS, 0.0)
        + _REPEAT_WEIGHT * np.maximum(self_transitions(traffic) - _FREE_REPEATS, 0.0)
    )
    return np.where(traffic.start_s < _MUTED_S, 0.0, score)
