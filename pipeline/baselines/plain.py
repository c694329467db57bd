"""Baselines that fit next to nothing: rules over a capture's own past, and two constants that any model must beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.offer import LINE, Arrays, Lesson, Method, Offer, against
from pipeline.baselines.past_rules import THRESHOLD, past_rules_score
from pipeline.protocols import PROTOCOLS


class PastRules:
    """P3r; it asks nothing of a vehicle, so it is the same under every protocol."""

    thresholds: Mapping[str, float] = dict.fromkeys(PROTOCOLS, LINE)

    def score(self, offer: Offer) -> NDArray[np.float64]:
        return against(offer.traffic.once(past_rules_score), THRESHOLD)[offer.windows]

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}


@dataclass(frozen=True)
class Constant:
    """The same word on every window."""

    value: float
    thresholds: Mapping[str, float]

    def score(self, offer: Offer) -> NDArray[np.float64]:
        return np.full(len(offer.windows), self.value)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"value": np.float64(self.value)}  # type: ignore[dict-item]


def _constant(value: float) -> Constant:
    return Constant(value, dict.fromkeys(PROTOCOLS, LINE))


def _majority(lesson: Lesson) -> Constant:
    labels = [one.is_attack[one.is_training] for one in lesson.captures]
    return _constant(float(np.concatenate(labels).mean() > 0.5))


def _constant_of(arrays: Arrays) -> Constant:
    return _constant(float(arrays["value"]))


PAST_RULES = Method(lambda lesson: PastRules(), lambda arrays: PastRules())
ALWAYS = Method(lambda lesson: _constant(1.0), _constant_of)
MAJORITY = Method(_majority, _constant_of)
