"""Metrics against their definitions, counted window by window."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from pipeline.metrics import threshold_at, window_metrics

SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])


def counted(is_attack: list[bool], score: list[float], threshold: float) -> dict[str, float | None]:
    """The same metrics with plain Python; ranks by comparing every attack window with every benign one."""
    tp = sum(a and s > threshold for a, s in zip(is_attack, score, strict=True))
    fp = sum(not a and s > threshold for a, s in zip(is_attack, score, strict=True))
    fn, tn = sum(is_attack) - tp, len(is_attack) - sum(is_attack) - fp
    attacks, benign = tp + fn, fp + tn
    pairs = [(s > t) + 0.5 * (s == t) for a, s in zip(is_attack, score, strict=True) if a
             for b, t in zip(is_attack, score, strict=True) if not b]  # fmt: skip
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "f1": 2 * tp / (2 * tp + fp + fn) if attacks else None,
        "precision": tp / (tp + fp) if attacks and tp + fp else None,
        "recall": tp / attacks if attacks else None,
        "fpr": fp / benign if benign else None,
        "accuracy": (tp + tn) / len(is_attack),
        "mcc": ((tp * tn - fp * fn) / math.sqrt(product) if product else 0.0) if attacks and benign else None,
        "auroc": sum(pairs) / len(pairs) if pairs else None,
        "base_rate": attacks / len(is_attack),
    }


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=40), SCORES)
def test_metrics_equal_their_definitions(windows: list[tuple[bool, float]], threshold: float) -> None:
    is_attack, score = [a for a, _ in windows], [s for _, s in windows]
    found = window_metrics(np.array(is_attack), np.array(score), threshold)
    for name, value in counted(is_attack, score, threshold).items():
        assert found[name] == (None if value is None else pytest.approx(value, abs=1e-12)), name
    assert found["auprc"] is None or 0 <= found["auprc"] <= 1


def test_a_score_on_the_threshold_is_no_alarm() -> None:
    found = window_metrics(np.array([True, False]), np.array([0.5, 0.5]), 0.5)
    assert (found["recall"], found["fpr"]) == (0.0, 0.0)


@pytest.mark.parametrize("n", [1, 10, 99, 100, 101, 1000])
@pytest.mark.parametrize("quantile", [0.9, 0.95, 0.99])
def test_at_most_the_rest_of_the_benign_windows_exceeds_the_threshold(n: int, quantile: float) -> None:
    benign: NDArray[np.float64] = np.random.default_rng(n).random(n)
    threshold = threshold_at(benign, quantile)
    assert (benign > threshold).mean() <= 1 - quantile + 1e-12
    assert threshold in benign


def test_many_equal_benign_scores_raise_no_alarm() -> None:
    assert threshold_at(np.zeros(100), 0.99) == 0.0
    assert window_metrics(np.zeros(100, dtype=bool), np.zeros(100), 0.0)["fpr"] == 0.0


@pytest.mark.parametrize("n_attack", [20, 21, 43])
def test_a_perfect_ranking_has_an_auprc_of_one_and_no_more(n_attack: int) -> None:
    is_attack = np.arange(100) < n_attack
    score = np.linspace(1, 0, 100)
    assert average_precision_score(is_attack, score) == pytest.approx(1)
    assert window_metrics(is_attack, score, 0.5)["auprc"] == 1.0
