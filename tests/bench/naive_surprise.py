"""Departures from habit as one would write them first: a frame at a time, each held against its ID's own past.

Written from docs/habit.md; the tests compare it with `pipeline.surprise`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig
from pipeline.habit import Habit

Frame = tuple[float, int, int, bytes]  # seconds, arbitration ID, payload length, first 8 payload bytes
_LOOKED_AT = 4  # earlier frames of the same ID
_JUMP_S = 1.0  # a larger step back is a clock set anew


@dataclass(frozen=True)
class Known:
    """What a habit says of one ID."""

    period_s: float | None
    is_periodic: bool
    most_frames: int
    lengths: frozenset[int]
    counter: tuple[int, int, int] | None  # lowest bit, width, values
    values: tuple[frozenset[int], ...]
    hamming: float


@dataclass(frozen=True)
class Fact:
    """What is to be said of one frame."""

    early: float = 0.0
    is_late: bool = False
    has_new_length: bool = False
    breaks_counter: bool = False
    gap_log2: float = 0.0
    new_bytes: float = 0.0


def frames_of(log: CanLog) -> list[Frame]:
    """A capture's frames as Python objects."""
    columns = (log.timestamp_s.tolist(), log.arbitration_id.tolist(), log.dlc.tolist())
    return list(zip(*columns, (bytes(row[:8]) for row in log.payload), strict=True))


def known_ids(habit: Habit) -> dict[int, Known]:
    found = {}
    for i, number in enumerate(habit.arbitration_id.tolist()):
        counter = tuple(int(getattr(habit.counters, name)[i]) for name in ("shift", "width", "size"))
        found[number] = Known(
            period_s=None if math.isnan(habit.period_s[i]) else float(habit.period_s[i]),
            is_periodic=bool(habit.is_periodic[i]),
            most_frames=int(habit.most_frames[i]),
            lengths=frozenset(np.flatnonzero(habit.has_length[i]).tolist()),
            counter=counter if counter[2] else None,  # type: ignore[arg-type]
            values=tuple(frozenset(np.flatnonzero(row).tolist()) for row in habit.has_value[i]),
            hamming=float(habit.hamming[i]),
        )
    return found


def facts_of(frames: Sequence[Frame], known: dict[int, Known], config: HabitConfig, stretch: int) -> list[Fact]:
    """Of each frame of a capture; `stretch` frames are a window, where a charge may go back by one."""
    facts = [Fact()] * len(frames)
    of_id: dict[int, list[int]] = {}
    for place, frame in enumerate(frames):
        of_id.setdefault(frame[1], []).append(place)
    for number, places in of_id.items():
        if number not in known:
            continue
        habit = known[number]
        for turn, place in enumerate(places):
            facts[place] = _plain_fact([frames[p] for p in places[max(turn - 1, 0) : turn + 1]], habit, turn > 0)
        if habit.is_periodic and habit.period_s:
            times = [frames[p][0] for p in places]
            for turn, (early, is_late) in _charges(times, places, habit.period_s, config, stretch).items():
                facts[places[turn]] = replace(facts[places[turn]], early=early, is_late=is_late)
    return facts


def _plain_fact(last_two: Sequence[Frame], habit: Known, has_past: bool) -> Fact:
    time_s, _, length, payload = last_two[-1]
    new = sum(payload[byte] not in habit.values[byte] for byte in range(8)) / 8
    fact = Fact(has_new_length=length not in habit.lengths, new_bytes=new)
    if not has_past:
        return fact
    before = last_two[0]
    gap = time_s - before[0]
    if habit.period_s is not None and gap >= -_JUMP_S:
        fact = replace(fact, gap_log2=math.log2(max(gap, 1e-6) / habit.period_s))
    if habit.counter is not None:
        shift, width, values = habit.counter
        old, now = ((int.from_bytes(one[3], "little") >> shift) % 2**width for one in (before, last_two[-1]))
        fact = replace(fact, breaks_counter=now != (old + 1) % values)
    return fact


def _charges(
    times: list[float], places: list[int], period: float, config: HabitConfig, stretch: int
) -> dict[int, tuple[float, bool]]:
    """turn -> (periods too early, whether only the next stretch told) of one ID's frames."""
    injected, on_time = {}, {}
    for turn in range(2, len(times)):
        last, pair = times[turn] - times[turn - 1], times[turn] - times[turn - 2]
        if last < -_JUMP_S or pair < -_JUMP_S:
            continue
        if last < config.early_gap * period and pair < config.early_pair * period:
            depth = config.early_pair - pair / period
            if _takes_a_free_place(times, turn, period, config):
                on_time[turn] = depth
            else:
                injected[turn] = depth
    charges = {turn: (depth, False) for turn, depth in injected.items()}
    for turn, depth in on_time.items():
        if turn - 1 in injected:
            continue
        apart = places[turn] // stretch - places[turn - 1] // stretch
        target = turn - 1 if apart <= 1 else turn
        early, is_late = charges.get(target, (0.0, False))
        charges[target] = (max(early, depth), is_late or apart == 1)
    return charges


def _takes_a_free_place(times: list[float], turn: int, period: float, config: HabitConfig) -> bool:
    """Whether it lies one period behind an earlier frame, and none of the three before it does so too."""
    origin = _origin(times, turn, period, config)
    between = [_origin(times, turn - lag, period, config) for lag in range(1, _LOOKED_AT) if turn - lag >= 0]
    return origin is not None and origin not in between


def _origin(times: list[float], turn: int, period: float, config: HabitConfig) -> int | None:
    """The earlier frame that this one lies one period behind, the nearest to it."""
    found = []
    for lag in range(1, min(_LOOKED_AT, turn) + 1):
        off = abs((times[turn] - times[turn - lag]) / period - 1)
        if off < config.on_schedule:
            found.append((off, lag))
    return turn - min(found)[1] if found else None
