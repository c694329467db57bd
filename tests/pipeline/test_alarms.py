"""False alarms, their hours and alarm metrics, on the bus of `test_episodes.py`: a frame each 0.1 s, windows of 4."""

from dataclasses import replace

import numpy as np
import pytest

from lake.intervals import poisson_interval
from lake.schema import AMOUNTS, PROPORTIONS
from pipeline.alarms import AlarmTally, FalseAlarms, alarm_metrics, tally_alarms
from pipeline.episodes import AlarmedWindows, Detection, Episode, find_episodes
from pipeline.metrics import window_metrics

SIZE, STEP_S = 4, 0.1
WINDOW_S = 3 * STEP_S  # from its first to its last frame


def windows(alarms: str, attacks: str, stride: int = SIZE) -> AlarmedWindows:
    """A window a letter, `x` for an alarm or an attack."""
    start = np.arange(len(alarms)) * stride
    marked = [np.array([letter == "x" for letter in text], dtype=bool) for text in (alarms, attacks)]
    end = start + SIZE - 1
    return AlarmedWindows(*marked, start * STEP_S, end * STEP_S, start, end, end * STEP_S, end)


def tally(alarms: str, attacks: str, *attack_frames: int, stride: int = SIZE) -> AlarmTally:
    frames = np.array(attack_frames, dtype=np.int64)
    return tally_alarms(windows(alarms, attacks, stride), find_episodes(frames * STEP_S, frames))


@pytest.mark.parametrize(
    ("alarms", "events"),
    [
        ("..........", 0),
        ("x.........", 1),
        ("xx........", 1),
        ("x.x.......", 1),  # .5 s apart
        ("x..x......", 1),  # .9 s apart
        ("x...x.....", 2),  # 1.3 s apart
        ("x..x..x..x", 1),  # each .9 s from the one before
        ("x...x...x.", 3),
    ],
)
def test_false_alarms_less_than_a_second_apart_are_one_event(alarms: str, events: int) -> None:
    found = tally(alarms, "." * 10).benign
    assert found == FalseAlarms(10, alarms.count("x"), events, pytest.approx(10 * WINDOW_S))


def test_a_gap_of_exactly_a_second_parts_two_events() -> None:
    apart = replace(windows("xx", ".."), start_s=np.array([0.0, 1.25]), end_s=np.array([0.25, 1.5]))
    assert tally_alarms(apart, []).benign.events == 2


def test_alarms_in_attack_windows_are_no_false_alarms_and_their_time_is_not_benign() -> None:
    found = tally("xxx.", ".xx.", 4, 5, 8).benign
    assert found == FalseAlarms(2, 1, 1, pytest.approx(2 * WINDOW_S))


def test_time_that_windows_share_counts_once() -> None:
    """Six windows, two frames apart: frames 0 to 13."""
    assert tally("......", "......", stride=2).benign.seconds == pytest.approx(13 * STEP_S)
    assert tally("......", "..xx..", stride=2).benign.seconds == pytest.approx((5 + 5) * STEP_S)


def test_time_never_runs_backwards() -> None:
    jumping = replace(windows("..", ".."), start_s=np.array([9.0, 1.0]), end_s=np.array([9.5, 0.5]))
    assert tally_alarms(jumping, []).benign.seconds == pytest.approx(0.5)


def test_outside_leaves_out_benign_windows_in_an_episode_and_half_a_second_behind_it() -> None:
    """Injected frames 5 and 14 are one episode, .5 to 1.4 s. Window 2 lies in it, 4 begins .2 s behind it, 5
    begins .6 s behind it and so lies outside."""
    found = tally("..x.xxx.", ".x.x....", 5, 14)
    assert found.benign == FalseAlarms(6, 4, 1, pytest.approx(6 * WINDOW_S))
    assert found.outside == FalseAlarms(4, 2, 1, pytest.approx(4 * WINDOW_S))
    metrics = alarm_metrics([found])
    assert metrics["fpr_outside_episodes"] == 0.5
    assert metrics["false_alarms_outside_episodes"] == 1


def test_metrics_of_one_capture_by_hand() -> None:
    metrics = alarm_metrics([tally("..x." + "." * 12 + "x...", "..x." + "." * 16, 9)])
    hours = 19 * WINDOW_S / 3600
    low, high = poisson_interval(1)
    assert metrics == pytest.approx(
        {
            "episodes": 1, "episodes_found": 1, "detection_delay_s_median": 0.2, "detection_delay_s_p90": 0.2,
            "frames_to_alarm_median": 3, "fpr_outside_episodes": 1 / 18,
            "false_alarms": 1, "benign_hours": hours, "false_alarms_per_hour": 1 / hours,
            "false_alarms_per_hour_low": low / hours, "false_alarms_per_hour_high": high / hours,
            "false_alarms_outside_episodes": 1, "benign_hours_outside_episodes": hours * 18 / 19,
            "false_alarms_per_hour_outside_episodes": 19 / 18 / hours,
            "false_alarms_per_hour_outside_episodes_low": low * 19 / 18 / hours,
            "false_alarms_per_hour_outside_episodes_high": high * 19 / 18 / hours,
        }
    )  # fmt: skip


def with_delays(*delays: float | None) -> AlarmTally:
    none = FalseAlarms(0, 0, 0, 0.0)
    found = [Detection(Episode(0.0, 1.0, 0, 9, 10), one, None if one is None else int(one * 1000)) for one in delays]
    return AlarmTally(tuple(found), none, none)


def test_delays_are_those_of_found_episodes_with_the_missed_ones_counted() -> None:
    metrics = alarm_metrics([with_delays(0.01, 0.02, None), with_delays(0.03, 0.11)])
    assert (metrics["episodes"], metrics["episodes_found"]) == (5, 4)
    assert metrics["detection_delay_s_median"] == pytest.approx(0.025)
    assert metrics["detection_delay_s_p90"] == pytest.approx(0.03 + 0.7 * 0.08)
    assert metrics["frames_to_alarm_median"] == 25


def test_captures_together_add_up_and_events_never_join_across_them() -> None:
    one = tally(".........x", "." * 10)
    two = tally("x.........", "." * 10)
    metrics = alarm_metrics([one, two])
    assert metrics["false_alarms"] == 2
    assert metrics["benign_hours"] == pytest.approx(20 * WINDOW_S / 3600)


NO_EPISODE = {"detection_delay_s_median", "detection_delay_s_p90", "frames_to_alarm_median"}
RATES = {"false_alarms_per_hour", "false_alarms_per_hour_low", "false_alarms_per_hour_high"}


@pytest.mark.parametrize(
    ("counted", "missing"),
    [
        (tally("x...", "...."), NO_EPISODE),  # a benign capture: nothing to detect
        (with_delays(None), NO_EPISODE | RATES | {f"false_alarms_per_hour_outside_episodes{end}" for end in
                                                  ("", "_low", "_high")} | {"fpr_outside_episodes"}),
    ],
)  # fmt: skip
def test_what_is_not_applicable_is_none_and_nothing_else(counted: AlarmTally, missing: set[str]) -> None:
    assert {name for name, value in alarm_metrics([counted]).items() if value is None} == missing


def test_no_false_alarm_is_a_rate_of_zero_with_an_upper_end() -> None:
    metrics = alarm_metrics([tally("....", "....")])
    assert (metrics["false_alarms_per_hour"], metrics["false_alarms_per_hour_low"]) == (0.0, 0.0)
    assert metrics["false_alarms_per_hour_high"] == pytest.approx(3.689 / (4 * WINDOW_S / 3600), rel=1e-3)


def test_the_schema_knows_the_range_of_every_metric() -> None:
    """A misspelt name would be kept with any value, and shown on no page."""
    measured = {*window_metrics(np.array([True, False]), np.array([0.9, 0.1]), 0.5), *alarm_metrics([])}
    assert measured == {*PROPORTIONS, *AMOUNTS, "mcc"}
