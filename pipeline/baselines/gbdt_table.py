"""P4: boosted trees over 83 features, the rules' and the z-score's of a known vehicle and those that need no table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.by_vehicle import split_by_vehicle, under_vehicles
from pipeline.baselines.folds import Piece, folds
from pipeline.baselines.gbdt import probability, window_and_past_features
from pipeline.baselines.offer import LINE, Arrays, Lesson, Method, Offer
from pipeline.baselines.period_rules import find_hits
from pipeline.baselines.period_table import PeriodTable
from pipeline.baselines.traffic import Traffic
from pipeline.baselines.trees import Trees, fit_trees
from pipeline.baselines.zscore import ZScore, fit_statistics
from pipeline.protocols import KNOWN

_FEWEST = 3  # frames of an ID in a window, for its period to be looked at
_OVERDUE, _OUTSIDE = 34, 21  # columns of the z-score's statistics: overdue, farthest outside the bytes' range
_TREES = "trees."


def table_features(known: ZScore, traffic: Traffic) -> NDArray[np.float64]:
    """[W, 48] the rules' 12 and the z-score's 36, of a window of a known vehicle."""
    table, hits = known.surprisal.table, find_hits(known.surprisal.table, traffic)
    statistics = known.statistics(traffic)
    rules = [
        hits.unseen_ids, hits.unseen_frames, hits.length, hits.early, hits.depth, hits.over_periodic, hits.over_other,
        hits.frozen, hits.score(), _period_shift(table, traffic), statistics[:, _OVERDUE], statistics[:, _OUTSIDE],
    ]  # fmt: skip
    return np.concatenate([np.stack(rules, axis=1), statistics], axis=1)


def _period_shift(table: PeriodTable, traffic: Traffic) -> NDArray[np.float64]:
    """[W] largest |log(duration / frames / period)| over the periodic IDs that the window has three frames of."""
    counts = traffic.counts(table.index(traffic.log.arbitration_id), len(table))[:, table.is_periodic]
    expected = np.maximum(traffic.duration_s, 1e-6)[:, None] / table.period_s[table.is_periodic]
    shift = np.where(counts >= _FEWEST, np.abs(np.log(expected / np.maximum(counts, 1))), 0.0)
    return np.asarray(shift.max(axis=1, initial=0.0))


@dataclass(frozen=True, eq=False)
class TreesOverTables:
    """What each known vehicle's attack-free traffic shows, and trees over what a window departs from it."""

    by_vehicle: Mapping[str, ZScore]
    trees: Trees
    thresholds: Mapping[str, float]

    def score(self, offer: Offer) -> NDArray[np.float64]:
        own = table_features(self.by_vehicle[offer.vehicle], offer.traffic)
        rows = np.concatenate([own, offer.traffic.once(window_and_past_features)], axis=1)
        return probability(self.trees.margin(rows[offer.windows]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        trees = {_TREES + name: array for name, array in self.trees.arrays().items()}
        return trees | under_vehicles({vehicle: one.arrays() for vehicle, one in self.by_vehicle.items()})


def _fit(lesson: Lesson) -> TreesOverTables:
    benign = lesson.benign_by_vehicle()
    by_vehicle = {vehicle: fit_statistics(pieces) for vehicle, pieces in benign.items()}
    rows, labels = [], []
    for capture in lesson.captures:
        if capture.vehicle in by_vehicle and not capture.is_attack_free:
            own = table_features(by_vehicle[capture.vehicle], capture.traffic)
            whole = np.concatenate([own, capture.traffic.once(window_and_past_features)], axis=1)
            rows.append(whole[capture.is_training])
            labels.append(capture.is_attack[capture.is_training])
    for pieces in benign.values():
        rows += _out_of_fold(pieces)
    found = np.concatenate(rows)
    is_attack = np.concatenate([*labels, np.zeros(len(found) - sum(map(len, labels)), dtype=bool)])
    return TreesOverTables(by_vehicle, fit_trees(found, is_attack), {KNOWN: LINE})


def _out_of_fold(pieces: Sequence[Piece]) -> list[NDArray[np.float64]]:
    """Rows of windows that the tables are fitted on, each against tables fitted without its third of the capture."""
    found = []
    for fitted, scored in folds(pieces):
        known = fit_statistics(fitted)
        for piece in scored:
            own = table_features(known, piece.own)
            first = piece.start // piece.traffic.window.stride
            rest = piece.traffic.once(window_and_past_features)[first : first + len(own)]
            found.append(np.concatenate([own, rest], axis=1))
    return found


def _of(arrays: Arrays) -> TreesOverTables:
    trees = Trees.of({name.removeprefix(_TREES): array for name, array in arrays.items() if name.startswith(_TREES)})
    by_vehicle = {vehicle: ZScore.of(own) for vehicle, own in split_by_vehicle(arrays).items()}
    return TreesOverTables(by_vehicle, trees, {KNOWN: LINE})


GBDT = Method(_fit, _of)
