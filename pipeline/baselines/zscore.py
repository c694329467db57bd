"""The z-score detector: 36 statistics of a window, each by how far it lies beyond what attack-free windows show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.by_vehicle import split_by_vehicle, under_vehicles
from pipeline.baselines.folds import Piece, folds
from pipeline.baselines.offer import LINE, Arrays, Lesson, Method, Offer, against
from pipeline.baselines.past_rules import self_transitions
from pipeline.baselines.surprisal import N_FRAME, Surprisal, fit_surprisal
from pipeline.baselines.traffic import Traffic
from pipeline.protocols import KNOWN

_QUANTILE, _LINE_QUANTILE = 0.9, 0.999
_TENTH = 10
_MOST_OVERDUE = 10.0  # periods
_SMALLEST_EXCESS = 1e-3
N_WINDOW = 3 * N_FRAME + 9


@dataclass(frozen=True, eq=False)
class ZScore:
    """The detector of one vehicle.

    Attributes:
        count_mean, count_spread: [I] frames of each ID a window.
        is_constant: [I] whether the ID is on the bus all the time.
        usual, excess: [36] 90 % quantile of each statistic, and how far those beyond it lie on average.
        line: 99.9 % quantile of the score of out-of-fold windows.
    """

    surprisal: Surprisal
    count_mean: NDArray[np.float64]
    count_spread: NDArray[np.float64]
    is_constant: NDArray[np.bool_]
    usual: NDArray[np.float64]
    excess: NDArray[np.float64]
    line: float

    def score(self, traffic: Traffic) -> NDArray[np.float64]:
        """[W] sum of log(1 + z) over the statistics."""
        z = np.maximum(self.statistics(traffic) - self.usual, 0) / self.excess
        return np.asarray(np.log1p(z).sum(axis=1))

    def statistics(self, traffic: Traffic) -> NDArray[np.float64]:
        """[W, 36]"""
        surprise, code = self.surprisal.of(traffic)
        table = self.surprisal.table
        n_ids = len(table)
        counts = traffic.counts(code, n_ids + 1)
        z = (counts[:, :n_ids] - self.count_mean) / self.count_spread
        columns = [part for column in surprise.T for part in _of_column(traffic, column, code, counts)]
        log_duration = np.log(np.maximum(traffic.duration_s, 1e-6))
        columns += [
            z.max(axis=1), -z.min(axis=1), np.sqrt((z**2).sum(axis=1)),
            traffic.total(code == n_ids), log_duration, -log_duration, (counts > 0).sum(axis=1),
            _overdue(traffic, code, table.period_s, self.is_constant), self_transitions(traffic),
        ]  # fmt: skip
        return np.stack(columns, axis=1).astype(np.float64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        own = ("count_mean", "count_spread", "is_constant", "usual", "excess", "line")
        return {**{name: np.asarray(getattr(self, name)) for name in own}, **self.surprisal.arrays()}

    @classmethod
    def of(cls, arrays: Arrays) -> "ZScore":
        own = {name: arrays[name] for name in ("count_mean", "count_spread", "is_constant", "usual", "excess")}
        return cls(surprisal=Surprisal.from_arrays(arrays), line=float(arrays["line"]), **own)


def _of_column(
    traffic: Traffic, column: NDArray[np.float64], code: NDArray[np.intp], counts: NDArray[np.int64]
) -> list[NDArray[np.float64]]:
    """[W] the largest, a tenth of the sum, and the largest of any ID's sum / sqrt n."""
    n, n_codes = counts.shape
    values = traffic.windows(column)
    cells = traffic.windows(code) + np.arange(n)[:, None] * n_codes
    sums = np.bincount(cells.ravel(), values.ravel(), n * n_codes).reshape(n, n_codes)
    return [values.max(axis=1), values.sum(axis=1) / _TENTH, (sums / np.sqrt(np.maximum(counts, 1))).max(axis=1)]


def _overdue(
    traffic: Traffic, code: NDArray[np.intp], period_s: NDArray[np.float64], is_constant: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[W] longest time, at a window's end, since the last frame of an ID that is always there; periods, 10 at most."""
    clock = traffic.log.timestamp_s
    ends = np.arange(len(traffic)) * traffic.window.stride + traffic.window.size - 1
    longest = np.zeros(len(traffic))
    for index in np.flatnonzero(is_constant):
        at = np.flatnonzero(code == index)
        last = np.searchsorted(at, ends, side="right") - 1
        since = clock[ends] - np.where(last >= 0, clock[at[np.maximum(last, 0)]] if len(at) else clock[0], clock[0])
        longest = np.maximum(longest, since / period_s[index])
    return np.minimum(longest, _MOST_OVERDUE)


def fit_zscore(pieces: Sequence[Piece]) -> ZScore:
    """The detector of a vehicle from its attack-free pieces; quantiles are of out-of-fold windows."""
    found = [
        one.statistics(piece.own)
        for fitted, scored in folds(pieces)
        for one in [fit_statistics(fitted)]
        for piece in scored
    ]
    whole = fit_statistics(pieces)
    rows = np.concatenate(found) if found else np.zeros((1, N_WINDOW))
    usual = np.quantile(rows, _QUANTILE, axis=0)
    beyond = np.maximum(rows - usual, 0)
    excess = np.maximum(beyond.sum(axis=0) / np.maximum((beyond > 0).sum(axis=0), 1), _SMALLEST_EXCESS)
    line = float(np.quantile(np.log1p(beyond / excess).sum(axis=1), _LINE_QUANTILE))
    return ZScore(
        whole.surprisal, whole.count_mean, whole.count_spread, whole.is_constant, usual, excess, max(line, LINE)
    )


def fit_statistics(pieces: Sequence[Piece]) -> ZScore:
    """What the statistics need of a vehicle, without the scale and the line of a score."""
    surprisal = fit_surprisal(pieces)
    table = surprisal.table
    parts = [piece.own for piece in pieces]
    counts = np.concatenate([part.counts(table.index(part.log.arbitration_id), len(table)) for part in parts])
    span_s = sum(float(part.log.timestamp_s[-1] - part.log.timestamp_s[0]) for part in parts)
    frames = sum(np.bincount(table.index(part.log.arbitration_id), minlength=len(table)) for part in parts)
    with np.errstate(invalid="ignore"):
        is_constant = table.is_periodic & (frames * table.period_s > 0.9 * span_s)
    spread = np.maximum(counts.std(axis=0), 0.5) if len(counts) else np.ones(len(table))
    mean = counts.mean(axis=0) if len(counts) else np.zeros(len(table))
    return ZScore(surprisal, mean, spread, is_constant, np.zeros(N_WINDOW), np.ones(N_WINDOW), LINE)


@dataclass(frozen=True, eq=False)
class ZScores:
    """The detector of each known vehicle."""

    by_vehicle: Mapping[str, ZScore]
    thresholds: Mapping[str, float]

    def score(self, offer: Offer) -> NDArray[np.float64]:
        own = self.by_vehicle[offer.vehicle]
        return against(own.score(offer.traffic), own.line)[offer.windows]

    def arrays(self) -> dict[str, NDArray[Any]]:
        return under_vehicles({vehicle: one.arrays() for vehicle, one in self.by_vehicle.items()})


def _fit(lesson: Lesson) -> ZScores:
    found = {vehicle: fit_zscore(pieces) for vehicle, pieces in lesson.benign_by_vehicle().items()}
    return ZScores(found, {KNOWN: LINE})


def _of(arrays: Arrays) -> ZScores:
    return ZScores({vehicle: ZScore.of(own) for vehicle, own in split_by_vehicle(arrays).items()}, {KNOWN: LINE})


ZSCORE = Method(_fit, _of)
