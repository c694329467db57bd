"""Attack episodes of a capture, and when each was detected: arithmetic only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Attack frames this far apart belong to two episodes; injections of one attack come closer, pauses between
# attacks are longer, in every published recording we know.
GAP_S = 1.5


@dataclass(frozen=True)
class Episode:
    """Attack frames with no gap of `GAP_S` between them.

    Attributes:
        start_s, end_s: time of its first and last attack frame.
        first_frame, last_frame: where they stand in the capture.
        frames: attack frames in it.
    """

    start_s: float
    end_s: float
    first_frame: int
    last_frame: int
    frames: int


@dataclass(frozen=True)
class Detection:
    """Whether an episode raised an alarm; delay and frames are None where it did not.

    Attributes:
        delay_s: from its first attack frame to the moment at which the score of the first window that alarmed is
            known. Never below 0, should the clock jump back between the two.
        frames_to_alarm: frames on the bus in that time, both ends counted.
    """

    episode: Episode
    delay_s: float | None = None
    frames_to_alarm: int | None = None

    @property
    def is_found(self) -> bool:
        return self.delay_s is not None


@dataclass(frozen=True, eq=False)
class AlarmedWindows:
    """The scored windows of one capture, in its order.

    Attributes:
        alarm: [W] bool, whether its score lies above the threshold.
        is_attack: [W] bool, its label.
        start_s, end_s: [W] float64, time of its first and last frame, by the clock of the episodes.
        start_frame, end_frame: [W] int64, where these frames stand in the capture.
        decided_s, decided_frame: likewise of the frame at which the score is known: the window's last, or one of
            the window behind it where that has a say.
    """

    alarm: NDArray[np.bool_]
    is_attack: NDArray[np.bool_]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    start_frame: NDArray[np.int64]
    end_frame: NDArray[np.int64]
    decided_s: NDArray[np.float64]
    decided_frame: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.alarm)

    def __post_init__(self) -> None:
        """Raises ValueError for columns of different lengths, or windows that are not in the capture's order."""
        lengths = {name: len(column) for name, column in vars(self).items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of windows differ in length: {lengths}.")
        if (np.diff(self.start_frame) < 0).any() or (np.diff(self.end_frame) < 0).any():
            raise ValueError("windows are not in the capture's order: sort them by their first frame.")


def find_episodes(attack_s: NDArray[np.float64], attack_frame: NDArray[np.int64]) -> list[Episode]:
    """The episodes of a capture, from the times and places of its [K] attack frames, in its order."""
    if len(attack_s) == 0:
        return []
    begins = np.concatenate([[0], np.flatnonzero(np.diff(attack_s) >= GAP_S) + 1])
    ends = np.concatenate([begins[1:], [len(attack_s)]]) - 1
    return [
        Episode(float(attack_s[i]), float(attack_s[k]), int(attack_frame[i]), int(attack_frame[k]), int(k - i + 1))
        for i, k in zip(begins, ends, strict=True)
    ]


def detect(windows: AlarmedWindows, episodes: Sequence[Episode]) -> list[Detection]:
    """What became of each episode that a window overlaps.

    An alarm detects an episode if its window ends at or after the first attack frame and begins no more than
    one window after the last: what an injection disturbs may show in the window behind it. Episodes outside all
    windows, as in the tail shorter than one, were never scored and are left out.
    """
    alarms = np.flatnonzero(windows.alarm)
    size = windows.end_frame - windows.start_frame + 1
    found = []
    for episode in episodes:
        first = np.searchsorted(windows.end_frame, episode.first_frame)
        if first >= np.searchsorted(windows.start_frame, episode.last_frame, side="right"):
            continue
        beyond = np.searchsorted(windows.start_frame - size, episode.last_frame, side="right")
        place = np.searchsorted(alarms, first)
        if place == len(alarms) or alarms[place] >= beyond:
            found.append(Detection(episode))
        else:
            found.append(_detection(windows, episode, int(alarms[place])))
    return found


def _detection(windows: AlarmedWindows, episode: Episode, window: int) -> Detection:
    delay_s = max(float(windows.decided_s[window]) - episode.start_s, 0.0)
    return Detection(episode, delay_s, int(windows.decided_frame[window]) - episode.first_frame + 1)
