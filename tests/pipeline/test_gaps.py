"""Median and spread of an ID's inter-arrival times, by hand."""

import numpy as np
import pytest

from pipeline.gaps import gap_spread


def test_each_id_has_its_own_median_and_spread() -> None:
    """ID 0 keeps its time, ID 2 halves and doubles it as often, ID 1 has no gap."""
    even, uneven = [0.01] * 50, [0.05, 0.1, 0.2] * 40
    code = np.r_[np.zeros(51), [1], np.full(121, 2)].astype(np.intp)
    found = gap_spread(code, np.r_[np.nan, even, np.nan, np.nan, uneven], 3)
    assert found.n_gaps.tolist() == [50, 0, 120]
    assert found.median_s[[0, 2]] == pytest.approx([0.01, 0.1])
    assert found.spread[[0, 2]] == pytest.approx([0.0, np.log(2)])
    assert np.isnan(found.median_s[1])
    assert np.isnan(found.spread[1])


def test_the_order_of_frames_does_not_matter_and_a_gap_of_nothing_is_no_fault() -> None:
    rng = np.random.default_rng(4)
    code, gap_s = rng.integers(0, 5, 400), rng.exponential(0.02, 400)
    gap_s[:3] = 0.0
    shuffled = rng.permutation(400)
    for one, other in zip(gap_spread(code, gap_s, 5), gap_spread(code[shuffled], gap_s[shuffled], 5), strict=True):
        assert np.array_equal(one, other)
        assert np.isfinite(one).all()
