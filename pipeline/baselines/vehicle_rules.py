"""The period rules as a model: T of known and calibrated vehicles, TF of known ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.by_vehicle import split_by_vehicle, under_vehicles
from pipeline.baselines.offer import LINE, Arrays, Lesson, Method, Offer, against
from pipeline.baselines.period_rules import PeriodRules, fit_prefix_rules, fit_rules
from pipeline.protocols import CALIBRATED, KNOWN


@dataclass(frozen=True, eq=False)
class VehicleRules:
    """The rules of each known vehicle; an unknown one's are fitted on its calibration prefix."""

    by_vehicle: Mapping[str, PeriodRules]
    is_frozen: bool

    @property
    def thresholds(self) -> Mapping[str, float]:
        """`frozen` needs more traffic than a prefix has; without it TF is T."""
        return {KNOWN: LINE} if self.is_frozen else {KNOWN: LINE, CALIBRATED: LINE}

    def score(self, offer: Offer) -> NDArray[np.float64]:
        rules = self._rules(offer)
        if self.is_frozen:
            score = against(rules.score_frozen(offer.traffic), rules.threshold_frozen)
        else:
            score = against(rules.score(offer.traffic), rules.threshold)
        return score[offer.windows]

    def _rules(self, offer: Offer) -> PeriodRules:
        if offer.protocol.name == KNOWN:
            return self.by_vehicle[offer.vehicle]
        clock = offer.traffic.log.timestamp_s
        stop = int(np.argmax(clock - clock[0] >= offer.protocol.calibration_s))
        return fit_prefix_rules(offer.traffic.part(0, stop))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return under_vehicles({vehicle: rules.arrays() for vehicle, rules in self.by_vehicle.items()})


def _fit(is_frozen: bool, lesson: Lesson) -> VehicleRules:
    by_vehicle = {vehicle: fit_rules(pieces) for vehicle, pieces in lesson.benign_by_vehicle().items()}
    return VehicleRules(by_vehicle, is_frozen)


def _of(is_frozen: bool, arrays: Arrays) -> VehicleRules:
    return VehicleRules({name: PeriodRules.of(own) for name, own in split_by_vehicle(arrays).items()}, is_frozen)


PERIOD_RULES = Method(partial(_fit, False), partial(_of, False))
FROZEN_RULES = Method(partial(_fit, True), partial(_of, True))
