"""The detector's own rules without any network: what the networks add is the difference from this row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.offer import Arrays, Lesson, Method, Offer
from pipeline.protocols import PROTOCOLS
from pipeline.scoring import habit_scorer, score_graphs
from pipeline.train_fusion import thresholds
from pipeline.training_graphs import chosen


@dataclass(frozen=True)
class HabitAlone:
    """`models/habit_expert.py`, with thresholds from benign validation windows as the networks have."""

    thresholds: Mapping[str, float]

    def score(self, offer: Offer) -> NDArray[np.float64]:
        return score_graphs(habit_scorer, offer.graphs)["score"]

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"thresholds": np.array([self.thresholds[protocol] for protocol in PROTOCOLS])}


def _fit(lesson: Lesson) -> HabitAlone:
    graphs = lesson.graphs
    benign = graphs.benign_at("validation")
    score = score_graphs(habit_scorer, chosen(graphs.graphs, benign))["score"]
    return _of({"thresholds": np.array(thresholds(graphs, benign, score, lesson.alarm))})


def _of(arrays: Arrays) -> HabitAlone:
    return HabitAlone(dict(zip(PROTOCOLS, arrays["thresholds"].tolist(), strict=True)))


HABIT = Method(_fit, _of)
