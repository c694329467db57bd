"""Does the ONNX graph do what the network does? Numbers and decisions, on real windows and on awkward graphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lake.table import Row
from pipeline.release.errors import ReleaseError
from pipeline.release.onnx import OUTPUTS
from pipeline.release.runtimes import Outputs
from pipeline.release.shown import protocol_name

# Allowed differences of numbers in [0, 1]. The anomaly score divides by benign deviations, which may be small: torch
# itself lies 1e-5 from the same network in double precision.
TOLERANCE = {"score": 1e-5, "anomaly": 1e-4, "attack_probability": 1e-5, "habit_score": 1e-5}
WEIGHTS = ("gat_weight", "habit_weight")
TIE = 1e-4  # Q values nearer to each other than this are equal: rounding may choose either action
METRIC_TOLERANCE = 1e-3  # evaluation may have run on another processor, which rounds in another way


@dataclass(frozen=True)
class Comparison:
    """How two runtimes differ on the same windows.

    Attributes:
        score, anomaly, attack_probability, habit_score: largest difference, over windows with the same weights.
        weight_ties: windows where the two weigh the experts differently because two Q values tie.
        weight_flips: windows where they do so without a tie.
        alarm_flips: windows where one raises an alarm and the other does not.
        not_finite: outputs of either that are NaN or infinite.
    """

    graphs: str
    windows: int
    score: float
    anomaly: float
    attack_probability: float
    habit_score: float
    weight_ties: int
    weight_flips: int
    alarm_flips: int
    not_finite: int

    @property
    def equal(self) -> bool:
        near = all(getattr(self, name) <= allowed for name, allowed in TOLERANCE.items())
        return near and not (self.weight_flips or self.alarm_flips or self.not_finite)


def compare(graphs: str, network: Outputs, exported: Outputs, threshold: float) -> Comparison:
    """The differences between the network's outputs and the exported graph's, [G] each.

    Raises:
        ReleaseError: they do not even give a number for the same windows.
    """
    shapes = [one[name].shape for one in (network, exported) for name in OUTPUTS]
    if len(set(shapes)) != 1:
        raise ReleaseError(
            f"the ONNX graph gives outputs of the shapes {shapes[len(OUTPUTS) :]} for {shapes[0]} ({graphs})."
        )
    differs = np.any([network[name] != exported[name] for name in WEIGHTS], axis=0)
    tied = differs & (network["q_gap"] <= TIE)
    return Comparison(
        graphs=graphs,
        windows=len(network["score"]),
        **{name: float(np.abs(network[name] - exported[name])[~differs].max(initial=0.0)) for name in TOLERANCE},
        weight_ties=int(tied.sum()),
        weight_flips=int((differs & ~tied).sum()),
        alarm_flips=int(((network["score"] > threshold) != (exported["score"] > threshold)).sum()),
        not_finite=sum(int((~np.isfinite(one[name])).sum()) for one in (network, exported) for name in OUTPUTS),
    )


def check_parity(comparisons: Sequence[Comparison]) -> None:
    """Raises ReleaseError, with the numbers, where one of them is not equal."""
    unequal = [comparison for comparison in comparisons if not comparison.equal]
    if unequal:
        lines = "\n".join(
            f"  {one.graphs} ({one.windows}): largest difference of score {one.score:.2e}, anomaly {one.anomaly:.2e}, "
            f"attack_probability {one.attack_probability:.2e}, habit_score {one.habit_score:.2e}; {one.weight_flips} "
            f"weights and {one.alarm_flips} alarms differ, {one.not_finite} values are not finite"
            for one in unequal
        )
        raise ReleaseError(
            f"the ONNX graph does not equal the network (allowed: {TOLERANCE}, no other decision):\n{lines}\n"
            "Nothing was written. This is a fault of the export, not of the run: please report it with these lines."
        )


def compare_metrics(kept: Sequence[Row], found: Sequence[Row]) -> dict[str, Any]:
    """The lake's rows beside those measured from the exported graph's scores.

    Raises:
        ReleaseError: a published number would not be this graph's.
    """
    largest = 0.0
    by_key = {_key(row): row for row in found}
    for row in kept:
        other = by_key.get(_key(row), {"value": "not measured", "n": 0})
        difference = _difference(row["value"], other["value"])
        if not (difference <= METRIC_TOLERANCE and other["n"] == row["n"]):
            raise ReleaseError(
                f"{row['metric']} on {row['capture']} ({protocol_name(row)}) is {row['value']} over {row['n']} windows "
                f"in the lake, and {other['value']} over {other['n']} by the ONNX graph. Nothing was written. Evaluate "
                "again with this code and on this machine (--set repeat=1), take a snapshot, and release that run."
            )
        largest = max(largest, difference)
    return {"rows": len(kept), "largest_difference": largest}


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in ("split", "capture", "protocol", "calibration_s", "metric"))


def _difference(kept: Any, found: Any) -> float:
    if isinstance(kept, float) and isinstance(found, float):
        return abs(kept - found)
    return 0.0 if kept is None and found is None else float("inf")
