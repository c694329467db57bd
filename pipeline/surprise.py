"""What departs from a vehicle's habit, frame by frame, in physical units: the rules that a graph's nodes carry."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config import HabitConfig
from pipeline.counters import counter_breaks
from pipeline.habit import Habit
from pipeline.succession import LAGS, Succession, by_arbitration_id
from pipeline.workers import workers

_SHORTEST_S = 1e-6


@dataclass(frozen=True, eq=False)
class Surprise:
    """[N] each, in recording order.

    Attributes:
        code: index of the ID in the habit, -1 for an unseen one.
        early: how far a frame of a periodic ID lies before its time, in periods, 0..`early_pair`; 0 where it does not.
        has_new_length: a payload length never seen for the ID.
        breaks_counter: the ID's rolling counter does not follow its predecessor's.
        gap_log2: log2 of the time since the ID's last frame over its period; 0 where either is not known.
        new_bytes: share of the first eight payload bytes with a value never seen there, 0..1.
        is_late: only the next stretch of `charge_frames` told that the frame was early.
    """

    code: NDArray[np.intp]
    early: NDArray[np.float32]
    has_new_length: NDArray[np.bool_]
    breaks_counter: NDArray[np.bool_]
    gap_log2: NDArray[np.float32]
    new_bytes: NDArray[np.float32]
    is_late: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.code)

    def since(self, start: int) -> "Surprise":
        """Without the first `start` frames, which were there as the past of the others."""
        return Surprise(*(column[start:] for column in vars(self).values()))

    def until(self, stop: int) -> "Surprise":
        """The first `stop` frames."""
        return Surprise(*(column[:stop] for column in vars(self).values()))


def surprises(
    habit: Habit, config: HabitConfig, arbitration_id: NDArray[np.uint32], time_s: NDArray[np.float64],
    dlc: NDArray[np.uint8], words: NDArray[np.uint64], n_past: int = 0, threads: int | None = 1,
) -> Surprise:  # fmt: skip
    """Hold each of [N] frames against the habit; `words` are first eight payload bytes, little-endian.

    Args:
        n_past: the first frames belong to an earlier part of the capture: they are the past of the others.
    """
    code = habit.index(arbitration_id)
    succession = by_arbitration_id(arbitration_id, time_s)
    with workers(threads) as pool:  # numpy lets go of the interpreter while it works
        early = pool.submit(early_frames, habit, succession, config, n_past)
        breaks = pool.submit(_breaks, habit, succession, code, words)
        new_bytes = pool.submit(_new_bytes, habit, code, words)
        gap = pool.submit(_gap_log2, habit, succession, code)
        new_length = pool.submit(_new_length, habit, code, dlc)
        charged, is_late = early.result()
        return Surprise(code, charged, new_length.result(), breaks.result(), gap.result(), new_bytes.result(), is_late)


def _breaks(
    habit: Habit, succession: Succession, code: NDArray[np.intp], words: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    order = succession.order
    return _in_order(counter_breaks(habit.counters, words[order], succession.age, code[order]), order)


def _new_length(habit: Habit, code: NDArray[np.intp], dlc: NDArray[np.uint8]) -> NDArray[np.bool_]:
    new = np.zeros(len(code), dtype=bool)
    known = code >= 0
    new[known] = ~habit.has_length[code[known], dlc[known]]
    return new


def early_frames(
    habit: Habit, succession: Succession, config: HabitConfig, n_past: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """[N] in recording order, how many periods too early a frame came, 0 for one that did not; and `is_late`.

    Two gaps are looked at, for jitter delays one frame and shortens the gap behind it, while an injection adds
    a frame: early is a frame less than `early_gap` periods after the last and less than `early_pair` after the
    one before. The legitimate frame behind an injected one is early by that measure too. It is told by lying
    one period behind an earlier frame whose place nobody has taken, and the charge goes to the frame before
    it, where that stands in the same stretch of `charge_frames` or the one before, unless it is charged already.

    Args:
        n_past: stretches are counted from this frame of the recording on.
    """
    charged = np.zeros(len(succession.order), dtype=np.float32)
    late = np.zeros(len(charged), dtype=bool)
    if not len(habit) or not len(charged):
        return charged, late
    # of an ID that the habit lacks, whose index is -1, the last period is taken
    known_period = np.append(np.where(habit.is_periodic, habit.period_s, np.nan), np.nan)
    period = known_period.take(habit.index(succession.arbitration_id), mode="wrap")
    at = np.flatnonzero(succession.gaps(1) < config.early_gap * period)
    pair = succession.gaps_at(at, 2)
    soon = pair < config.early_pair * period[at]
    at, pair = at[soon], pair[soon]
    if not len(at):
        return charged, late
    depth = config.early_pair - pair / period[at]
    fine = _takes_a_free_place(succession, period, at, config)
    charged[at[~fine]] = depth[~fine]
    order = succession.order
    on_time = at[fine]
    here, before = ((order[place] - n_past) // config.charge_frames for place in (on_time, on_time - 1))
    apart = here - before
    free = charged[on_time - 1] == 0
    for chosen, target in ((free & (apart <= 1), on_time - 1), (free & (apart > 1), on_time)):
        charged[target[chosen]] = np.maximum(charged[target[chosen]], depth[fine][chosen])
    late[on_time[free & (apart == 1)] - 1] = True
    return _in_order(charged, order), _in_order(late, order)


def _in_order(values: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    """In recording order; few of the values are not 0."""
    placed = np.zeros_like(values)
    some = np.flatnonzero(values)
    placed[order[some]] = values[some]
    return placed


def _takes_a_free_place(
    succession: Succession, period: NDArray[np.float64], at: NDArray[np.intp], config: HabitConfig
) -> NDArray[np.bool_]:
    """For the frames `at`: whether one lies a period behind an earlier frame, and no frame between does so too."""
    origin = _origin(succession, period, at, config)
    fine = origin >= 0
    for lag in range(1, LAGS):
        earlier = at - lag
        fits = (succession.age[at] >= lag) & (earlier >= 0)
        there = np.full(len(at), -1)
        there[fits] = _origin(succession, period, earlier[fits], config)
        fine &= (there < 0) | (there != origin)
    return fine


def _origin(
    succession: Succession, period: NDArray[np.float64], at: NDArray[np.intp], config: HabitConfig
) -> NDArray[np.intp]:
    """For the frames `at`: the earlier frame that each lies one period behind, -1 for none."""
    best = np.full(len(at), config.on_schedule)
    origin = np.full(len(at), -1, dtype=np.intp)
    for lag in range(1, LAGS + 1):
        earlier = np.maximum(at - lag, 0)
        off = np.abs((succession.time_s[at] - succession.time_s[earlier]) / period[at] - 1)
        closer = (succession.age[at] >= lag) & (off < best)
        best[closer], origin[closer] = off[closer], earlier[closer]
    return origin


def _gap_log2(habit: Habit, succession: Succession, code: NDArray[np.intp]) -> NDArray[np.float32]:
    ratio = np.zeros(len(code), dtype=np.float32)
    if not len(habit):
        return ratio
    # the last period is that of an ID the habit lacks, whose index is -1; as is that of an ID seen once
    period = np.append(habit.period_s, np.nan).take(code[succession.order], mode="wrap")
    with np.errstate(invalid="ignore"):
        value = (np.maximum(succession.gaps(1), _SHORTEST_S) / period).astype(np.float32)
        np.log2(value, out=value)
    value[np.isnan(value)] = 0
    ratio[succession.order] = value
    return ratio


def _new_bytes(habit: Habit, code: NDArray[np.intp], words: NDArray[np.uint64]) -> NDArray[np.float32]:
    if not len(habit):
        return np.zeros(len(code), dtype=np.float32)
    known = code >= 0
    place = np.where(known, code, 0).astype(np.int32) * 2048
    payload = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8)
    new = np.zeros(len(code), dtype=np.uint8)
    for byte in range(8):
        new += habit.is_new_value.take(place + payload[:, byte])
        place += 256
    return (new * known) * np.float32(1 / 8)
