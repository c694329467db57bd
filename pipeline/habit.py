"""What is normal on one vehicle's bus: periods, lengths, counters, payload values and successions of its IDs.

A habit is learnt from attack-free traffic: of training captures for a known vehicle, of a calibration
prefix for an unknown one. Where neither exists it is learnt from a capture's own first seconds, which
may hold an attack: then an ID seen once does not count as known, and medians resist the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig
from pipeline.counters import Counters, learn_counters
from pipeline.errors import StageError
from pipeline.readers.clock import elapsed_s
from pipeline.succession import by_arbitration_id

MAX_DLC = 64
_SHORTEST_S = 1e-6


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames `start` … `stop - 1` of a capture, taken to be free of attacks."""

    log: CanLog
    start: int
    stop: int

    @property
    def seconds(self) -> float:
        return float(elapsed_s(self.log.timestamp_s[self.start : self.stop])[-1])


@dataclass(frozen=True, eq=False)
class Habit:
    """`I` arbitration IDs and what each does.

    Attributes:
        seconds: traffic it was learnt from.
        is_trusted: whether that traffic is known to be free of attacks.
        arbitration_id: [I] uint32, rising.
        period_s: [I] float64, median inter-arrival time; NaN for an ID seen once.
        is_periodic: [I] bool, its inter-arrival times keep close to the median.
        most_frames: [I] int64, most frames of the ID in one window.
        has_length: [I, 65] bool, payload lengths it was seen with.
        counters: its rolling counter, if it has one.
        has_value: [I, 8, 256] bool, values its first eight payload bytes took.
        hamming: [I] float32, mean share of payload bits that change from frame to frame, 0..1.
        follows: [I, I] bool, whether the second ID was ever seen right after the first.
    """

    seconds: float
    is_trusted: bool
    arbitration_id: NDArray[np.uint32]
    period_s: NDArray[np.float64]
    is_periodic: NDArray[np.bool_]
    most_frames: NDArray[np.int64]
    has_length: NDArray[np.bool_]
    counters: Counters
    has_value: NDArray[np.bool_]
    hamming: NDArray[np.float32]
    follows: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.arbitration_id)

    @cached_property
    def is_new_value(self) -> NDArray[np.uint8]:
        """[I * 8 * 256] 1 for a byte value never seen: a flat table to look up in."""
        return (~self.has_value).astype(np.uint8).ravel()

    def index(self, arbitration_id: NDArray[np.uint32]) -> NDArray[np.intp]:
        """[N] index of each ID, -1 for an unseen one."""
        if not len(self):
            return np.full(arbitration_id.shape, -1, dtype=np.intp)
        last = int(self.arbitration_id[-1])
        if last < _TABLE:  # a table of 11-bit IDs is faster than a search
            table = np.full(max(last + 2, 2), -1, dtype=np.intp)
            table[self.arbitration_id] = np.arange(len(self))
            return np.asarray(table[np.minimum(arbitration_id, last + 1)])
        place = np.minimum(np.searchsorted(self.arbitration_id, arbitration_id), len(self) - 1)
        return np.where(self.arbitration_id[place] == arbitration_id, place, -1)


_TABLE = 2**16


def fit_habit(stretches: Sequence[Stretch], window: int, config: HabitConfig, is_trusted: bool = True) -> Habit:
    """The habit of the vehicle that all stretches were recorded on.

    Args:
        window: frames a window, for `most_frames`.

    Raises:
        StageError: there is not one frame to learn from.
    """
    if not any(stretch.stop > stretch.start for stretch in stretches):
        raise StageError(
            "a habit needs at least one attack-free frame, and there is none. Add an attack-free capture of the "
            "vehicle, or calibrate with a longer prefix."
        )
    pieces = [_Piece.of(stretch) for stretch in stretches if stretch.stop > stretch.start]
    ids = _known_ids(pieces, config, is_trusted)
    code = np.concatenate([_codes(ids, piece.arbitration_id) for piece in pieces])
    kept = code >= 0
    words = np.concatenate([piece.words for piece in pieces])
    gap = np.concatenate([piece.gap_s for piece in pieces])
    follows = np.concatenate([piece.age for piece in pieces]) > 0
    seconds = float(sum(stretch.seconds for stretch in stretches))
    period, is_periodic = _periods(code[kept], gap[kept], len(ids), seconds, config)
    habit = Habit(
        seconds=seconds,
        is_trusted=is_trusted,
        arbitration_id=ids,
        period_s=period,
        is_periodic=is_periodic,
        most_frames=_most_frames(stretches, ids, window),
        has_length=_seen(code, np.concatenate([piece.dlc for piece in pieces]), len(ids), MAX_DLC + 1),
        counters=_counters(pieces, ids),
        has_value=_values(code, words, len(ids)),
        hamming=_hamming(code, words, follows, len(ids)),
        follows=_successions(stretches, ids),
    )
    return _without_unsteady(habit, stretches, config)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A stretch sorted by ID."""

    arbitration_id: NDArray[np.uint32]
    age: NDArray[np.int64]
    gap_s: NDArray[np.float64]
    words: NDArray[np.uint64]
    dlc: NDArray[np.uint8]
    succession: Any

    @classmethod
    def of(cls, stretch: Stretch) -> "_Piece":
        part = slice(stretch.start, stretch.stop)
        sorted_frames = by_arbitration_id(stretch.log.arbitration_id[part], stretch.log.timestamp_s[part])
        order = sorted_frames.order
        return cls(
            sorted_frames.arbitration_id, sorted_frames.age, sorted_frames.gaps(1),
            stretch.log.payload_word[part][order], stretch.log.dlc[part][order], sorted_frames,
        )  # fmt: skip


def _known_ids(pieces: Sequence[_Piece], config: HabitConfig, is_trusted: bool) -> NDArray[np.uint32]:
    ids, counts = np.unique(np.concatenate([piece.arbitration_id for piece in pieces]), return_counts=True)
    return np.asarray(ids if is_trusted else ids[counts >= config.untrusted_frames], dtype=np.uint32)


def _codes(ids: NDArray[np.uint32], arbitration_id: NDArray[np.uint32]) -> NDArray[np.intp]:
    if not len(ids):
        return np.full(len(arbitration_id), -1, dtype=np.intp)
    place = np.minimum(np.searchsorted(ids, arbitration_id), len(ids) - 1)
    return np.where(ids[place] == arbitration_id, place, -1)


def _periods(
    code: NDArray[np.intp], gap_s: NDArray[np.float64], n_ids: int, seconds: float, config: HabitConfig
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[I] median gap, and whether the 1 % and 99 % quantiles of its logarithm lie within `spread` of it."""
    kept = ~np.isnan(gap_s)
    log_gap, owner = np.log(np.maximum(gap_s[kept], _SHORTEST_S)), code[kept]
    order = np.lexsort((log_gap, owner))
    counts = np.bincount(owner, minlength=n_ids)
    bounds = np.r_[0, np.cumsum(counts)]
    period, is_periodic = np.full(n_ids, np.nan), np.zeros(n_ids, dtype=bool)
    enough = config.min_gaps if seconds >= config.long_s else config.min_gaps_prefix
    sorted_gaps = log_gap[order]
    for index in np.flatnonzero(counts):
        own = sorted_gaps[bounds[index] : bounds[index + 1]]
        low, middle, high = np.quantile(own, [0.01, 0.5, 0.99])
        period[index] = np.exp(middle)
        is_periodic[index] = len(own) >= enough and max(middle - low, high - middle) < config.spread
    return period, is_periodic


def _most_frames(stretches: Sequence[Stretch], ids: NDArray[np.uint32], window: int) -> NDArray[np.int64]:
    most = np.zeros(len(ids), dtype=np.int64)
    for stretch in stretches:
        code = _codes(ids, stretch.log.arbitration_id[stretch.start : stretch.stop])
        at = np.arange(len(code)) // window
        kept = code >= 0
        counts = np.bincount(at[kept] * len(ids) + code[kept], minlength=(int(at[-1]) + 1) * len(ids))
        most = np.maximum(most, counts.reshape(-1, len(ids)).max(0)) if len(ids) else most
    return most


def _seen(code: NDArray[np.intp], value: NDArray[Any], n_ids: int, n_values: int) -> NDArray[np.bool_]:
    seen = np.zeros((n_ids, n_values), dtype=bool)
    kept = code >= 0
    seen[code[kept], value[kept]] = True
    return seen


def _values(code: NDArray[np.intp], words: NDArray[np.uint64], n_ids: int) -> NDArray[np.bool_]:
    payload = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8)
    return np.stack([_seen(code, payload[:, byte], n_ids, 256) for byte in range(8)], axis=1)


def _hamming(
    code: NDArray[np.intp], words: NDArray[np.uint64], follows: NDArray[np.bool_], n_ids: int
) -> NDArray[np.float32]:
    at = np.flatnonzero(follows & (code >= 0))
    flips = np.bitwise_count(words[at] ^ words[at - 1])
    total = np.bincount(code[at], weights=flips, minlength=n_ids)
    return (total / np.maximum(np.bincount(code[at], minlength=n_ids), 1) / 64).astype(np.float32)


def _counters(pieces: Sequence[_Piece], ids: NDArray[np.uint32]) -> Counters:
    """Counters over all stretches at once; the step from one stretch to the next does not count."""
    joined = np.concatenate([piece.arbitration_id for piece in pieces])
    code = _codes(ids, joined)
    kept = code >= 0
    follows = np.concatenate([piece.age > 0 for piece in pieces])
    words = np.concatenate([piece.words for piece in pieces])
    # frames of unseen IDs are whole runs in every piece, so dropping them keeps predecessors side by side
    return learn_counters(words[kept], follows[kept], code[kept], len(ids))


def _successions(stretches: Sequence[Stretch], ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
    follows = np.zeros((len(ids), len(ids)), dtype=bool)
    for stretch in stretches:
        code = _codes(ids, stretch.log.arbitration_id[stretch.start : stretch.stop])
        both = (code[:-1] >= 0) & (code[1:] >= 0)
        follows[code[:-1][both], code[1:][both]] = True
    return follows


def _without_unsteady(habit: Habit, stretches: Sequence[Stretch], config: HabitConfig) -> Habit:
    """The habit, with IDs that come early in the very traffic it was learnt from no longer called periodic.

    Some ECUs send a frame besides the periodic ones when a value changes. In traffic that may hold an attack,
    only a few such frames are forgiven: many are what an injection looks like.
    """
    from pipeline.surprise import early_frames

    early = np.zeros(len(habit), dtype=np.int64)
    frames = np.zeros(len(habit), dtype=np.int64)
    for stretch in stretches:
        part = slice(stretch.start, stretch.stop)
        ids, times = stretch.log.arbitration_id[part], stretch.log.timestamp_s[part]
        code = habit.index(ids)
        hit = early_frames(habit, by_arbitration_id(ids, times), config)[0] > 0
        early += np.bincount(code[hit & (code >= 0)], minlength=len(habit))
        frames += np.bincount(code[code >= 0], minlength=len(habit))
    forgiven = 1 + int(habit.seconds // config.early_every_s)
    unsteady = early > forgiven
    if not habit.is_trusted:
        unsteady &= early <= config.untrusted_early * frames
    return _replace(habit, is_periodic=habit.is_periodic & ~unsteady)


def _replace(habit: Habit, **changes: Any) -> Habit:
    return Habit(**{field.name: changes.get(field.name, getattr(habit, field.name)) for field in fields(Habit)})


def habit_arrays(habit: Habit) -> dict[str, NDArray[Any]]:
    """The habit as arrays, boolean tables packed, for a file; `habit_of` is the way back."""
    return {
        "seconds": np.float64(habit.seconds),
        "is_trusted": np.bool_(habit.is_trusted),
        "arbitration_id": habit.arbitration_id,
        "period_s": habit.period_s,
        "is_periodic": habit.is_periodic,
        "most_frames": habit.most_frames,
        "has_length": np.packbits(habit.has_length, axis=None),
        "has_value": np.packbits(habit.has_value, axis=None),
        "follows": np.packbits(habit.follows, axis=None),
        "hamming": habit.hamming,
        **{f"counter_{field.name}": getattr(habit.counters, field.name) for field in fields(Counters)},
    }  # fmt: skip


def habit_of(arrays: Mapping[str, NDArray[Any]]) -> Habit:
    """Raises KeyError where an array is missing, ValueError where one has another size."""
    n_ids = len(arrays["arbitration_id"])
    shapes = {"has_length": (n_ids, MAX_DLC + 1), "has_value": (n_ids, 8, 256), "follows": (n_ids, n_ids)}
    tables = {
        name: np.unpackbits(arrays[name], count=int(np.prod(shape))).astype(bool).reshape(shape)
        for name, shape in shapes.items()
    }
    plain = ("arbitration_id", "period_s", "is_periodic", "most_frames", "hamming")
    return Habit(
        seconds=float(arrays["seconds"]),
        is_trusted=bool(arrays["is_trusted"]),
        counters=Counters(*(arrays[f"counter_{field.name}"] for field in fields(Counters))),
        **{name: arrays[name] for name in plain},
        **tables,
    )
