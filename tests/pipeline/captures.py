"""Captures in memory, from the bundled recordings or made up."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from pipeline.can_log import CanLog
from pipeline.readers import read_can_log

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "data" / "sample"
FLOOD = "train_02_with_attacks/DoS-1"
BENIGN = "train_01_attack_free/accessory-1"


@cache
def recorded(name: str = FLOOD) -> CanLog:
    """A bundled capture, read once a test session."""
    return read_can_log(SAMPLE / f"{name}.csv.gz", "can-train-and-test-csv")


def stretch(log: CanLog, start: int, stop: int) -> CanLog:
    """A copy of the frames start:stop of a capture."""
    return log.frames(np.arange(start, min(stop, len(log))))


def made_up(
    arbitration_id: ArrayLike, timestamp_s: ArrayLike | None = None, payload: ArrayLike | None = None,
    is_attack: ArrayLike | None = None, name: str = "made-up",
) -> CanLog:  # fmt: skip
    """A capture from its columns; by default a frame each millisecond, of bytes that differ, all benign."""
    ids = np.asarray(arbitration_id, dtype=np.uint32)
    n = len(ids)
    words = np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return CanLog(
        path=Path(name),
        timestamp_s=np.arange(n) * 1e-3 if timestamp_s is None else np.asarray(timestamp_s, dtype=np.float64),
        arbitration_id=ids,
        dlc=np.full(n, 8, dtype=np.uint8),
        payload=words.view(np.uint8).reshape(n, 8) if payload is None else np.asarray(payload, dtype=np.uint8),
        is_attack=np.zeros(n, dtype=bool) if is_attack is None else np.asarray(is_attack, dtype=bool),
    )
