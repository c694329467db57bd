"""The habits of all known vehicles: learnt from benign training frames, kept in one file, told apart by their IDs."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lake.files import whole_file
from pipeline.can_log import CanLog
from pipeline.config import HabitConfig
from pipeline.errors import StageError
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.readers.clock import elapsed_s
from pipeline.succession import by_arbitration_id

_SEPARATOR = "\x1f"
_STRANGERS = 0.04  # a bus is a known vehicle's where no larger share of its IDs is strange to that vehicle's habit,
_OF_THE_HABIT = 0.1  # and this share of the IDs that the habit expects is on the bus
_EVEN = 0.5  # the middle half of an ID's gaps lies within this many medians; injected ones are spread wider
_SAME_PERIOD = 0.2  # relative difference of median periods
_OFTEN = 20  # frames an ID sends in the time looked at, to be counted; fuzzing sends fewer of each


@dataclass(frozen=True)
class Recognition:
    """The known vehicle that a bus is most like, and how much, 0..1; `vehicle` is None where that is too little."""

    vehicle: str | None
    nearest: str | None
    likeness: float


def recognise_vehicle(habits: Mapping[str, Habit], head: CanLog) -> Recognition:
    """Whose bus this is, by which IDs are often on it and at which median periods; labels are not looked at.

    Likeness is the F1 of IDs that bus and habit share at the same period. Medians, and IDs that come at even times
    alone, stand up to an attack under way. Cars of one maker share IDs, so nearly all that is on the bus must fit;
    some of the habit's may be absent, as with the engine off.
    """
    found = {name: _match(habit, *_regular(head)) for name, habit in habits.items()}
    if not found:
        return Recognition(None, None, 0.0)
    nearest = max(found, key=lambda name: found[name].likeness)
    best = found[nearest]
    few_strangers = best.strangers <= max(1, _STRANGERS * best.on_bus)
    is_known = few_strangers and best.matched >= max(1, _OF_THE_HABIT * best.expected)
    return Recognition(nearest if is_known else None, nearest, best.likeness)


@dataclass(frozen=True)
class _Match:
    """IDs that are regularly on the bus, those of them that fit the habit, and how many the habit expects."""

    on_bus: int
    matched: int
    expected: int

    @property
    def strangers(self) -> int:
        return self.on_bus - self.matched

    @property
    def likeness(self) -> float:
        return 2 * self.matched / (self.on_bus + self.expected) if self.matched else 0.0


def _match(habit: Habit, ids: NDArray[np.uint32], period_s: NDArray[np.float64], longest_s: float) -> _Match:
    place = habit.index(ids)
    with np.errstate(invalid="ignore"):
        same = (place >= 0) & (np.abs(period_s / habit.period_s[place] - 1) < _SAME_PERIOD)
    expected = int((habit.is_periodic & (habit.period_s < longest_s)).sum())
    return _Match(len(ids), int(same.sum()), expected)


def _regular(head: CanLog) -> tuple[NDArray[np.uint32], NDArray[np.float64], float]:
    """IDs that come often and at even times, their median periods, and the longest period that counts as often."""
    succession = by_arbitration_id(head.arbitration_id, head.timestamp_s)
    gaps = succession.gaps(1)
    longest_s = float(elapsed_s(head.timestamp_s)[-1]) / _OFTEN
    ids, periods = [], []
    bounds = np.flatnonzero(np.diff(succession.arbitration_id, prepend=-1, append=-1))
    for start, stop in pairwise(bounds.tolist()):
        own = gaps[start + 1 : stop]
        if len(own) < _OFTEN // 2:
            continue
        low, middle, high = np.nanquantile(own, [0.25, 0.5, 0.75])
        if middle < longest_s and high - low < _EVEN * middle:
            ids.append(succession.arbitration_id[start])
            periods.append(middle)
    return np.array(ids, dtype=np.uint32), np.array(periods), longest_s


def save_habits(path: Path, habits: Mapping[str, Habit]) -> None:
    """One compressed file of arrays."""
    arrays = {
        f"{vehicle}{_SEPARATOR}{name}": array
        for vehicle, habit in sorted(habits.items())
        for name, array in habit.arrays().items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    with whole_file(path) as staged:
        staged.write_bytes(buffer.getvalue())


def load_habits(path: Path) -> dict[str, Habit]:
    """The habits by vehicle.

    Raises:
        StageError: the file is missing or is not one that `save_habits` wrote.
    """
    try:
        # bytes first: numpy leaves a file open that is no archive
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        vehicles = dict.fromkeys(name.split(_SEPARATOR)[0] for name in arrays)
        return {
            vehicle: Habit.of(
                {
                    name.split(_SEPARATOR)[1]: array
                    for name, array in arrays.items()
                    if name.startswith(vehicle + _SEPARATOR)
                }
            )
            for vehicle in vehicles
        }
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StageError(
            f"{path} holds no habits of vehicles ({error!r}). Restore it, or prepare again with --set repeat=1."
        ) from error


def fit_by_vehicle(stretches: Sequence[tuple[str, Stretch]], window: int, config: HabitConfig) -> dict[str, Habit]:
    """The habit of each vehicle from its (vehicle, stretch) pairs."""
    by_vehicle: dict[str, list[Stretch]] = {}
    for vehicle, stretch in stretches:
        by_vehicle.setdefault(vehicle, []).append(stretch)
    return {vehicle: fit_habit(own, window, config) for vehicle, own in by_vehicle.items()}
