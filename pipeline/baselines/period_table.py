"""What the period rules know of a vehicle: when each ID comes, how long it is, and whether it repeats itself.

A table of its own beside `pipeline/habit.py`, since a baseline that moves with the detector's habit measures nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.folds import Piece
from pipeline.gaps import gap_spread
from pipeline.id_index import index_among

MIN_GAPS, MIN_GAPS_PREFIX = 8, 3  # inter-arrival times an ID needs to be called periodic
_SPREAD = 0.9  # natural log; 1 % and 99 % gaps lie this close to the median
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
        return index_among(self.arbitration_id, arbitration_id)

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
    gaps = gap_spread(code, np.concatenate([part.gap_s(1) for part in parts]), len(ids))
    is_periodic = (gaps.n_gaps >= min_gaps) & (gaps.spread < _SPREAD)
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
    return PeriodTable(ids, gaps.median_s, is_periodic, has_length, most, never)
