"""T and TF: departures from a table of periods, counted in frames and summed over a window (docs/baselines.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.folds import Piece, folds
from pipeline.baselines.period_table import MIN_GAPS, MIN_GAPS_PREFIX, PeriodTable, fit_periods
from pipeline.baselines.traffic import Traffic

_GAP, _PAIR = 0.9, 1.5  # periods since the last and the second-last frame, below which a frame is early
_COUNT_SLACK = 1.5  # frames of a periodic ID above duration / period
_QUANTILE, _FROZEN_QUANTILE = 0.995, 0.999  # of out-of-fold windows
LOWEST, HIGHEST_PREFIX = 0.5, 2.0  # of the threshold; any one event is .5 or more


@dataclass(frozen=True, eq=False)
class Hits:
    """[W] each rule's word on each window, in frames."""

    unseen_ids: NDArray[np.float64]
    unseen_frames: NDArray[np.float64]
    length: NDArray[np.float64]
    early: NDArray[np.float64]
    depth: NDArray[np.float64]
    over_periodic: NDArray[np.float64]
    over_other: NDArray[np.float64]
    frozen: NDArray[np.float64]

    def score(self, free_ids: int = 0) -> NDArray[np.float64]:
        """[W] T; with `free_ids` so many unseen IDs of a window cost nothing but their further frames."""
        unseen = self.unseen_frames - np.minimum(self.unseen_ids, free_ids)
        return np.asarray(unseen + self.length + self.early + self.depth + self.over_periodic + self.over_other)


def find_hits(table: PeriodTable, traffic: Traffic) -> Hits:
    """Every rule over every window."""
    log = traffic.log
    code = table.index(log.arbitration_id)
    is_unseen = code < 0
    period = np.where(is_unseen | ~table.is_periodic[code], np.nan, table.period_s[code])
    with np.errstate(invalid="ignore"):
        pairs = traffic.gap_s(2) / period
        early = (pairs < _PAIR) & (traffic.gap_s(1) < _GAP * period)
    depth = np.where(early, _PAIR - pairs, 0.0)
    counts = traffic.counts(code, len(table))
    over = counts - np.where(
        table.is_periodic, traffic.duration_s[:, None] / table.period_s + _COUNT_SLACK, table.most_frames + 1.0
    )
    over = np.maximum(over, 0.0)
    return Hits(
        unseen_ids=_distinct(traffic, is_unseen),
        unseen_frames=traffic.total(is_unseen),
        length=traffic.total(~is_unseen & ~table.has_length[code, log.dlc]),
        early=traffic.total(early),
        depth=traffic.windows(depth).max(axis=1, initial=0.0),
        over_periodic=over[:, table.is_periodic].sum(axis=1),
        over_other=over[:, ~table.is_periodic].sum(axis=1),
        frozen=traffic.total(~is_unseen & table.never_repeats[code] & traffic.repeats),
    )


def _distinct(traffic: Traffic, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[W] different IDs among the chosen frames of each window."""
    ids = np.where(traffic.windows(chosen), traffic.windows(traffic.log.arbitration_id).astype(np.int64), -1)
    rows = np.flatnonzero((ids >= 0).any(axis=1))
    distinct = np.zeros(len(ids))
    ranked = np.sort(ids[rows], axis=1)
    distinct[rows] = ((np.diff(ranked, axis=1, prepend=-1) != 0) & (ranked >= 0)).sum(axis=1)
    return distinct


@dataclass(frozen=True, eq=False)
class PeriodRules:
    """The rules fitted on a vehicle: its table, what `frozen` may count for free, and the line above which T alarms."""

    table: PeriodTable
    free_frozen: float
    threshold: float
    threshold_frozen: float
    free_ids: int = 0

    def score(self, traffic: Traffic) -> NDArray[np.float64]:
        """[W] T."""
        return find_hits(self.table, traffic).score(self.free_ids)

    def score_frozen(self, traffic: Traffic) -> NDArray[np.float64]:
        """[W] TF."""
        hits = find_hits(self.table, traffic)
        return hits.score(self.free_ids) + np.maximum(hits.frozen - self.free_frozen, 0.0)

    def arrays(self) -> dict[str, NDArray[Any]]:
        lines = np.array([self.free_frozen, self.threshold, self.threshold_frozen, self.free_ids])
        return {**self.table.arrays(), "lines": lines}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "PeriodRules":
        frozen, threshold, threshold_frozen, free_ids = arrays["lines"].tolist()
        return cls(PeriodTable.of(arrays), frozen, threshold, threshold_frozen, int(free_ids))


def fit_rules(pieces: Sequence[Piece]) -> PeriodRules:
    """The rules of a known vehicle, from attack-free pieces of its training captures (P1)."""
    hits = [
        find_hits(table, piece.own)
        for fitted, scored in folds(pieces)
        for table in [fit_periods(fitted, MIN_GAPS)]
        for piece in scored
    ]
    score = np.concatenate([one.score() for one in hits]) if hits else np.zeros(1)
    frozen = np.concatenate([one.frozen for one in hits]) if hits else np.zeros(1)
    free = float(np.quantile(frozen, _FROZEN_QUANTILE))
    both = score + np.maximum(frozen - free, 0.0)
    table = fit_periods(pieces, MIN_GAPS)
    return PeriodRules(table, free, _line(score), _line(both))


def fit_prefix_rules(prefix: Traffic) -> PeriodRules:
    """The rules of an unknown vehicle, from the attack-free beginning of its capture (P2); `frozen` is off."""
    pieces = [Piece(prefix, 0, len(prefix.log))]
    score = [
        find_hits(table, piece.own).score(free_ids=1)
        for fitted, scored in folds(pieces)
        for table in [fit_periods(fitted, MIN_GAPS_PREFIX)]
        for piece in scored
    ]
    line = min(_line(np.concatenate(score) if score else np.zeros(1)), HIGHEST_PREFIX)
    return PeriodRules(fit_periods(pieces, MIN_GAPS_PREFIX), np.inf, line, line, free_ids=1)


def _line(score: NDArray[np.float64]) -> float:
    return max(float(np.quantile(score, _QUANTILE)), LOWEST)
