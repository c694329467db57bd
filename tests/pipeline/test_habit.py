"""What is learnt of a vehicle, from made-up buses whose habits are known."""

from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from tests.pipeline.buses import CONFIG, Stream, bus, every, learnt

FAST, SLOW, EVENT = 0x100, 0x200, 0x300


def of(habit: Habit, number: int) -> int:
    (place,) = np.flatnonzero(habit.arbitration_id == number)
    return int(place)


def test_the_period_is_the_median_and_jitter_leaves_an_id_periodic() -> None:
    times = np.array(every(0.01, 40)) + np.random.default_rng(1).uniform(0, 0.004, 4000)
    habit = learnt(bus(Stream(FAST, times.tolist()), Stream(SLOW, every(0.5, 40))))
    assert habit.period_s.tolist() == pytest.approx([0.01, 0.5], rel=0.02)
    assert habit.is_periodic.tolist() == [True, True]
    assert habit.seconds == pytest.approx(40, abs=0.6)


def test_an_id_that_comes_at_odd_times_is_not_periodic() -> None:
    gaps = np.random.default_rng(2).exponential(0.02, 1500)
    habit = learnt(bus(Stream(FAST, np.cumsum(gaps).tolist()), Stream(SLOW, every(0.1, 30))))
    assert habit.is_periodic.tolist() == [False, True]


def test_few_gaps_make_no_period_to_rely_on() -> None:
    def is_periodic(frames: int, seconds: float) -> bool:
        log = bus(Stream(SLOW, [1.0 * count for count in range(frames)]), Stream(FAST, every(0.01, seconds)))
        return bool(learnt(log).is_periodic[1])

    assert not is_periodic(3, 10), "two gaps"
    assert is_periodic(4, 10), "three gaps are enough of a prefix"
    assert not is_periodic(8, 40), "seven gaps of a long recording are not"
    assert is_periodic(9, 40)


def test_an_id_seen_once_is_known_without_a_period() -> None:
    habit = learnt(bus(Stream(EVENT, [5.0]), Stream(FAST, every(0.01, 10))))
    place = of(habit, EVENT)
    assert np.isnan(habit.period_s[place])
    assert not habit.is_periodic[place]
    assert habit.hamming[place] == 0


def test_an_id_that_also_sends_on_a_change_is_not_called_periodic() -> None:
    """Half a period behind every hundredth frame: its quantiles look periodic, its own traffic has early frames."""
    times = every(0.1, 300)
    events = [time + 0.06 for time in times[20::250]]
    assert len(events) > 10
    habit = learnt(bus(Stream(EVENT, times + events), Stream(FAST, every(0.01, 300))))
    assert not habit.is_periodic[of(habit, EVENT)]
    assert habit.is_periodic[of(habit, FAST)]


def test_one_such_frame_in_five_minutes_is_forgiven() -> None:
    times = every(0.1, 300)
    habit = learnt(bus(Stream(EVENT, [*times, times[1500] + 0.06]), Stream(FAST, every(0.01, 300))))
    assert habit.is_periodic[of(habit, EVENT)]


def test_in_a_warm_up_that_may_hold_an_attack_many_early_frames_are_one() -> None:
    """A frame behind every fifth: in trusted traffic that is how the ID is, in a warm-up an attack under way."""
    times = every(0.1, 5)
    flooded = bus(Stream(FAST, every(0.01, 5)), Stream(SLOW, times), Stream(SLOW, [t + 0.052 for t in times[::5]]))
    assert not learnt(flooded, is_trusted=True).is_periodic[1]
    assert learnt(flooded, is_trusted=False).is_periodic[1]


def test_in_a_warm_up_an_id_seen_once_is_not_known() -> None:
    log = bus(Stream(EVENT, [1.0]), Stream(SLOW, [1.0, 2.0]), Stream(FAST, every(0.01, 5)))
    assert learnt(log, is_trusted=False).arbitration_id.tolist() == [FAST, SLOW]
    assert learnt(log, is_trusted=True).arbitration_id.tolist() == [FAST, SLOW, EVENT]


def test_a_warm_up_without_any_known_id_is_a_habit_of_nothing() -> None:
    log = bus(*(Stream(number, [number * 0.01]) for number in range(1, 200)))
    habit = learnt(log, is_trusted=False)
    assert len(habit) == 0
    assert habit.index(log.arbitration_id).tolist() == [-1] * 199


def test_values_lengths_successions_and_flips_are_those_of_the_traffic() -> None:
    log = bus(
        Stream(FAST, [0.0, 0.2, 0.4], [0x00, 0x01, 0x03]), Stream(SLOW, [0.1, 0.3], [0xFF00, 0xFF00], dlc=2),
    )  # fmt: skip
    habit = learnt(log)
    assert np.flatnonzero(habit.has_value[0, 0]).tolist() == [0, 1, 3]
    assert np.flatnonzero(habit.has_value[1, 1]).tolist() == [0xFF]
    assert np.flatnonzero(habit.has_length[0]).tolist() == [8]
    assert np.flatnonzero(habit.has_length[1]).tolist() == [2]
    assert habit.hamming.tolist() == pytest.approx([1 / 64, 0.0])
    assert habit.follows.tolist() == [[False, True], [True, False]]


def test_most_frames_are_those_of_the_fullest_window() -> None:
    log = bus(Stream(FAST, every(0.01, 4)), Stream(SLOW, [2.001 + count * 1e-4 for count in range(30)]))
    habit = learnt(log)
    counts = [
        np.bincount((log.arbitration_id[i : i + 100] == SLOW).astype(int), minlength=2) for i in range(0, 400, 100)
    ]
    assert habit.most_frames[1] == max(int(count[1]) for count in counts)
    assert habit.most_frames[0] == 100


def test_stretches_are_one_vehicle_and_no_step_leads_from_one_to_the_next() -> None:
    """Between the stretches lie an hour, other values and a broken counter."""
    words = [count % 16 for count in range(400)]
    first = bus(Stream(FAST, every(0.01, 4), words), name="first")
    second = bus(Stream(FAST, every(0.01, 4, 0.0), [(count + 7) % 16 for count in range(400)]), name="second")
    habit = fit_habit([Stretch(first, 0, 400), Stretch(second, 0, 400)], 100, CONFIG)
    assert habit.seconds == pytest.approx(7.98)
    assert habit.period_s[0] == pytest.approx(0.01)
    assert habit.counters.size.tolist() == [16]
    assert habit.is_periodic[0]


def test_frames_outside_the_stretch_are_not_learnt() -> None:
    log = bus(Stream(FAST, every(0.01, 4)), Stream(EVENT, [1.005, 3.005]))
    habit = fit_habit([Stretch(log, 0, 100)], 100, CONFIG)
    assert habit.arbitration_id.tolist() == [FAST]
    assert habit.seconds == pytest.approx(0.99)


def test_a_clock_that_jumps_back_takes_no_time_from_the_habit() -> None:
    """Without care its seconds were negative, and every ID then came early more often than that allows."""
    log = bus(Stream(FAST, every(0.01, 20)), Stream(SLOW, every(0.1, 20)))
    times = np.where(np.arange(len(log)) < 1000, log.timestamp_s + 1000.0, log.timestamp_s)
    habit = learnt(replace(log, timestamp_s=times))
    assert habit.seconds == pytest.approx(19.98, abs=0.02)
    assert habit.is_periodic.tolist() == [True, True]


@pytest.mark.parametrize("stretches", [0, 1])
def test_without_a_frame_there_is_no_habit(stretches: int) -> None:
    log = bus(Stream(FAST, [0.0]))
    with pytest.raises(StageError, match=r"needs at least one attack-free frame.* Add an attack-free capture"):
        fit_habit([Stretch(log, 0, 0)] * stretches, 100, CONFIG)


def test_a_single_frame_is_enough() -> None:
    habit = learnt(bus(Stream(FAST, [3.0])))
    assert (len(habit), habit.seconds) == (1, 0.0)


@pytest.mark.parametrize("largest", [0x7FF, 2**29 - 1])
def test_an_id_is_found_in_the_habit_or_is_unseen(largest: int) -> None:
    """11-bit IDs are looked up in a table, others searched."""
    numbers = [0, 5, largest]
    habit = learnt(bus(*(Stream(number, [0.1 * place, 1.0]) for place, number in enumerate(numbers))))
    asked = np.array([largest, 4, 0, 5, 2**29 - 2, 6, largest - 1], dtype=np.uint32)
    assert habit.index(asked).tolist() == [2, -1, 0, 1, -1, -1, -1]


def equal(one: Habit, other: Habit) -> bool:
    for field in fields(Habit):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "counters":
            assert all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("shift", "width", "size"))
        else:
            assert np.array_equal(a, b, equal_nan=field.name == "period_s"), field.name
    return True
