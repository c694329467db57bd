"""The frames of each arbitration ID one after another: what a frame is compared with is the ID's own past."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_JUMP_S = 1.0  # published recordings step back by milliseconds; more than this is a clock set anew
LAGS = 4  # earlier frames of the same ID that a frame is held against


@dataclass(frozen=True, eq=False)
class Succession:
    """`N` frames sorted by (ID, recording order).

    Attributes:
        order: [N] where each sorted frame stands in the recording.
        arbitration_id: [N] uint32, rising.
        time_s: [N] float64, times of the sorted frames.
        age: [N] int64, frames of the same ID before this one, at most `LAGS`.
    """

    order: NDArray[np.intp]
    arbitration_id: NDArray[np.uint32]
    time_s: NDArray[np.float64]
    age: NDArray[np.int64]

    def gaps(self, lag: int) -> NDArray[np.float64]:
        """[N] seconds since the ID's lag-th frame before; NaN where it has none, or where the clock jumped back."""
        gap = np.full(len(self.time_s), np.nan)
        np.subtract(self.time_s[lag:], self.time_s[:-lag], out=gap[lag:])
        gap[(self.age < lag) | (gap < -_JUMP_S)] = np.nan
        return gap

    def gaps_at(self, places: NDArray[np.intp], lag: int) -> NDArray[np.float64]:
        """[P] the same for some of the sorted frames."""
        gap = self.time_s[places] - self.time_s[np.maximum(places - lag, 0)]
        gap[(self.age[places] < lag) | (gap < -_JUMP_S)] = np.nan
        return gap


def by_arbitration_id(arbitration_id: NDArray[np.uint32], time_s: NDArray[np.float64]) -> Succession:
    """Sort frames by ID, keeping each ID's frames in recording order."""
    order = stable_order(arbitration_id)
    sorted_id = arbitration_id[order]
    starts = np.flatnonzero(np.r_[True, sorted_id[1:] != sorted_id[:-1]]) if len(order) else np.empty(0, np.intp)
    lengths = np.diff(np.r_[starts, len(order)])
    age = np.minimum(np.arange(len(order)) - np.repeat(starts, lengths), LAGS)
    return Succession(order, sorted_id, time_s[order], age)


def stable_order(arbitration_id: NDArray[np.uint32]) -> NDArray[np.intp]:
    """[N] a stable sort of IDs; 16-bit keys take numpy's radix sort, which is ten times as fast."""
    if len(arbitration_id) and int(arbitration_id.max()) < 2**16:
        return np.argsort(arbitration_id.astype(np.uint16), kind="stable")
    return np.argsort(arbitration_id, kind="stable")
