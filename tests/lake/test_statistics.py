"""Paired comparisons and their correction, by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from lake.statistics import (
    Cells,
    compare,
    holm,
    rank_biserial,
    signed_rank_p,
)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3, 4, 5], 2 / 32),  # all one way: one sign pattern of 32, and its mirror
        ([-1, -2, -3, -4, -5], 2 / 32),
        ([1, 2, 3, 4, 5, 6], 2 / 64),
        ([-1, 2, 3], 2 * 2 / 8),  # W+ 5; 5 or 6 come from 2 of 8 sign patterns
        ([1, 1], 2 / 4),  # tied ranks 1.5 and 1.5: W+ 3 comes from 1 of 4
        ([0, 0, 1, 2], 2 / 4),  # zeros are left out
        ([0, 0], 1.0),
        ([2, -2], 1.0),
    ],
)
def test_signed_ranks_by_counting_sign_patterns(differences: list[float], p: float) -> None:
    assert signed_rank_p(differences) == pytest.approx(p)


@pytest.mark.parametrize("n", [6, 15, 40])
def test_signed_ranks_equal_scipys_exact_test(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.3, 1, n)
    assert signed_rank_p(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


@pytest.mark.parametrize(
    ("differences", "effect"),
    [([1, 2, 3], 1.0), ([-1, -2], -1.0), ([-1, 2, 3], 4 / 6), ([1, -1], 0.0), ([0, 0, 4], 1.0), ([0, 0], None)],
)
def test_rank_biserial_by_hand(differences: list[float], effect: float | None) -> None:
    assert rank_biserial(differences) == (None if effect is None else pytest.approx(effect))


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # .01 × 3; .03 × 2; .04 × 1 is raised to .06
        ([0.04], [0.04]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


CAPTURES = [f"capture-{n}" for n in range(8)]
SEEDS = (1, 2, 3, 4, 5)


def cells(shift: float, captures: list[str] = CAPTURES, wobble: float = 0.01, seed: int = 0) -> Cells:
    random = np.random.default_rng(seed)
    return {(capture, s): 0.9 + shift + wobble * random.standard_normal() for capture in captures for s in SEEDS}


def test_a_model_ahead_on_every_capture_is_better_and_the_other_way_worse() -> None:
    baseline = cells(0.0)
    found = compare({"ahead": cells(0.05, seed=1), "behind": cells(-0.05, seed=2)}, baseline, "higher")
    assert {name: one.verdict for name, one in found.items()} == {"ahead": "better", "behind": "worse"}
    ahead = found["ahead"]
    assert (ahead.unit, ahead.n, ahead.left_out, ahead.effect_size) == ("capture", 8, 0, 1.0)
    assert ahead.p == pytest.approx(2 / 2**8)
    assert ahead.p_adjusted == pytest.approx(2 * 2 / 2**8)
    assert ahead.mean_difference == pytest.approx(0.05, abs=0.01)


def test_where_lower_is_better_the_words_turn_round() -> None:
    found = compare({"ahead": cells(0.05, seed=1)}, cells(0.0), "lower")
    assert found["ahead"].verdict == "worse"
    assert found["ahead"].mean_difference > 0


def test_seeds_of_one_capture_are_not_taken_for_captures() -> None:
    """Ten captures' worth of cells, but the model is ahead on two captures only: nothing is shown."""
    model = {**cells(0.2, CAPTURES[:2], seed=1), **cells(0.0, CAPTURES[2:], seed=1)}
    one = compare({"model": model}, cells(0.0, seed=2), "higher")["model"]
    assert (one.n, one.verdict) == (8, "not shown")
    assert one.mean_difference > 0


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_five_seeds_of_one_capture_show_nothing(shift: float) -> None:
    one = compare({"model": cells(shift, CAPTURES[:1], seed=1)}, cells(0.0, CAPTURES[:1]), "higher")["model"]
    assert (one.unit, one.n, one.verdict) == ("seed", 5, "not shown")
    assert one.p >= 2 / 32


def test_one_seed_of_one_capture_has_no_interval_and_no_verdict() -> None:
    one = compare({"model": {("a", 1): 0.9}}, {("a", 1): 0.1}, "higher")["model"]
    assert (one.n, one.low, one.high, one.p, one.verdict) == (1, None, None, 1.0, "not shown")
    assert one.mean_difference == pytest.approx(0.8)


def test_a_reference_without_seeds_stands_beside_every_seed() -> None:
    rules = {(capture, None): 0.9 for capture in CAPTURES}
    one = compare({"model": cells(0.05, seed=1)}, rules, "higher")["model"]
    assert (one.unit, one.n, one.left_out, one.verdict) == ("capture", 8, 0, "better")
    alone = {"model": {("a", 1): 0.9, ("a", 2): 0.7}}
    one = compare(alone, {("a", None): 0.5}, "higher")["model"]
    assert (one.unit, one.n, one.mean_difference) == ("seed", 2, pytest.approx(0.3))


def test_a_model_without_seeds_is_compared_with_the_mean_over_seeds() -> None:
    rules = {("a", None): 0.9, ("b", None): 0.9}
    reference = {("a", 1): 0.5, ("a", 2): 0.7, ("b", 1): 0.9}
    one = compare({"rules": rules}, reference, "higher")["rules"]
    assert (one.n, one.left_out, one.mean_difference) == (2, 0, pytest.approx(0.15))


def test_captures_and_seeds_without_a_partner_are_counted() -> None:
    model = {("a", 1): 0.9, ("a", 2): 0.8, ("b", 1): 0.9, ("only mine", 1): 0.2}
    reference = {("a", 1): 0.5, ("a", 2): 0.5, ("b", 1): 0.5, ("only theirs", 1): 0.1}
    one = compare({"model": model}, reference, "higher")["model"]
    assert (one.unit, one.n, one.left_out) == ("capture", 2, 2)
    assert one.mean_difference == pytest.approx((0.35 + 0.4) / 2)  # each capture counts once, whatever its seeds
    one = compare({"model": {("a", 1): 0.9, ("a", 7): 0.1}}, reference, "higher")["model"]
    assert (one.unit, one.n, one.left_out, one.mean_difference) == ("seed", 1, 1, pytest.approx(0.4))


def test_a_model_with_nothing_in_common_is_left_out() -> None:
    assert compare({"model": {("a", 1): 0.9}}, {("b", 1): 0.9}, "higher") == {}
    assert compare({"model": {("a", 1): 0.9}}, {("a", 2): 0.9}, "higher") == {}


def test_correction_can_take_a_verdict_back() -> None:
    """Seven captures all one way give p = .0156; beside three models that show nothing it becomes .0625."""
    captures, baseline = CAPTURES[:7], cells(0.0, CAPTURES[:7])
    good = {"good": cells(0.05, captures, seed=1)}
    assert compare(good, baseline, "higher")["good"].verdict == "better"
    noise = {f"noise {n}": cells(0.0, captures, seed=n) for n in (2, 3, 4)}
    crowded = compare({**good, **noise}, baseline, "higher")["good"]
    assert crowded.p_adjusted == pytest.approx(4 * 2 / 2**7)
    assert crowded.verdict == "not shown"


def test_equal_models_differ_in_nothing() -> None:
    one = compare({"model": cells(0.0)}, cells(0.0), "higher")["model"]
    assert (one.mean_difference, one.effect_size, one.p, one.verdict) == (0.0, None, 1.0, "not shown")


def test_how_a_mean_was_rounded_is_no_difference() -> None:
    """Five equal seeds, whose plain mean is a float beside them; and 0.3 − 0.2 is not 0.2 − 0.1 as floats are."""
    value = 0.9987357774968394
    assert np.mean([value] * 5) != value
    model = {("equal", seed): value for seed in SEEDS} | {("a", 0): 0.3, ("b", 0): 0.1}
    reference = {("equal", None): value, ("a", None): 0.2, ("b", None): 0.2}
    one = compare({"model": model}, reference, "higher")["model"]
    assert (one.n, one.p, one.effect_size, one.mean_difference) == (3, 1.0, 0.0, 0.0)


def test_large_values_are_as_exact_as_they_can_be() -> None:
    model: Cells = {(capture, None): 1e6 + 0.1 for capture in "abcdef"}
    one = compare({"model": model}, {(capture, None): 1e6 for capture in "abcdef"}, "lower")["model"]
    assert one.p == pytest.approx(2 / 64)
    assert one.mean_difference == pytest.approx(0.1)


def test_of_a_metric_that_is_better_neither_way_it_is_only_said_that_it_differs() -> None:
    found = compare({"ahead": cells(0.05, seed=1), "same": cells(0.0, seed=3)}, cells(0.0), None)
    assert {name: one.verdict for name, one in found.items()} == {"ahead": "differs", "same": "not shown"}
