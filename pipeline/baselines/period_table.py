"""What the period rules know of a vehicle: when each ID comes, how long it is, and whether it repeats itself.

A table of its own beside `pipeline/habit.py`, since a baseline that moves with the detector's habit measures nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.folds import Piece

MIN_GAPS, MIN_GAPS_PREFIX = 8, 3  # inter-arrival times an ID needs to be called periodic
_SPREAD = 0.9  # natural log; 1 % and 99 % gaps lie this close to the median
_SHORTEST_S = 1e-6
_LENGTHS = 65
_REPEATS, _REPEAT_SHARE = 50, 0.005  # an ID that repeats this seldom, of this many frames, never does


@dataclass(frozen=True, eq=False)
class PeriodTable:
    """`I` arbitration IDs.

    Attributes:
        arbitration_id: [I] uint32, rising.
        period_s: [I] median inter-arrival time; NaN for an ID seen once.
        is_periodic: [I] whether its gaps keep close to the median.
        has_length: [I, 65] payload lengths it was seen with.
        most_frames: [I] most frames of it in one window.
        never_repeats: [I] whether a payload equal to the one before is unusual.
    """

    arbitration_id: NDArray[np.uint32]
    period_s: NDArray[np.float64]
    is_periodic: NDArray[np.bool_]
    has_length: NDArray[np.bool_]
    most_frames: NDArray[np.int64]
    never_repeats: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.arbitration_id)

    def index(self, arbitration_id: NDArray[np.uint32]) -> NDArray[np.intp]:
        """[N] index of each ID, -1 for an unseen one."""
        place = np.minimum(np.searchsorted(self.arbitration_id, arbitration_id), len(self) - 1)
        return np.where(self.arbitration_id[place] == arbitration_id, place, -1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "PeriodTable":
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def fit_periods(pieces: Sequence[Piece], min_gaps: int) -> PeriodTable:
    """The table of the vehicle that all pieces, free of attacks, were recorded on."""
    parts = [piece.own for piece in pieces]
    ids = np.unique(np.concatenate([part.log.arbitration_id for part in parts])).astype(np.uint32)
    codes = [np.searchsorted(ids, part.log.arbitration_id) for part in parts]
    code = np.concatenate(codes)
    period, is_periodic = _periods(code, np.concatenate([part.gap_s(1) for part in parts]), len(ids), min_gaps)
    has_length = np.zeros((len(ids), _LENGTHS), dtype=bool)
    has_length[code, np.concatenate([part.log.dlc for part in parts])] = True
    most = np.zeros(len(ids), dtype=np.int64)
    for part, own in zip(parts, codes, strict=True):
        if len(part):
            most = np.maximum(most, part.counts(own, len(ids)).max(axis=0))
    has_past = np.concatenate([part.has_past for part in parts])
    repeats = np.concatenate([part.repeats for part in parts])
    followed = np.bincount(code[has_past], minlength=len(ids))
    repeated = np.bincount(code[repeats], minlength=len(ids))
    never = (followed >= _REPEATS) & (repeated <= _REPEAT_SHARE * followed)
    return PeriodTable(ids, period, is_periodic, has_length, most, never)


def _periods(
    code: NDArray[np.intp], gap_s: NDArray[np.float64], n_ids: int, min_gaps: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[I] median gap, and whether 1 % and 99 % of the gaps lie within `_SPREAD` of it."""
    kept = ~np.isnan(gap_s)
    log_gap, owner = np.log(np.maximum(gap_s[kept], _SHORTEST_S)), code[kept]
    order = np.lexsort((log_gap, owner))
    counts = np.bincount(owner, minlength=n_ids)
    bounds = np.r_[0, np.cumsum(counts)]
    ranked = log_gap[order]
    period, is_periodic = np.full(n_ids, np.nan), np.zeros(n_ids, dtype=bool)
    for index in np.flatnonzero(counts):
        low, middle, high = np.quantile(ranked[bounds[index] : bounds[index + 1]], [0.01, 0.5, 0.99])
        period[index] = np.exp(middle)
        is_periodic[index] = counts[index] >= min_gaps and max(middle - low, high - middle) < _SPREAD
    return period, is_periodic
