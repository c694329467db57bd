"""How much of a vehicle is known before its capture is scored; results under each are told apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig
from pipeline.errors import CaptureError
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.readers.clock import elapsed_s

KNOWN, CALIBRATED, ZERO_SHOT = "known vehicle", "calibrated", "zero-shot"
PROTOCOLS = (KNOWN, CALIBRATED, ZERO_SHOT)


@dataclass(frozen=True)
class Protocol:
    """`calibration_s` seconds of the capture's beginning are given as attack-free; 0 but for `calibrated`."""

    name: str
    calibration_s: float = 0.0


def head_seconds(protocol: Protocol, config: HabitConfig) -> float:
    """Seconds of a capture's beginning that its habit is learnt from under the protocol; 0 for a known vehicle."""
    return {KNOWN: 0.0, CALIBRATED: protocol.calibration_s, ZERO_SHOT: config.warm_up_s}[protocol.name]


def frames_within(log: CanLog, seconds: float) -> int:
    """How many of the capture's first frames lie in its first seconds; all of them where it lasts no longer."""
    beyond = np.flatnonzero(elapsed_s(log.timestamp_s) >= seconds)
    return int(beyond[0]) if len(beyond) else len(log)


def habit_under(
    protocol: Protocol, head: CanLog, vehicle: str, habits: Mapping[str, Habit], window: int, config: HabitConfig
) -> Habit:
    """The habit that a capture is held against.

    Args:
        head: the capture, or at least its first `head_seconds`.
        vehicle: its vehicle, one of `habits` for a known one.

    Raises:
        CaptureError: the capture is shorter than its calibration prefix.
    """
    if protocol.name == KNOWN:
        return habits[vehicle]
    seconds = head_seconds(protocol, config)
    is_trusted = protocol.name == CALIBRATED
    stop = frames_within(head, seconds)
    if is_trusted and stop == len(head):
        lasts = float(elapsed_s(head.timestamp_s)[-1])
        raise CaptureError(
            f"{head.path} lasts {lasts:.1f} s, less than its calibration prefix of {seconds:g} s. "
            "Calibrate with fewer seconds, or leave --calibrate away."
        )
    return fit_habit([Stretch(head, 0, stop)], window, config, is_trusted)
