"""Means and intervals of a few values, by hand, against scipy and against resamples drawn at random."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from lake.intervals import FEWEST, RESAMPLES, _drawn_interval, poisson_interval, summarise
from lake.student import normal_cdf, student_cdf, student_quantile
from tests.lake.conftest import REPOSITORY


def test_the_mean_of_five_has_an_interval_inside_their_range() -> None:
    one = summarise([0.98, 0.99, 0.97, 0.995, 0.985])
    assert (one.n, one.mean) == (5, pytest.approx(0.984))
    assert one.deviation == pytest.approx(np.std([0.98, 0.99, 0.97, 0.995, 0.985], ddof=1))
    assert one.low is not None
    assert one.high is not None
    assert 0.97 <= one.low < 0.984 < one.high <= 0.995


def test_the_order_of_seeds_and_a_second_call_change_nothing() -> None:
    assert summarise([3.0, 1.0, 2.0, 5.0, 4.0]) == summarise([5.0, 4.0, 3.0, 2.0, 1.0])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_fewer_than_five_values_have_no_interval(n: int) -> None:
    one = summarise(np.linspace(0.9, 1, n))
    assert (one.n, one.low, one.high) == (n, None, None)
    assert (one.deviation is None) == (n == 1)


def test_equal_values_have_an_interval_of_no_width() -> None:
    one = summarise([0.1] * 6)
    assert (one.mean, one.low, one.high, one.deviation) == (pytest.approx(0.1), 0.1, 0.1, pytest.approx(0))


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no value to summarise"):
        summarise([])


@pytest.mark.parametrize(("n", "least"), [(5, 0.89), (12, 0.92)])
def test_the_interval_holds_the_mean_about_as_often_as_it_says(n: int, least: float) -> None:
    random = np.random.default_rng(7)
    held = [(one := summarise(random.normal(size=n))).low <= 0 <= one.high for _ in range(400)]  # type: ignore[operator]
    assert least <= np.mean(held) <= 0.98


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390), (100, 81.36, 121.63)],  # Garwood's tables
)
def test_the_poisson_interval_is_garwoods(events: int, low: float, high: float) -> None:
    assert poisson_interval(events) == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))


@pytest.mark.parametrize("events", [1, 7, 40])
def test_at_the_ends_of_the_poisson_interval_the_count_is_just_as_rare_as_allowed(events: int) -> None:
    low, high = poisson_interval(events)
    assert stats.poisson.sf(events - 1, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(events, high) == pytest.approx(0.025)


@pytest.mark.parametrize("n", [5, 6, 7, 8])
def test_every_resample_says_what_many_drawn_ones_say(n: int) -> None:
    drawn = sorted(np.random.default_rng(n).normal(size=n).tolist())
    one = summarise(drawn)
    many = np.sort(np.random.default_rng(1).choice(drawn, (200_000, n)).mean(axis=1))
    for end, below in ((one.low, np.mean(many < one.low)), (one.high, np.mean(many <= one.high))):
        assert end in (pytest.approx(many[int(below * len(many)) - 1]), pytest.approx(many[int(below * len(many))]))
    low, high = _drawn_interval(drawn)
    width = high - low
    assert one.low == pytest.approx(low, abs=width / 20)
    assert one.high == pytest.approx(high, abs=width / 20)


def test_every_resample_of_five_by_hand() -> None:
    """One value of five is 1: the number of ones in a resample is binomial, and of none of 5 the chance is .8 ** 5."""
    one = summarise([0, 0, 0, 0, 1])
    tail = stats.norm.cdf(-np.sqrt(5 / 4) * stats.t.ppf(0.975, 4))
    low, high = (stats.binom.ppf(p, 5, 0.2) / 5 for p in (tail, 1 - tail))
    assert (one.low, one.high) == (pytest.approx(low), pytest.approx(high))


def test_more_than_eight_values_are_resampled_at_random_and_the_same_each_time() -> None:
    values = np.random.default_rng(3).normal(size=9).tolist()
    assert summarise(values) == summarise(values[::-1])
    assert (summarise(values).low, summarise(values).high) == _drawn_interval(sorted(values))
    assert RESAMPLES == 10_000


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 28, 101])
def test_students_t_is_scipys(freedom: int) -> None:
    for p in (0.5, 0.75, 0.975, 0.995):
        assert student_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-10)
    for t in (-3.0, -0.2, 0.0, 1.0, 12.0):
        assert student_cdf(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), rel=1e-9)


def test_the_normal_distribution_is_scipys() -> None:
    for x in (-7.0, -1.96, 0.0, 0.5, 3.0):
        assert normal_cdf(x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)


def test_intervals_of_few_seeds_need_no_large_package() -> None:
    """A leaderboard is on the screen before scipy would be imported."""
    code = (
        f"import sys, lake.intervals as i; i.summarise(range({FEWEST})); "
        "print([name for name in ('numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 30])
def test_equal_values_have_their_mean_and_no_deviation(n: int) -> None:
    value = 0.9987357774968394
    one = summarise([value] * n)
    assert (one.mean, one.deviation) == (value, 0.0 if n > 1 else None)
    assert (one.low, one.high) == ((value, value) if n >= FEWEST else (None, None))
