"""An ID's frames one after another, and the times between them."""

import numpy as np
import pytest

from pipeline.succession import LAGS, by_arbitration_id, stable_order


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.uint32)


def test_frames_of_an_id_stand_in_recording_order_with_their_age() -> None:
    found = by_arbitration_id(ids(7, 3, 7, 7, 3), np.array([0.0, 0.1, 0.2, 0.3, 0.4]))
    assert found.arbitration_id.tolist() == [3, 3, 7, 7, 7]
    assert found.order.tolist() == [1, 4, 0, 2, 3]
    assert found.time_s.tolist() == [0.1, 0.4, 0.0, 0.2, 0.3]
    assert found.age.tolist() == [0, 1, 0, 1, 2]


def test_gaps_go_back_within_an_id_only() -> None:
    found = by_arbitration_id(ids(7, 3, 7, 7, 3), np.array([0.0, 0.1, 0.25, 0.75, 0.4]))
    np.testing.assert_allclose(found.gaps(1), [np.nan, 0.3, np.nan, 0.25, 0.5])
    np.testing.assert_allclose(found.gaps(2), [np.nan, np.nan, np.nan, np.nan, 0.75])


def test_age_counts_no_further_than_is_looked() -> None:
    found = by_arbitration_id(ids(*[5] * 9), np.arange(9.0))
    assert found.age.tolist() == [0, 1, 2, 3, *[LAGS] * 5]


def test_a_small_step_back_is_a_gap_and_a_clock_set_anew_is_none() -> None:
    found = by_arbitration_id(ids(5, 5, 5, 5), np.array([100.0, 99.5, 3.0, 4.0]))
    np.testing.assert_allclose(found.gaps(1), [np.nan, -0.5, np.nan, 1.0])


@pytest.mark.parametrize("largest", [0x7FF, 2**16 - 1, 2**16, 2**29 - 1])
def test_the_order_is_stable_whatever_the_largest_id(largest: int) -> None:
    numbers = np.array([largest, 1, largest, 0, 1, largest] * 40, dtype=np.uint32)
    assert stable_order(numbers).tolist() == sorted(range(len(numbers)), key=lambda place: int(numbers[place]))


def test_no_frames_are_no_error() -> None:
    found = by_arbitration_id(ids(), np.empty(0))
    assert len(found.order) == len(found.gaps(1)) == 0
