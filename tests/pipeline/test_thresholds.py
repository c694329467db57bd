"""Thresholds: the lowest that keeps benign windows within the budget of alarm events."""

import numpy as np
import pytest

from pipeline.thresholds import EVIDENT, threshold_at_budget

WINDOW_S = 0.05


def threshold(score: list[float], per_hour: float, capture: list[int] | None = None) -> float:
    """Of windows side by side, each 50 ms, in one capture unless said otherwise."""
    start = np.arange(len(score)) * WINDOW_S
    of = np.array(capture or [0] * len(score), dtype=np.int16)
    return threshold_at_budget(np.array(score), of, start, start + WINDOW_S, per_hour)


def calm(hours: float) -> list[float]:
    return [0.1] * round(hours * 3600 / WINDOW_S)


def test_windows_that_say_benign_leave_the_threshold_at_a_half() -> None:
    assert threshold(calm(0.1), 10) == EVIDENT
    assert threshold([0.5] * 50, 0) == EVIDENT, "a score on the threshold is no alarm"


def test_the_budget_is_spent_and_not_exceeded() -> None:
    """One hour; five events far apart, each with another score."""
    score = calm(1.0)
    for place, value in ((5_000, 0.95), (20_000, 0.9), (35_000, 0.8), (50_000, 0.7), (65_000, 0.6)):
        score[place] = value
    assert threshold(score, 0) == 0.95
    assert threshold(score, 1) == 0.9
    assert threshold(score, 3) == 0.7
    assert threshold(score, 4) == 0.6
    assert threshold(score, 5) == EVIDENT


def test_the_budget_is_by_the_hour() -> None:
    score = calm(0.5)
    score[10_000], score[20_000] = 0.9, 0.8
    assert threshold(score, 2) == 0.8, "one event in half an hour"
    assert threshold(score, 1) == 0.9, "half an event is none"


def test_alarms_less_than_a_second_apart_are_one_event() -> None:
    score = calm(1.0)
    for place in (5_000, 5_001, 5_015):
        score[place] = 0.9
    score[30_000] = 0.8
    assert threshold(score, 1) == 0.8
    assert threshold(score, 2) == EVIDENT


def test_events_never_join_across_captures() -> None:
    score = calm(1.0)
    score[999], score[1_000] = 0.9, 0.9
    assert threshold(score, 1) == EVIDENT
    assert threshold(score, 1, [0] * 1_000 + [1] * (len(score) - 1_000)) == 0.9


def test_without_benign_windows_it_is_a_half() -> None:
    assert threshold([], 10) == EVIDENT


@pytest.mark.parametrize("per_hour", [0.0, 1.0, 10.0, 1e6])
def test_no_lower_threshold_keeps_the_budget_and_this_one_does(per_hour: float) -> None:
    random = np.random.default_rng(4)
    score = np.where(random.random(72_000) < 0.001, random.random(72_000), 0.1)
    start = np.arange(len(score)) * WINDOW_S

    def events(line: float) -> int:
        at = np.flatnonzero(score > line)
        return int((np.diff(start[at]) - WINDOW_S >= 1.0 - 1e-9).sum()) + 1 if len(at) else 0

    found = threshold(score.tolist(), per_hour)
    assert events(found) <= per_hour
    lower = [line for line in {*score[score > EVIDENT], EVIDENT} if line < found]
    assert all(events(line) > per_hour for line in lower[-1:])


def test_no_budget_drives_a_threshold_above_the_ceiling() -> None:
    score = calm(1.0)
    score[5_000], score[20_000] = 1.0, 0.6
    of, start = np.zeros(len(score), dtype=np.int16), np.arange(len(score)) * WINDOW_S
    found = [
        threshold_at_budget(np.array(score), of, start, start + WINDOW_S, per_hour=0, highest=highest)
        for highest in (1.0, 0.7)
    ]
    assert found == [1.0, 0.7]
