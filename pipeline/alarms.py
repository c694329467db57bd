"""What a user of the alarms would meet: episodes found and how fast, and false alarms an hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lake.intervals import poisson_interval
from pipeline.episodes import AlarmedWindows, Detection, Episode, detect

MERGED_S = 1.0  # false alarms closer than this are one event to whoever has to look at them
# The legitimate frame behind an injected one comes early too, and may lie in the next, benign window.
AFTERMATH_S = 0.5


@dataclass(frozen=True)
class FalseAlarms:
    """False alarms among some benign windows.

    Attributes:
        windows, alarms: the windows, and how many of them alarmed.
        events: those alarms with less than `MERGED_S` between them taken as one.
        seconds: the windows' time, each from its first to its last frame; what two of them share counts once.
    """

    windows: int
    alarms: int
    events: int
    seconds: float


@dataclass(frozen=True)
class AlarmTally:
    """What one capture adds to alarm metrics: its episodes, and the false alarms among all of its benign windows
    and among those outside episodes."""

    detections: tuple[Detection, ...]
    benign: FalseAlarms
    outside: FalseAlarms


def tally_alarms(windows: AlarmedWindows, episodes: Sequence[Episode]) -> AlarmTally:
    """Count one capture's alarms; several tallies together make the metrics of several captures."""
    benign = ~windows.is_attack
    return AlarmTally(
        detections=tuple(detect(windows, episodes)),
        benign=_false_alarms(windows, benign),
        outside=_false_alarms(windows, benign & _outside(windows, episodes)),
    )


def alarm_metrics(tallies: Sequence[AlarmTally]) -> Mapping[str, float | None]:
    """Alarm metrics over one or more captures; None where not applicable, as a delay where nothing was found."""
    detections = [detection for tally in tallies for detection in tally.detections]
    delays = [detection.delay_s for detection in detections if detection.delay_s is not None]
    frames = [detection.frames_to_alarm for detection in detections if detection.frames_to_alarm is not None]
    outside = [tally.outside for tally in tallies]
    n_outside = sum(one.windows for one in outside)
    return {
        "episodes": float(len(detections)),
        "episodes_found": float(len(delays)),
        "detection_delay_s_median": float(np.median(delays)) if delays else None,
        "detection_delay_s_p90": float(np.quantile(delays, 0.9)) if delays else None,
        "frames_to_alarm_median": float(np.median(frames)) if frames else None,
        "fpr_outside_episodes": sum(one.alarms for one in outside) / n_outside if n_outside else None,
        **_hourly([tally.benign for tally in tallies], ""),
        **_hourly(outside, "_outside_episodes"),
    }


def _hourly(counted: Sequence[FalseAlarms], where: str) -> dict[str, float | None]:
    """Events, hours, events an hour and their exact 95 % Poisson interval."""
    events = sum(one.events for one in counted)
    hours = sum(one.seconds for one in counted) / 3600
    low, high = poisson_interval(events)
    rate = f"false_alarms_per_hour{where}"
    return {
        f"false_alarms{where}": float(events),
        f"benign_hours{where}": hours,
        rate: events / hours if hours else None,
        f"{rate}_low": low / hours if hours else None,
        f"{rate}_high": high / hours if hours else None,
    }


def _outside(windows: AlarmedWindows, episodes: Sequence[Episode]) -> NDArray[np.bool_]:
    """[W] windows with no part in an episode or in the `AFTERMATH_S` behind it."""
    outside = np.ones(len(windows), dtype=bool)
    for episode in episodes:
        outside &= (windows.end_s < episode.start_s) | (windows.start_s > episode.end_s + AFTERMATH_S)
    return outside


def _false_alarms(windows: AlarmedWindows, chosen: NDArray[np.bool_]) -> FalseAlarms:
    alarmed = np.flatnonzero(chosen & windows.alarm)
    apart = windows.start_s[alarmed[1:]] - windows.end_s[alarmed[:-1]] >= MERGED_S
    events = int(apart.sum()) + 1 if len(alarmed) else 0
    return FalseAlarms(int(chosen.sum()), len(alarmed), events, _time_of(windows, chosen))


def _time_of(windows: AlarmedWindows, chosen: NDArray[np.bool_]) -> float:
    start_s, end_s = windows.start_s[chosen], windows.end_s[chosen]
    shared = windows.start_frame[chosen][1:] <= windows.end_frame[chosen][:-1]
    begins = start_s.copy()
    begins[1:] = np.where(shared, np.maximum(start_s[1:], end_s[:-1]), start_s[1:])
    return float(np.maximum(end_s - begins, 0).sum())
