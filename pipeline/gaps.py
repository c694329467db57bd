"""How the inter-arrival times of each ID are spread; what is periodic is for whoever asks to say."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SHORTEST_S = 1e-6
_QUANTILES = (0.01, 0.5, 0.99)


class GapSpread(NamedTuple):
    """[I] of each ID: how many gaps it has, their median, and how far 1 % and 99 % of them lie from it, whichever is
    farther, as a natural logarithm; NaN where there is no gap."""

    n_gaps: NDArray[np.int64]
    median_s: NDArray[np.float64]
    spread: NDArray[np.float64]


def gap_spread(code: NDArray[np.intp], gap_s: NDArray[np.float64], n_ids: int) -> GapSpread:
    """The spread of the gaps of IDs 0 … n_ids - 1; a gap of NaN is none.

    Args:
        code: [N] the ID of each gap.
    """
    kept = ~np.isnan(gap_s)
    log_gap, owner = np.log(np.maximum(gap_s[kept], _SHORTEST_S)), code[kept]
    ranked = log_gap[np.lexsort((log_gap, owner))]
    count = np.bincount(owner, minlength=n_ids)
    bounds = np.r_[0, np.cumsum(count)]
    quantiles = np.full((n_ids, 3), np.nan)
    for index in np.flatnonzero(count):
        quantiles[index] = np.quantile(ranked[bounds[index] : bounds[index + 1]], _QUANTILES)
    low, middle, high = quantiles.T
    return GapSpread(count, np.exp(middle), np.maximum(middle - low, high - middle))
