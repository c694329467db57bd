"""Metrics against their definitions, counted window by window."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from pipeline.metrics import recall_at_one_in, threshold_at, window_metrics

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


def scored(attacks: list[float], benign: list[float]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return np.array([True] * len(attacks) + [False] * len(benign)), np.array(attacks + benign)


@pytest.mark.parametrize(
    ("attacks", "benign", "one_in", "recall"),
    [
        ([0.9, 0.5, 0.1], [0.6, 0.4, 0.2, 0.0], 4, 2 / 3),  # one of four may pass: 0.6; the line is 0.4
        ([0.9, 0.4, 0.1], [0.6, 0.4, 0.2, 0.0], 4, 1 / 3),  # a score on the line is no alarm
        ([0.9, 0.5, 0.1], [0.6, 0.4, 0.2, 0.0], 5, None),  # four cannot show one in five
        ([0.9, 0.5, 0.1], [0.6, 0.6, 0.2, 0.0], 4, 1 / 3),  # letting one 0.6 pass would let both pass
        ([0.9], [0.6], 1, 1.0),  # every benign window may pass
        ([], [0.1] * 10, 10, None),
    ],
)
def test_recall_at_an_fpr_is_the_best_that_any_threshold_gives(
    attacks: list[float], benign: list[float], one_in: int, recall: float | None
) -> None:
    assert recall_at_one_in(one_in, *scored(attacks, benign)) == recall


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(SCORES, min_size=1, max_size=12), st.lists(SCORES, min_size=3, max_size=30), st.integers(1, 5))
def test_recall_at_an_fpr_equals_the_best_of_all_thresholds(
    attacks: list[float], benign: list[float], one_in: int
) -> None:
    lines = [-1.0, *attacks, *benign]
    allowed = [line for line in lines if sum(b > line for b in benign) * one_in <= len(benign)]
    best = max(sum(a > line for a in attacks) / len(attacks) for line in allowed)
    expected = pytest.approx(best) if len(benign) >= one_in else None
    assert recall_at_one_in(one_in, *scored(attacks, benign)) == expected


def test_the_named_recalls_allow_one_in_a_hundred_and_one_in_a_thousand() -> None:
    benign = [n / 2000 for n in range(1000)]  # 0 to .4995
    found = window_metrics(*scored([0.4993, 0.4948, 0.4], benign), 0.5)
    assert (found["recall_at_fpr_1e-3"], found["recall_at_fpr_1e-2"]) == (1 / 3, 2 / 3)
    few = window_metrics(*scored([0.4993, 0.4948, 0.4], benign[:999]), 0.5)
    assert few["recall_at_fpr_1e-3"] is None
    assert few["recall_at_fpr_1e-2"] is not None


NEEDS_ATTACKS = {"f1", "precision", "recall", "mcc", "auroc", "auprc", "recall_at_fpr_1e-2", "recall_at_fpr_1e-3"}
NEEDS_BENIGN = {"fpr", "mcc", "auroc", "auprc", "recall_at_fpr_1e-2", "recall_at_fpr_1e-3"}


@pytest.mark.parametrize(("label", "missing"), [(False, NEEDS_ATTACKS), (True, NEEDS_BENIGN)])
def test_one_class_leaves_out_exactly_what_needs_the_other(label: bool, missing: set[str]) -> None:
    found = window_metrics(np.full(2000, label), np.linspace(0, 1, 2000), 0.5)
    assert {name for name, value in found.items() if value is None} == missing
