"""Departures from habit, frame by frame: who is charged when a frame comes before its time, and with what."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.can_log import CanLog
from pipeline.habit import Habit
from pipeline.surprise import Surprise, surprises
from tests.pipeline.buses import CONFIG, Stream, bus, every, learnt

ID, OTHER, P = 0x100, 0x200, 0.01
CALM = every(P, 40)
WORDS = [count % 16 for count in range(len(CALM))]


@pytest.fixture(scope="module")
def habit() -> Habit:
    """ID each 10 ms with a counter, OTHER at odd times; ten seconds and more of each."""
    odd = np.cumsum(np.random.default_rng(0).exponential(0.05, 600)).tolist()
    return learnt(bus(Stream(ID, CALM, WORDS), Stream(OTHER, odd)))


def against(habit: Habit, log: CanLog, n_past: int = 0) -> Surprise:
    columns = (log.arbitration_id, log.timestamp_s, log.dlc, log.payload_word)
    return surprises(habit, CONFIG, *columns, n_past)


def injected(*times: float, until: float = 4.0) -> CanLog:
    """The calm ID, and frames of it at these times too, labelled attacks."""
    return bus(Stream(ID, every(P, until)), Stream(ID, times, is_attack=True))


def charged(habit: Habit, log: CanLog) -> list[int]:
    return np.flatnonzero(against(habit, log).early).tolist()


def attacks(log: CanLog) -> list[int]:
    return np.flatnonzero(log.is_attack).tolist()


def test_a_calm_bus_charges_nobody(habit: Habit) -> None:
    assert charged(habit, injected()) == []


@pytest.mark.parametrize("place", [0.02, 0.05, 0.2, 0.4, 0.49, 0.51, 0.6, 0.75, 0.85])
def test_an_injected_frame_is_charged_and_the_legitimate_one_behind_it_is_not(habit: Habit, place: float) -> None:
    """Wherever between two frames it lies, right behind a legitimate one included."""
    log = injected((200 + place) * P)
    assert charged(habit, log) == attacks(log)


@pytest.mark.parametrize("place", [0.9, 0.95, 0.99])
def test_of_two_frames_as_near_as_jitter_one_is_charged(habit: Habit, place: float) -> None:
    """Which of the two is the injected one, times alone cannot tell."""
    log = injected((200 + place) * P)
    (attack,) = attacks(log)
    found = charged(habit, log)
    assert len(found) == 1
    assert found[0] in (attack, attack + 1)


def test_the_depth_is_how_much_too_early(habit: Habit) -> None:
    """`early_pair` periods less the time since the frame before the last."""
    log = injected((200 + 0.2) * P)
    early = against(habit, log).early
    assert early[attacks(log)[0]] == pytest.approx(CONFIG.early_pair - 1.2, abs=1e-3)
    log = injected((200 + 0.6) * P)  # told by the legitimate frame, a period behind the one before
    assert against(habit, log).early[attacks(log)[0]] == pytest.approx(CONFIG.early_pair - 1.0, abs=1e-3)


def test_several_frames_between_two_are_all_charged(habit: Habit) -> None:
    log = injected(*(2 + P * place for place in (0.2, 0.45, 0.7)))
    assert charged(habit, log) == attacks(log)
    log = injected(*(2 + P * place for place in (0.4, 0.6, 0.8)))
    assert charged(habit, log) == attacks(log)[1:], "the first lies 1.4 periods after the last but one, as jitter may"
    log = injected(*(2 + P * place for place in (0.2, 0.4, 0.6, 0.8)))
    legitimate = attacks(log)[-1] + 1
    assert charged(habit, log) == [*attacks(log), legitimate], "the frame it follows lies five back: nobody looks there"


def test_a_flood_of_the_id_is_charged_frame_by_frame(habit: Habit) -> None:
    log = injected(*every(0.0007, 3.0, 2.0001))
    found, flood = set(charged(habit, log)), set(attacks(log))
    assert len(found & flood) > 0.95 * len(flood)
    assert len(found - flood) < 0.1 * len(flood)


def test_a_phase_shifted_stream_is_charged_as_often_as_it_sends(habit: Habit) -> None:
    """Each of the two streams takes free places of its own, so a charge may fall on either."""
    log = injected(*every(P, 3.0, 2.004))
    found, stream = charged(habit, log), attacks(log)
    assert len(found) >= len(stream)
    assert found[0] == stream[0], "it begins with the first injected frame"
    assert found[-1] <= stream[-1] + 1
    for start in range(stream[0], stream[-1] - 100, 50):
        assert len([frame for frame in found if start <= frame < start + 50]) >= 25


def test_jitter_charges_nobody(habit: Habit) -> None:
    """A frame that comes late shortens the gap behind it, which is no injection."""
    times = np.array(every(P, 4))
    times[150] += 0.45 * P
    assert charged(habit, bus(Stream(ID, times.tolist()))) == []
    jittered = times + np.random.default_rng(1).uniform(0, 0.25 * P, len(times))
    assert charged(habit, bus(Stream(ID, jittered.tolist()))) == []


def test_lost_frames_charge_nobody(habit: Habit) -> None:
    times = every(P, 4)
    assert charged(habit, bus(Stream(ID, times[:100] + times[103:200] + times[260:]))) == []


def test_an_id_without_a_period_is_never_early(habit: Habit) -> None:
    log = bus(Stream(ID, every(P, 4)), Stream(OTHER, every(0.0003, 3, 2.0)), Stream(0x7FF, every(0.0003, 3, 2.0)))
    assert charged(habit, log) == []


def test_a_charge_that_goes_back_into_the_window_before_is_late(habit: Habit) -> None:
    """The injected frame is the hundredth of the capture, and the legitimate one behind it tells."""
    log = injected((98 + 0.6) * P)
    assert attacks(log) == [99]
    found = against(habit, log)
    assert np.flatnonzero(found.early).tolist() == [99]
    assert np.flatnonzero(found.is_late).tolist() == [99]
    earlier = against(habit, injected((97 + 0.6) * P))
    assert np.flatnonzero(earlier.early).tolist() == [98]
    assert not earlier.is_late.any(), "within one window nothing is late"


def test_windows_are_counted_from_where_the_past_ends(habit: Habit) -> None:
    log = injected((98 + 0.6) * P)
    assert not against(habit, log, n_past=50).is_late.any(), "windows end at 50 and 150 now"


def test_a_charge_goes_no_further_back_than_one_window(habit: Habit) -> None:
    """A crowd of other frames lies between the two, so that the first one's window is decided already."""
    crowd = Stream(OTHER, (2.0 + 0.6 * P + np.linspace(1e-5, 0.0039, 250)).tolist())
    log = bus(Stream(ID, every(P, 4)), Stream(ID, [2.0 + 0.6 * P], is_attack=True), crowd)
    found = against(habit, log)
    (early,) = np.flatnonzero(found.early)
    assert early == attacks(log)[0] + 251, "the legitimate frame itself"
    assert not found.is_late.any()


def test_a_clock_that_jumps_back_charges_nobody(habit: Habit) -> None:
    times = every(P, 4)
    log = bus(Stream(ID, times))
    jumped = replace(log, timestamp_s=np.where(np.arange(len(times)) < 200, log.timestamp_s + 100, log.timestamp_s))
    found = against(habit, jumped)
    assert not found.early.any()
    assert np.isfinite(found.gap_log2).all()
    assert np.abs(found.gap_log2).max() < 0.01, "the gap across the jump says nothing"


def test_gaps_are_told_in_periods(habit: Habit) -> None:
    times = [0.0, P, 3 * P, 3.5 * P, 3.5 * P]
    gaps = against(habit, bus(Stream(ID, times))).gap_log2
    assert gaps.tolist() == pytest.approx([0, 0, 1, -1, np.log2(1e-6 / P)], abs=1e-3)
    unseen = against(habit, bus(Stream(0x7FF, times)))
    assert unseen.gap_log2.tolist() == [0] * 5
    assert unseen.code.tolist() == [-1] * 5


def test_bytes_lengths_and_counters_are_held_against_the_ids_own(habit: Habit) -> None:
    log = bus(Stream(ID, every(P, 5 * P), [3, 4, 0x0200FF, 6, 7]), Stream(ID, [5 * P], [8], dlc=3))
    found = against(habit, log)
    assert found.new_bytes.tolist() == [0, 0, 0.25, 0, 0, 0], "0xFF and 0x02 were never seen in bytes 0 and 2"
    assert found.has_new_length.tolist() == [False] * 5 + [True]
    assert found.breaks_counter.tolist() == [False, False, True, True, False, False]
    unseen = against(habit, bus(Stream(0x7FF, [0.0, P], [0xFFFF, 0], dlc=1)))
    for column in (unseen.new_bytes, unseen.has_new_length, unseen.breaks_counter):
        assert not column.any()


def test_a_habit_that_knows_nothing_finds_nothing_unusual() -> None:
    nothing = learnt(bus(Stream(1, [0.0]), Stream(2, [0.5])), is_trusted=False)
    assert len(nothing) == 0
    found = against(nothing, injected(2.004))
    assert found.code.max() == -1
    assert not any(column.any() for column in list(vars(found).values())[1:])


def test_a_part_is_the_same_frames(habit: Habit) -> None:
    found = against(habit, injected(2.004, 3.006))
    part = found.since(100).until(150)
    assert len(part) == 150
    for name, column in vars(part).items():
        assert np.array_equal(column, getattr(found, name)[100:250])
