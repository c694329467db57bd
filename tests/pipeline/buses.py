"""Made-up buses: streams of frames of one ID each, merged in the order of their times."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig, WindowConfig
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit

CONFIG, WINDOW = HabitConfig(), WindowConfig()


@dataclass(frozen=True)
class Stream:
    """Frames of one ID at these times; payloads of eight bytes as little-endian words, 0 by default."""

    arbitration_id: int
    times: Sequence[float]
    words: Sequence[int] | None = None
    is_attack: bool = False
    dlc: int = 8


def every(period_s: float, until_s: float, start_s: float = 0.0) -> list[float]:
    """Times a period apart; computed, not summed up."""
    return [start_s + count * period_s for count in range(int((until_s - start_s) / period_s + 1e-9))]


def bus(*streams: Stream, name: str = "a bus") -> CanLog:
    """Frames of equal times stand in the order of the streams."""
    times = np.concatenate([np.asarray(stream.times, dtype=np.float64) for stream in streams])
    order = np.argsort(times, kind="stable")
    lengths = [len(stream.times) for stream in streams]
    words = np.concatenate([np.asarray(s.words or [0] * n, np.uint64) for s, n in zip(streams, lengths, strict=True)])
    of = [(stream.arbitration_id, stream.dlc, stream.is_attack) for stream in streams]
    ids, dlc, attack = (np.repeat(np.array(column), lengths)[order] for column in zip(*of, strict=True))
    return CanLog(
        path=Path(name),
        timestamp_s=times[order],
        arbitration_id=ids.astype(np.uint32),
        dlc=dlc.astype(np.uint8),
        payload=words[order].view(np.uint8).reshape(-1, 8),
        is_attack=attack.astype(bool),
    )


def learnt(log: CanLog, is_trusted: bool = True, config: HabitConfig = CONFIG, window: int = WINDOW.size) -> Habit:
    """The habit of a whole capture."""
    return fit_habit([Stretch(log, 0, len(log))], window, config, is_trusted)
