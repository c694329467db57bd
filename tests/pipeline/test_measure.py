"""Scores beside labels: which windows are attacks, when each was decided, and what is pooled with what."""

from dataclasses import replace

import numpy as np
import pytest

from lake.schema import METRICS
from pipeline.can_log import CanLog
from pipeline.measure import POOLS, UNKNOWN_ATTACK, About, Measured, WindowTimes, is_applicable, measured, metric_rows
from pipeline.measure import validation_rows as rows_of_validation
from pipeline.protocols import CALIBRATED, KNOWN, ZERO_SHOT, Protocol
from tests.pipeline.captures import made_up

SIZE, STEP_S = 10, 0.01
ABOUT = About("a capture", "Car A", "DoS", is_known_vehicle=True, is_known_attack=True)


def log_of(n: int, *attack_frames: int) -> CanLog:
    is_attack = np.zeros(n, dtype=bool)
    is_attack[list(attack_frames)] = True
    return made_up(np.full(n, 1), 500.0 + np.arange(n) * STEP_S, is_attack=is_attack)


def times_of(n: int, stride: int = SIZE, late: tuple[int, ...] = ()) -> WindowTimes:
    """Windows of ten frames of a capture of n."""
    start = np.arange(0, n - SIZE + 1, stride)
    is_late = np.isin(np.arange(len(start)), late)
    return WindowTimes.of(start, start * STEP_S, (start + SIZE - 1) * STEP_S, is_late, SIZE)


def one(score: list[float], *attack_frames: int, late: tuple[int, ...] = (), **about: object) -> Measured:
    n = len(score) * SIZE
    protocol = about.pop("protocol", Protocol(KNOWN))
    found = replace(ABOUT, **about)  # type: ignore[arg-type]
    scores = np.array(score)
    return measured(found, protocol, log_of(n, *attack_frames), times_of(n, late=late), scores, 0.5)  # type: ignore[arg-type]


def values(rows: list, capture: str = "a capture", protocol: str = KNOWN) -> dict[str, float | None]:
    return {row["metric"]: row["value"] for row in rows if (row["capture"], row["protocol"]) == (capture, protocol)}


def test_a_window_is_decided_with_its_last_frame_and_a_late_one_with_that_of_the_next() -> None:
    times = times_of(50, late=(1, 4))
    assert times.end_frame.tolist() == [9, 19, 29, 39, 49]
    assert times.decided_frame.tolist() == [9, 29, 29, 39, 49], "nothing comes behind the last"
    np.testing.assert_allclose(times.decided_s, (times.decided_frame) * STEP_S)


def test_of_overlapping_windows_the_one_behind_is_the_first_that_begins_behind_it() -> None:
    times = times_of(50, stride=4, late=(0,))
    assert times.start_frame.tolist() == list(range(0, 41, 4))
    assert times.decided_frame[0] == 12 + 9, "the window from frame 12 on, with frame 21"


def test_any_attack_frame_makes_an_attack_window() -> None:
    assert one([0.1] * 5, 9, 25).is_attack.tolist() == [True, False, True, False, False]
    assert one([0.1] * 5, 0, 49).is_attack.tolist() == [True, False, False, False, True]
    assert not one([0.1] * 5).is_attack.any()


def test_a_delay_ends_when_the_window_was_decided() -> None:
    rows = metric_rows("m", [one([0.1, 0.9, 0.1], 12)])
    assert values(rows)["detection_delay_s_median"] == pytest.approx(0.07)
    assert values(rows)["frames_to_alarm_median"] == 8
    late = metric_rows("m", [one([0.1, 0.9, 0.1], 12, late=(1,))])
    assert values(late)["detection_delay_s_median"] == pytest.approx(0.17)
    assert values(late)["frames_to_alarm_median"] == 18


def test_a_score_on_the_threshold_is_no_alarm() -> None:
    found = values(metric_rows("m", [one([0.5, 0.5 + 1e-9, 0.1], 0, 12)]))
    assert (found["recall"], found["episodes_found"]) == (0.5, 1.0)


def test_what_does_not_apply_is_null() -> None:
    benign = values(metric_rows("m", [one([0.1, 0.9, 0.1], attack="benign")]))
    assert {name for name, value in benign.items() if value is None} >= {"recall", "f1", "auroc", "mcc"}
    assert (benign["fpr"], benign["false_alarms"]) == (pytest.approx(1 / 3), 1.0)
    assert benign["detection_delay_s_median"] is None
    attacked = values(metric_rows("m", [one([0.1, 0.9], 5, 15)]))
    assert attacked["fpr"] is None


def test_attacks_before_the_first_scored_window_are_no_missed_episode() -> None:
    """As in a calibration prefix that an attack was said not to be in, or in a stretch that is not scored."""
    whole, behind = times_of(400), times_of(400)
    behind = whole.at(whole.since(200))
    assert behind.start_frame[0] == 200
    log = log_of(400, 55, 355)
    score = np.where(behind.start_frame == 350, 0.9, 0.1)
    found = measured(ABOUT, Protocol(CALIBRATED, 2.0), log, behind, score, 0.5)
    assert [detection.is_found for detection in found.tally.detections] == [True]


@pytest.mark.parametrize(
    ("protocol", "attack_frames", "expected"),
    [
        (Protocol(KNOWN), (0,), True),
        (Protocol(ZERO_SHOT), (0,), True),
        (Protocol(CALIBRATED, 2.0), (), True),
        (Protocol(CALIBRATED, 2.0), (200,), True),
        (Protocol(CALIBRATED, 2.0), (199, 300), False),
    ],
)
def test_a_prefix_with_an_attack_calibrates_nothing(
    protocol: Protocol, attack_frames: tuple[int, ...], expected: bool
) -> None:
    assert is_applicable(protocol, log_of(400, *attack_frames)) is expected


def test_captures_are_pooled_by_protocol_and_never_across() -> None:
    known = one([0.9, 0.1, 0.1], 5)
    unknown = one(
        [0.1, 0.9, 0.1], 5, capture="b", vehicle="Car B", is_known_vehicle=False, protocol=Protocol(ZERO_SHOT)
    )
    both = [known, replace(known, protocol=Protocol(ZERO_SHOT)), unknown]
    rows = metric_rows("m", both)
    recall = {(row["protocol"], row["capture"]): (row["value"], row["n"]) for row in rows if row["metric"] == "recall"}
    assert recall == {
        (KNOWN, "a capture"): (1.0, 3), (KNOWN, "all"): (1.0, 3), (KNOWN, "known vehicles"): (1.0, 3),
        (ZERO_SHOT, "a capture"): (1.0, 3), (ZERO_SHOT, "b"): (0.0, 3), (ZERO_SHOT, "all"): (0.5, 6),
        (ZERO_SHOT, "known vehicles"): (1.0, 3), (ZERO_SHOT, "unknown vehicles"): (0.0, 3),
    }  # fmt: skip
    flags = {row["capture"]: row["is_known_vehicle"] for row in rows if row["protocol"] == ZERO_SHOT}
    assert flags == {"a capture": True, "b": False, "all": None, "known vehicles": True, "unknown vehicles": False}
    assert set(POOLS) == {"all", "known vehicles", "unknown vehicles"}


def test_each_prefix_is_a_pool_of_its_own() -> None:
    runs = [one([0.9, 0.1], 5, protocol=Protocol(CALIBRATED, seconds)) for seconds in (5.0, 10.0)]
    rows = [row for row in metric_rows("m", runs) if row["metric"] == "recall" and row["capture"] == "all"]
    assert [(row["protocol"], row["calibration_s"]) for row in rows] == [(CALIBRATED, 5.0), (CALIBRATED, 10.0)]
    zero = metric_rows("m", [one([0.9, 0.1], 5, protocol=Protocol(ZERO_SHOT))])
    assert {row["calibration_s"] for row in zero} == {None}


def test_an_attack_that_training_never_met_stands_under_its_protocol_too() -> None:
    seen, new = one([0.1, 0.1], 5), one([0.9, 0.1], 5, capture="new", attack="fuzzing", is_known_attack=False)
    rows = metric_rows("m", [seen, new])
    recall = {(row["protocol"], row["capture"]): row["value"] for row in rows if row["metric"] == "recall"}
    assert recall[UNKNOWN_ATTACK, "new"] == recall[KNOWN, "new"] == 1.0
    assert recall[UNKNOWN_ATTACK, "all"] == 1.0
    assert recall[KNOWN, "all"] == 0.5
    assert (UNKNOWN_ATTACK, "a capture") not in recall


def test_validation_rows_are_those_of_each_protocol_with_the_thresholds_set_there() -> None:
    is_attack, score = np.array([False, True, False, True]), np.array([0.7, 0.9, 0.1, 0.4])
    protocol = np.array([KNOWN, KNOWN, ZERO_SHOT, ZERO_SHOT])
    rows = rows_of_validation("m", is_attack, score, protocol, {KNOWN: 0.8, ZERO_SHOT: 0.3, CALIBRATED: 0.3})
    found = {(row["protocol"], row["metric"]): (row["value"], row["n"], row["n_attack"]) for row in rows}
    assert found[KNOWN, "threshold"] == (0.8, 1, 0)
    assert found[CALIBRATED, "threshold"] == (0.3, 0, 0)
    assert found[KNOWN, "recall"] == (1.0, 2, 1)
    assert found[ZERO_SHOT, "fpr"] == (0.0, 2, 1)
    assert (CALIBRATED, "recall") not in found
    assert {row["split"] for row in rows} == {"validation"}


def test_the_lake_takes_the_rows() -> None:
    found = metric_rows("m", [one([0.9, 0.1, 0.2], 5), one([0.9, 0.1], 5, protocol=Protocol(CALIBRATED, 5.0))])
    found += rows_of_validation("m", np.array([False]), np.array([0.5]), np.array([KNOWN]), {KNOWN: 0.5})
    assert METRICS.arrow([{**row, "run_id": "r", "dataset": "d"} for row in found]).num_rows == len(found)
