"""The curriculum: more benign windows epoch by epoch, the hard ones first, drawn by seed and epoch."""

import numpy as np
import pytest

from pipeline.config import CurriculumConfig
from pipeline.curriculum import draw_lesson, stage_of

CONFIG = CurriculumConfig(enabled=True, epochs=10)
ATTACKS, BENIGN = np.arange(20), np.arange(100, 1100)
DIFFICULTY = np.random.default_rng(0).permutation(1000).astype(np.float64)


def draw(epoch: int, seed: int = 0) -> np.ndarray:
    return draw_lesson(epoch, ATTACKS, BENIGN, DIFFICULTY, 1020, CONFIG, seed)


@pytest.mark.parametrize(("epoch", "ratio", "percentile"), [(0, 1, 75), (5, 5.5, 85), (10, 10, 95), (50, 10, 95)])
def test_ratio_and_percentile_grow_linearly_and_stay(epoch: int, ratio: float, percentile: float) -> None:
    assert stage_of(epoch, CONFIG) == pytest.approx((ratio, percentile))


@pytest.mark.parametrize(("epoch", "benign"), [(0, 20), (5, 110), (10, 200), (30, 200)])
def test_an_epoch_has_every_attack_and_its_share_of_benign_windows(epoch: int, benign: int) -> None:
    drawn = draw(epoch)
    assert len(drawn) == 1020, "as many steps as without a curriculum"
    assert set(ATTACKS) <= set(drawn)
    assert len(set(drawn) - set(ATTACKS)) == benign
    counts = np.unique(drawn, return_counts=True)[1]
    assert counts.max() - counts.min() <= 1


def test_the_hard_ones_come_first_and_are_filled_up_from_the_rest() -> None:
    hardness = dict(zip(BENIGN.tolist(), DIFFICULTY.tolist(), strict=True))
    first = [hardness[window] for window in set(draw(0)) - set(ATTACKS)]
    assert min(first) >= 749, "20 of the hardest 250"
    last = [hardness[window] for window in set(draw(10)) - set(ATTACKS)]
    assert sorted(last)[-50:] == list(range(950, 1000)), "all of the hardest 50"
    assert min(last) < 500, "and 150 others"


def test_the_draw_depends_on_seed_and_epoch_and_is_never_the_first_n() -> None:
    assert np.array_equal(draw(4), draw(4))
    assert set(draw(0)) != set(draw(0, seed=1))
    assert set(draw(11)) != set(draw(12)), "though the stage is the same"


def test_few_benign_windows_are_enough() -> None:
    drawn = draw_lesson(10, ATTACKS, BENIGN[:7], DIFFICULTY[:7], 60, CONFIG, 0)
    assert (len(drawn), len(set(drawn))) == (60, 27)
