"""Episodes and their detection, on a bus with a frame each 0.1 s, cut into windows of four."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import WindowConfig
from pipeline.episodes import GAP_S, AlarmedWindows, Episode, detect, find_episodes
from pipeline.readers import read_can_log
from pipeline.windows import cut_windows

SIZE, STEP_S = 4, 0.1


def windows(alarms: str, attacks: str = "", stride: int = SIZE) -> AlarmedWindows:
    """A window a letter, `x` for an alarm or an attack; window i holds frames i × stride and on."""
    start = np.arange(len(alarms)) * stride
    end = start + SIZE - 1
    labels = attacks or "." * len(alarms)
    return AlarmedWindows(
        alarm=np.array([letter == "x" for letter in alarms], dtype=bool),
        is_attack=np.array([letter == "x" for letter in labels], dtype=bool),
        start_s=start * STEP_S,
        end_s=end * STEP_S,
        start_frame=start,
        end_frame=end,
        decided_s=end * STEP_S,
        decided_frame=end,
    )


def episodes_at(*frames: int) -> list[Episode]:
    return find_episodes(np.array(frames) * STEP_S, np.array(frames))


def test_a_gap_of_a_second_and_a_half_parts_two_episodes() -> None:
    seconds = np.array([0.0, 1.4, 2.8, 2.8 + GAP_S, 9.0])
    frames = np.array([3, 20, 41, 60, 90])
    assert find_episodes(seconds, frames) == [
        Episode(0.0, 2.8, 3, 41, 3),
        Episode(2.8 + GAP_S, 2.8 + GAP_S, 60, 60, 1),
        Episode(9.0, 9.0, 90, 90, 1),
    ]


def test_a_capture_without_attack_frames_has_no_episode() -> None:
    assert find_episodes(np.empty(0), np.empty(0, dtype=np.int64)) == []
    assert detect(windows("x.x."), []) == []


@pytest.mark.parametrize(
    ("alarms", "delay_s", "frames"),
    [
        ("..x...", 0.1, 2),  # frames 8 to 11, the first injected frame is 10: it ends at 1.1 s
        ("...x..", 0.5, 6),  # 12 to 15
        (".x.x..", 0.5, 6),  # an alarm that ends before the first injected frame detects nothing
        ("....x.", 0.9, 10),  # 16 to 19 holds no injected frame (10 to 14), but begins within a window of the last
        (".....x", None, None),  # 20 to 23 begins later than that
        ("xx....", None, None),
        ("......", None, None),
        ("..xxxx", 0.1, 2),
    ],
)
def test_the_delay_runs_from_the_first_injected_frame_to_the_end_of_the_alarmed_window(
    alarms: str, delay_s: float | None, frames: int | None
) -> None:
    (found,) = detect(windows(alarms), episodes_at(10, 11, 14))
    assert found.delay_s == (None if delay_s is None else pytest.approx(delay_s))
    assert found.frames_to_alarm == frames
    assert found.is_found == (delay_s is not None)


def test_an_injected_frame_that_ends_its_window_is_one_frame_to_alarm() -> None:
    (found,) = detect(windows(".x."), episodes_at(7))
    assert (found.delay_s, found.frames_to_alarm) == (pytest.approx(0.0), 1)


def test_windows_that_overlap_detect_sooner() -> None:
    (found,) = detect(windows("." * 4 + "x" * 8, stride=2), episodes_at(10, 11))
    assert (found.delay_s, found.frames_to_alarm) == (pytest.approx(0.1), 2)  # window 4 holds frames 8 to 11


def test_each_episode_has_its_own_detection() -> None:
    found = detect(windows("..x....." + "." * 8 + "x..."), episodes_at(9, 40, 63))
    assert [(one.episode.first_frame, one.frames_to_alarm) for one in found] == [(9, 3), (40, None), (63, 5)]


def test_an_episode_that_no_window_holds_was_not_scored() -> None:
    """Frames 24 to 26 are a tail shorter than a window; frames 0 to 7 a prefix that is not among the windows."""
    whole = windows("......")
    later = AlarmedWindows(**{name: column[2:] for name, column in vars(whole).items()})
    found = detect(later, episodes_at(3, 20, 25 + 20))
    assert [one.episode.first_frame for one in found] == [20]


def test_a_clock_that_jumps_back_gives_no_negative_delay() -> None:
    found = detect(windows("..x."), [Episode(50.0, 51.0, 8, 9, 2)])
    assert found[0].delay_s == 0.0


def test_a_delay_ends_where_the_score_is_known() -> None:
    """The third window (frames 8 to 11) is decided with the last frame of the fourth."""
    late = replace(windows("..x..."), decided_s=windows("......").end_s, decided_frame=windows("......").end_frame)
    late.decided_s[2], late.decided_frame[2] = 15 * STEP_S, 15
    (found,) = detect(late, episodes_at(10))
    assert (found.delay_s, found.frames_to_alarm) == (pytest.approx(0.5), 6)


def test_columns_of_other_lengths_and_shuffled_windows_are_refused() -> None:
    whole = vars(windows("...."))
    with pytest.raises(ValueError, match=r"differ in length.*'alarm': 3"):
        AlarmedWindows(**{**whole, "alarm": whole["alarm"][:3]})
    with pytest.raises(ValueError, match="not in the capture's order"):
        AlarmedWindows(**{name: column[::-1] for name, column in whole.items()})


@pytest.mark.parametrize(
    ("capture", "episodes", "median_ms"),
    [
        ("test_01_known_vehicle_known_attack/DoS-3", 2, 25),
        ("test_04_unknown_vehicle_unknown_attack/systematic-4", 1, 22),
        ("train_02_with_attacks/DoS-1", 1, 24),
        ("train_02_with_attacks/targeted_payload_fuzzing-2", 2, 39),
    ],
)
def test_alarms_on_every_attack_window_of_a_published_recording(
    repository: Path, capture: str, episodes: int, median_ms: int
) -> None:
    """Episodes and delays as counted before on the whole recordings by other code."""
    log = read_can_log(repository / "data" / "sample" / f"{capture}.csv.gz", "can-train-and-test-csv")
    cut = cut_windows(log, WindowConfig())
    start, end = cut.start_frame, cut.start_frame + cut.size - 1
    time_s, injected = log.timestamp_s, np.flatnonzero(log.is_attack)
    alarmed = AlarmedWindows(cut.is_attack, cut.is_attack, time_s[start], time_s[end], start, end, time_s[end], end)
    found = detect(alarmed, find_episodes(time_s[injected], injected))
    assert len(found) == episodes
    assert np.median([one.delay_s for one in found]) * 1000 == pytest.approx(median_ms, abs=0.6)
