"""P3a and P3b: gradient-boosted trees over features that need no table of a vehicle (docs/baselines.md)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.offer import LINE, Arrays, Lesson, Method, Offer
from pipeline.baselines.past_features import past_features
from pipeline.baselines.traffic import Traffic
from pipeline.baselines.trees import Trees, fit_trees
from pipeline.baselines.window_features import window_features
from pipeline.protocols import PROTOCOLS

Features = Callable[[Traffic], NDArray[np.float64]]


def window_and_past_features(traffic: Traffic) -> NDArray[np.float64]:
    """[W, 35]"""
    return np.concatenate([traffic.once(window_features), traffic.once(past_features)], axis=1)


def probability(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of an attack, from its log odds."""
    return np.asarray(1 / (1 + np.exp(-margin)))


@dataclass(frozen=True, eq=False)
class TreesAlone:
    """Trees that know no vehicle, so they are the same under every protocol; cut at even odds."""

    trees: Trees
    features: Features
    thresholds: Mapping[str, float]

    def score(self, offer: Offer) -> NDArray[np.float64]:
        return probability(self.trees.margin(offer.traffic.once(self.features)[offer.windows]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return self.trees.arrays()


def _fit(features: Features, lesson: Lesson) -> TreesAlone:
    rows = [one.traffic.once(features)[one.is_training] for one in lesson.captures]
    labels = [one.is_attack[one.is_training] for one in lesson.captures]
    return _made(features, fit_trees(np.concatenate(rows), np.concatenate(labels)))


def _of(features: Features, arrays: Arrays) -> TreesAlone:
    return _made(features, Trees.of(arrays))


def _made(features: Features, trees: Trees) -> TreesAlone:
    return TreesAlone(trees, features, dict.fromkeys(PROTOCOLS, LINE))


GBDT_WINDOW = Method(partial(_fit, window_features), partial(_of, window_features))
GBDT_PAST = Method(partial(_fit, window_and_past_features), partial(_of, window_and_past_features))
