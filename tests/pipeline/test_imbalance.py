"""Rare attacks: what a window weighs and what an epoch draws, down to one attack in 928 windows."""

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.imbalance import class_weights, draw_attacks

RARE = np.arange(928) == 500
RARER = np.concatenate([RARE] * 5)


def test_class_weights_make_both_classes_count_the_same() -> None:
    is_attack = np.array([True] * 3 + [False] * 27)
    benign, attack = class_weights(is_attack).tolist()
    assert benign * 27 == pytest.approx(attack * 3)
    assert benign * 27 + attack * 3 == pytest.approx(30)
    for one_class in (np.ones(5, dtype=bool), np.zeros(5, dtype=bool)):
        with pytest.raises(StageError, match=r"a classifier needs both. Add a capture with attacks"):
            class_weights(one_class)


@pytest.mark.parametrize(("cap", "ratio"), [(float("inf"), 927), (100, 100), (20, 20), (1, 1)])
def test_an_attack_weighs_no_more_than_the_largest_ratio(cap: float, ratio: float) -> None:
    benign, attack = class_weights(RARE, cap).tolist()
    assert attack / benign == pytest.approx(ratio, rel=1e-4)
    assert benign * 927 + attack == pytest.approx(928, rel=1e-4), "the mean weight stays 1"


def test_the_weights_fit_what_is_drawn() -> None:
    """With a tenth of each epoch attacks, an attack weighs nine times a benign window, not 927 times."""
    benign, attack = class_weights(RARE, attack_share=0.1).tolist()
    assert attack / benign == pytest.approx(9, rel=1e-4)
    assert 0.9 * benign + 0.1 * attack == pytest.approx(1, rel=1e-4)


def draw(epoch: int, share: float, seed: int = 0) -> np.ndarray:
    return draw_attacks(epoch, np.arange(10_000, 10_000 + len(RARER)), RARER, share, seed)


def test_an_epoch_has_its_share_of_attacks_and_its_length() -> None:
    drawn = draw(0, 0.1)
    is_attack = RARER[drawn - 10_000]
    assert len(drawn) == len(RARER)
    assert is_attack.sum() == 464
    counts = np.unique(drawn[is_attack], return_counts=True)[1]
    assert len(counts) == 5
    assert counts.max() - counts.min() <= 1, "no attack is seen more often than another"
    assert len(np.unique(drawn[~is_attack])) == (~is_attack).sum(), "no benign window twice"


def test_epochs_leave_out_other_benign_windows_and_a_seed_repeats_them() -> None:
    assert np.array_equal(draw(3, 0.1), draw(3, 0.1))
    assert not np.array_equal(np.sort(draw(3, 0.1)), np.sort(draw(4, 0.1)))
    assert not np.array_equal(np.sort(draw(3, 0.1)), np.sort(draw(3, 0.1, seed=1)))
    left_out = [set(range(10_000, 10_000 + len(RARER))) - set(draw(epoch, 0.1)) for epoch in range(8)]
    assert not set.intersection(*left_out)


def test_a_share_that_is_met_draws_everything_once() -> None:
    assert sorted(draw(0, 0.001)) == list(range(10_000, 10_000 + len(RARER)))
