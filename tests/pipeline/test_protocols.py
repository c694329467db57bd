"""What a capture is held against under each protocol."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import CaptureError
from pipeline.habit import Habit
from pipeline.protocols import (
    CALIBRATED,
    KNOWN,
    PROTOCOLS,
    ZERO_SHOT,
    Protocol,
    frames_within,
    habit_under,
    head_seconds,
)
from tests.pipeline.buses import CONFIG, Stream, bus, every, learnt

LOG = bus(Stream(0x100, every(0.01, 12)), Stream(0x200, [2.0]), Stream(0x300, [8.0, 9.0]), Stream(0x400, [6.5]))
KNOWN_HABITS = {"Car A": learnt(bus(Stream(0x100, every(0.01, 40))))}


def under(name: str, seconds: float = 0.0) -> Habit:
    return habit_under(Protocol(name, seconds), LOG, "Car A", KNOWN_HABITS, 100, CONFIG)


def test_a_known_vehicle_has_its_own_habit() -> None:
    assert under(KNOWN) is KNOWN_HABITS["Car A"]


def test_calibrated_learns_from_the_prefix_alone_and_trusts_it() -> None:
    habit = under(CALIBRATED, 5.0)
    assert habit.is_trusted
    assert habit.arbitration_id.tolist() == [0x100, 0x200]
    assert habit.seconds == pytest.approx(5.0, abs=0.011)
    assert under(CALIBRATED, 10.0).arbitration_id.tolist() == [0x100, 0x200, 0x300, 0x400]


def test_zero_shot_learns_from_the_first_seconds_and_does_not_trust_them() -> None:
    habit = under(ZERO_SHOT)
    assert not habit.is_trusted
    assert habit.arbitration_id.tolist() == [0x100], "an ID seen once may be injected"
    assert habit.seconds == pytest.approx(CONFIG.warm_up_s, abs=0.011)


def test_a_capture_shorter_than_its_prefix_is_refused_and_a_short_warm_up_takes_what_is_there() -> None:
    with pytest.raises(CaptureError, match=r"lasts 12\.0 s, less than its calibration prefix of 20 s\. Calibrate with"):
        under(CALIBRATED, 20.0)
    short = bus(Stream(0x100, every(0.01, 2)))
    habit = habit_under(Protocol(ZERO_SHOT), short, "", {}, 100, CONFIG)
    assert habit.seconds == pytest.approx(1.99)


def test_a_prefix_is_counted_in_bus_time() -> None:
    """The clock is set back by an hour after two seconds: five seconds of the bus are five seconds all the same."""
    times = np.where(LOG.timestamp_s < 2.0, LOG.timestamp_s + 3600.0, LOG.timestamp_s)
    jumped = replace(LOG, timestamp_s=times)
    assert frames_within(jumped, 5.0) == pytest.approx(frames_within(LOG, 5.0), abs=1)
    habit = habit_under(Protocol(CALIBRATED, 5.0), jumped, "", {}, 100, CONFIG)
    assert habit.seconds == pytest.approx(5.0, abs=0.02)
    assert frames_within(LOG, 0.0) == 0
    assert frames_within(LOG, 100.0) == len(LOG)


def test_how_much_of_a_capture_is_needed() -> None:
    assert [head_seconds(Protocol(name, 7.0), CONFIG) for name in PROTOCOLS] == [0.0, 7.0, CONFIG.warm_up_s]
