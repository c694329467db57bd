"""How far scores are from the probabilities they are read as: arithmetic only."""

import numpy as np
from numpy.typing import NDArray

BINS = 15


def brier_score(is_attack: NDArray[np.bool_], score: NDArray[np.float64]) -> float | None:
    """Mean squared distance of [N] scores from their labels (Brier, 1950).

    None for no windows, or where a score lies outside [0, 1] and so is no probability.
    """
    return float(np.mean((score - is_attack) ** 2)) if _are_probabilities(score) else None


def calibration_error(is_attack: NDArray[np.bool_], score: NDArray[np.float64], bins: int = BINS) -> float | None:
    """Expected calibration error: the mean over windows of |mean score − share of attacks| of the window's bin.

    Bins hold an equal number of windows (Nguyen and O'Connor, 2015), but equal scores are never parted, so
    that the value does not depend on the order of windows. None as for `brier_score`.
    """
    if not _are_probabilities(score):
        return None
    _, which, counts = np.unique(score, return_inverse=True, return_counts=True)
    windows_below = np.cumsum(counts) - counts
    bin_of = (windows_below * bins // len(score))[which]
    gaps = np.bincount(bin_of, weights=score - is_attack, minlength=bins)
    return float(np.abs(gaps).sum() / len(score))


def _are_probabilities(score: NDArray[np.float64]) -> bool:
    return len(score) > 0 and bool(((score >= 0) & (score <= 1)).all())
