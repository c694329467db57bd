"""Calibration error and Brier score, by hand and against scikit-learn."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss

from pipeline.calibration import brier_score, calibration_error


def arrays(labels: list[int], scores: list[float]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return np.array(labels, dtype=bool), np.array(scores)


@pytest.mark.parametrize(
    ("labels", "scores", "bins", "expected"),
    [
        ([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0], 2, 0.0),
        ([1, 1, 0, 0], [0.0, 0.0, 1.0, 1.0], 2, 1.0),  # sure and always wrong
        ([0, 1, 0, 1], [0.1, 0.3, 0.8, 0.6], 2, 0.25),  # bins .2 against 1/2 and .7 against 1/2: (.3 + .2) / 2
        ([0, 1, 0, 1], [0.1, 0.3, 0.8, 0.6], 1, 0.05),  # one bin: .45 against 1/2
        ([0, 1, 1, 0, 0, 1], [0.5] * 6, 3, 0.0),  # equal scores share a bin: .5 against 3/6
        ([0, 0, 0, 1], [0.2, 0.2, 0.2, 0.6], 2, 0.25),  # three and one: (3 × .2 + .4) / 4
    ],
)
def test_calibration_error_by_hand(labels: list[int], scores: list[float], bins: int, expected: float) -> None:
    assert calibration_error(*arrays(labels, scores), bins=bins) == pytest.approx(expected, abs=1e-12)


def test_bins_hold_equal_numbers_of_windows() -> None:
    """150 windows of which only the bin of the lowest ten is off: by .5 in ten of 150."""
    score = np.repeat((np.arange(15) + 0.5) / 15, 10) + np.tile(np.arange(10), 15) * 1e-6
    shares = np.repeat(np.round((np.arange(15) + 0.5) / 15 * 10).astype(int), 10)
    is_attack = np.tile(np.arange(10), 15) < shares
    gap = np.abs([score[10 * i : 10 * i + 10].mean() - is_attack[10 * i : 10 * i + 10].mean() for i in range(15)])
    assert calibration_error(is_attack, score) == pytest.approx(gap.mean(), abs=1e-12)


def test_the_order_of_windows_does_not_matter() -> None:
    random = np.random.default_rng(1)
    score, is_attack = random.integers(0, 5, 200) / 4, random.random(200) < 0.3
    order = random.permutation(200)
    assert calibration_error(is_attack, score) == pytest.approx(calibration_error(is_attack[order], score[order]))


def test_brier_is_the_mean_squared_distance() -> None:
    assert brier_score(*arrays([0, 1], [0.3, 0.6])) == pytest.approx((0.09 + 0.16) / 2)
    random = np.random.default_rng(2)
    score, is_attack = random.random(300), random.random(300) < 0.3
    assert brier_score(is_attack, score) == pytest.approx(brier_score_loss(is_attack, score))


@pytest.mark.parametrize("scores", [[0.5, 1.2], [-0.1, 0.5], []])
def test_a_score_that_is_no_probability_has_no_calibration(scores: list[float]) -> None:
    both = arrays([0, 1][: len(scores)], scores)
    assert calibration_error(*both) is None
    assert brier_score(*both) is None


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_enough(label: int) -> None:
    assert calibration_error(*arrays([label] * 4, [0.5] * 4)) == 0.5
    assert brier_score(*arrays([label] * 4, [0.5] * 4)) == 0.25
