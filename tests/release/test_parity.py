from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from pipeline.release.errors import ReleaseError
from pipeline.release.parity import Comparison, check_parity, compare_metrics
from pipeline.release.parity import compare as compare_at

THRESHOLD = 0.5


def outputs(**changes: Any) -> dict[str, Any]:
    """Two windows, the second one an alarm; `changes` replace columns."""
    columns: dict[str, Any] = {
        "score": [0.2, 0.8], "anomaly": [0.2, 0.8], "attack_probability": [0.1, 0.9], "habit_score": [0.0, 0.9],
        "gat_weight": [0.5, 0.5], "habit_weight": [0.25, 0.25], "q_gap": [1.0, 1.0],
    }  # fmt: skip
    return {name: np.array(values, dtype=np.float64) for name, values in {**columns, **changes}.items()}


def compare(graphs: str, network: dict[str, Any], exported: dict[str, Any]) -> Comparison:
    return compare_at(graphs, network, exported, THRESHOLD)


def test_equal_outputs_are_equal() -> None:
    comparison = compare("two", outputs(), outputs())
    assert comparison.equal
    assert comparison.windows == 2
    check_parity([comparison])


@pytest.mark.parametrize(
    "changes",
    [
        {"score": [0.2, 0.80002]},
        {"anomaly": [0.2, 0.8002]},
        {"attack_probability": [0.10002, 0.9]},
        {"habit_score": [0.0, 0.90002]},
        {"gat_weight": [0.5, 0.55]},
        {"habit_weight": [0.25, 0.3]},
        {"score": [np.nan, 0.8]},
        {"anomaly": [0.2, np.inf]},
    ],
    ids=str,
)
def test_a_difference_is_refused(changes: dict[str, Any]) -> None:
    comparison = compare("two", outputs(), outputs(**changes))
    assert not comparison.equal
    with pytest.raises(ReleaseError, match="two"):
        check_parity([comparison])


def test_numbers_that_are_not_finite_in_both_are_refused() -> None:
    both = outputs(score=[np.nan, 0.8])
    assert not compare("two", both, both).equal


def test_an_alarm_that_flips_is_refused_however_small_the_difference() -> None:
    comparison = compare("two", outputs(score=[0.5, 0.8]), outputs(score=[0.5 + 1e-9, 0.8]))
    assert comparison.alarm_flips == 1
    assert not comparison.equal


def test_another_weight_is_allowed_where_two_actions_are_equally_good() -> None:
    network, exported = outputs(q_gap=[1e-7, 1.0]), outputs(gat_weight=[0.55, 0.5], score=[0.205, 0.8])
    comparison = compare("two", network, exported)
    assert (comparison.weight_ties, comparison.weight_flips, comparison.equal) == (1, 0, True)


def test_a_tie_does_not_excuse_another_alarm() -> None:
    network, exported = outputs(q_gap=[1e-7, 1.0]), outputs(gat_weight=[0.55, 0.5], score=[0.6, 0.8])
    assert not compare("two", network, exported).equal


def test_outputs_for_other_windows_are_refused() -> None:
    one = {name: column[:1] for name, column in outputs().items()}
    with pytest.raises(ReleaseError, match="shapes"):
        compare("two", outputs(), one)


def row(**changes: Any) -> dict[str, Any]:
    about = {"split": "test", "capture": "all", "protocol": "zero-shot", "calibration_s": None}
    return {**about, "metric": "recall", "value": 0.5, "n": 4, **changes}


MEASURED = [row(), row(metric="auroc", value=None), row(capture="a", value=1.0, n=2), row(split="validation")]


def test_metrics_of_the_graphs_own_scores_are_those_of_the_lake() -> None:
    assert compare_metrics(MEASURED[:3], MEASURED) == {"rows": 3, "largest_difference": 0.0}
    assert compare_metrics([row(value=0.5004)], MEASURED)["largest_difference"] == pytest.approx(4e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        row(value=0.4), row(value=float("nan")), row(n=5), row(value=None), row(metric="auroc"), row(metric="latency"),
        row(capture="b"), row(protocol="known vehicle"), row(protocol="calibrated", calibration_s=5.0),
    ],
    ids=str,
)  # fmt: skip
def test_a_metric_that_is_not_the_lakes_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ReleaseError, match=f"{wrong['metric']} on {wrong['capture']}"):
        compare_metrics([wrong], MEASURED)


def test_a_comparison_can_be_written_down() -> None:
    assert asdict(compare("two", outputs(), outputs()))["alarm_flips"] == 0
