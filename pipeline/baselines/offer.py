"""What a baseline is given to be fitted on, and what any model is offered of a capture that it scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.folds import Piece
from pipeline.baselines.traffic import Traffic
from pipeline.config import AlarmConfig
from pipeline.graph_set import GraphSet
from pipeline.graphs import GraphArrays
from pipeline.protocols import Protocol as Terms

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Offer:
    """A capture under a protocol, without labels: all its frames, and the windows that a score is asked for.

    Attributes:
        graphs: [G] of the windows asked for; built against the habit that the protocol grants.
    """

    traffic: Traffic
    graphs: GraphArrays
    protocol: Terms
    vehicle: str

    @property
    def windows(self) -> NDArray[np.int64]:
        """[G] which windows of the traffic are asked for."""
        return np.asarray(self.graphs.start_frame // self.traffic.window.stride)


@dataclass(frozen=True, eq=False)
class TrainingCapture:
    """A training capture.

    Attributes:
        is_attack, is_training: [W] each window's label, and whether it lies in the training split.
        benign: what of the training split is free of attacks.
        is_attack_free: whether the whole capture is.
    """

    name: str
    vehicle: str
    traffic: Traffic
    is_attack: NDArray[np.bool_]
    is_training: NDArray[np.bool_]
    benign: Sequence[Piece]
    is_attack_free: bool


@dataclass(frozen=True, eq=False)
class Lesson:
    """All that a baseline is fitted on."""

    captures: Sequence[TrainingCapture]
    graphs: GraphSet
    alarm: AlarmConfig

    def benign_by_vehicle(self) -> dict[str, list[Piece]]:
        """Attack-free captures of each vehicle; where it has none, what lies far from attacks in the others."""
        found: dict[str, list[Piece]] = {}
        for wanted in (True, False):
            here = [one for one in self.captures if one.is_attack_free == wanted and one.vehicle not in found]
            for capture in here:
                if capture.benign:
                    found.setdefault(capture.vehicle, []).extend(capture.benign)
        return found


class Baseline(Protocol):
    """A fitted baseline.

    Attributes:
        thresholds: of each protocol that the method is defined under; an alarm lies above.
    """

    @property
    def thresholds(self) -> Mapping[str, float]: ...

    def score(self, offer: Offer) -> NDArray[np.float64]:
        """[G] under a protocol that has a threshold."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was fitted, for a file."""


@dataclass(frozen=True)
class Method:
    """How a baseline is fitted, and how it is made again from its arrays (KeyError, ValueError if they do not fit)."""

    fit: Callable[[Lesson], Baseline]
    of: Callable[[Arrays], Baseline]


def against(score: NDArray[np.float64], line: float) -> NDArray[np.float64]:
    """A score of 0 and more, so that every vehicle's own line becomes 0.5: s / (s + line), in [0, 1)."""
    return np.asarray(score / (score + line))


LINE = 0.5  # where the line of a score that went through `against` lies
