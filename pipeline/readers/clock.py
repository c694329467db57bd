"""What the times of a capture say about its clock: jumps, and units other than seconds."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import CaptureError

_BACK_S, _FORWARD_S = 1.0, 3600.0
_STRETCH = 100  # frames; over as many, bursts and coarse clocks even out
_LEAST_FRAMES = 1000
# A bus of 1 Mbit/s carries some 20,000 of its shortest frames a second; slower than the other no car's bus is.
_FASTEST, _SLOWEST = 20_000.0, 0.1
_LAST_EPOCH_S = 1e11  # seconds since 1970 until the year 5138; today's milliseconds are above


def count_jumps(steps_s: NDArray[np.float64]) -> int:
    """Steps between frames that no bus explains: back by more than a second, or ahead by more than an hour."""
    return int(_are_jumps(steps_s).sum())


def elapsed_s(timestamp_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of bus time since the first frame: a clock set anew takes none."""
    elapsed: NDArray[np.float64] = timestamp_s - timestamp_s[0]
    steps = np.diff(timestamp_s)
    is_jump = _are_jumps(steps)
    if is_jump.any():
        elapsed[1:] -= np.cumsum(np.where(is_jump, steps, 0.0))
    return elapsed


def _are_jumps(steps_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((steps_s < -_BACK_S) | (steps_s > _FORWARD_S))


def frame_rate(timestamp_s: NDArray[np.float64]) -> float | None:
    """Typical frames a second, whatever the clock's jumps; None for too few frames to say."""
    if len(timestamp_s) < _LEAST_FRAMES:
        return None
    spans = np.diff(timestamp_s[::_STRETCH])
    typical = float(np.median(spans))
    return _STRETCH / typical if typical > 0 else float("inf")


def refuse_other_units(path: Path, timestamp_s: NDArray[np.float64]) -> None:
    """Raises CaptureError where times cannot be seconds."""
    latest = float(np.abs(timestamp_s).max())
    if latest > _LAST_EPOCH_S:
        raise CaptureError(
            f"{path}: timestamp {latest:.0f} is no time in seconds; it would be after the year 5000. "
            f"It looks like {_unit(latest)} since 1970: divide the timestamps so that they count seconds."
        )
    rate = frame_rate(timestamp_s)
    if rate is not None and not _SLOWEST <= rate <= _FASTEST:
        raise CaptureError(
            f"{path}: by its timestamps {rate:.3g} frames pass in a second, and no CAN bus carries fewer than "
            f"{_SLOWEST:g} or more than {_FASTEST:,.0f}. The timestamps are probably not seconds "
            f"({'milli- or microseconds' if rate < _SLOWEST else 'hours or minutes, or a clock that stands still'}); "
            "convert them to seconds."
        )


def _unit(latest: float) -> str:
    return "milliseconds" if latest < 1e14 else "microseconds" if latest < 1e17 else "nanoseconds"
