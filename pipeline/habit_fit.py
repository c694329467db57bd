"""Learns a vehicle's habit from attack-free traffic.

That is of training captures for a known vehicle, of a calibration prefix for an unknown one. Where neither
exists it is learnt from a capture's own first seconds, which may hold an attack: then an ID seen once does
not count as known, and medians resist the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.can_log import CanLog
from pipeline.config import HabitConfig
from pipeline.counters import learn_counters
from pipeline.errors import StageError
from pipeline.gaps import gap_spread
from pipeline.habit import MAX_DLC, Habit
from pipeline.id_index import index_among
from pipeline.readers.clock import elapsed_s
from pipeline.succession import Succession, by_arbitration_id
from pipeline.surprise import early_frames


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames `start` … `stop - 1` of a capture, taken to be free of attacks."""

    log: CanLog
    start: int
    stop: int

    @property
    def frames(self) -> CanLog:
        return self.log.frames(slice(self.start, self.stop))

    @property
    def seconds(self) -> float:
        return float(elapsed_s(self.frames.timestamp_s)[-1])


def fit_habit(stretches: Sequence[Stretch], window: int, config: HabitConfig, is_trusted: bool = True) -> Habit:
    """The habit of the vehicle that all stretches were recorded on.

    Args:
        window: frames a window, for `most_frames`.

    Raises:
        StageError: there is not one frame to learn from.
    """
    pieces = [_Piece.of(stretch.frames) for stretch in stretches if stretch.stop > stretch.start]
    if not pieces:
        raise StageError(
            "a habit needs at least one attack-free frame, and there is none. Add an attack-free capture of the "
            "vehicle, or calibrate with a longer prefix."
        )
    ids = _known_ids(pieces, config, is_trusted)
    code = np.concatenate([index_among(ids, piece.succession.arbitration_id) for piece in pieces])
    kept = code >= 0
    words = np.concatenate([piece.words for piece in pieces])
    gap_s = np.concatenate([piece.succession.gaps(1) for piece in pieces])
    follows = np.concatenate([piece.succession.age for piece in pieces]) > 0
    seconds = float(sum(stretch.seconds for stretch in stretches))
    enough = config.min_gaps if seconds >= config.long_s else config.min_gaps_prefix
    gaps = gap_spread(code[kept], gap_s[kept], len(ids))
    habit = Habit(
        seconds=seconds,
        is_trusted=is_trusted,
        arbitration_id=ids,
        period_s=gaps.median_s,
        is_periodic=(gaps.n_gaps >= enough) & (gaps.spread < config.spread),
        most_frames=_most_frames(pieces, ids, window),
        has_length=_seen(code, np.concatenate([piece.dlc for piece in pieces]), len(ids), MAX_DLC + 1),
        # frames of unseen IDs are whole runs in every piece, so dropping them keeps predecessors side by side
        counters=learn_counters(words[kept], follows[kept], code[kept], len(ids)),
        has_value=_values(code, words, len(ids)),
        hamming=_hamming(code, words, follows, len(ids)),
        follows=_successions(pieces, ids),
    )
    return _without_unsteady(habit, pieces, config)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A stretch, and its frames one ID after another: all columns are in that order."""

    log: CanLog
    succession: Succession
    words: NDArray[np.uint64]
    dlc: NDArray[np.uint8]

    @classmethod
    def of(cls, log: CanLog) -> "_Piece":
        succession = by_arbitration_id(log.arbitration_id, log.timestamp_s)
        return cls(log, succession, log.payload_word[succession.order], log.dlc[succession.order])


def _known_ids(pieces: Sequence[_Piece], config: HabitConfig, is_trusted: bool) -> NDArray[np.uint32]:
    ids, counts = np.unique(np.concatenate([piece.log.arbitration_id for piece in pieces]), return_counts=True)
    return np.asarray(ids if is_trusted else ids[counts >= config.untrusted_frames], dtype=np.uint32)


def _most_frames(pieces: Sequence[_Piece], ids: NDArray[np.uint32], window: int) -> NDArray[np.int64]:
    most = np.zeros(len(ids), dtype=np.int64)
    for piece in pieces:
        code = index_among(ids, piece.log.arbitration_id)
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


def _successions(pieces: Sequence[_Piece], ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
    follows = np.zeros((len(ids), len(ids)), dtype=bool)
    for piece in pieces:
        code = index_among(ids, piece.log.arbitration_id)
        both = (code[:-1] >= 0) & (code[1:] >= 0)
        follows[code[:-1][both], code[1:][both]] = True
    return follows


def _without_unsteady(habit: Habit, pieces: Sequence[_Piece], config: HabitConfig) -> Habit:
    """The habit, with IDs that come early in the very traffic it was learnt from no longer called periodic.

    Some ECUs send a frame besides the periodic ones when a value changes. In traffic that may hold an attack,
    only a few such frames are forgiven: many are what an injection looks like.
    """
    early = np.zeros(len(habit), dtype=np.int64)
    frames = np.zeros(len(habit), dtype=np.int64)
    for piece in pieces:
        code = habit.index(piece.log.arbitration_id)
        hit = early_frames(habit, piece.succession, config)[0] > 0
        early += np.bincount(code[hit & (code >= 0)], minlength=len(habit))
        frames += np.bincount(code[code >= 0], minlength=len(habit))
    forgiven = 1 + int(habit.seconds // config.early_every_s)
    unsteady = early > forgiven
    if not habit.is_trusted:
        unsteady &= early <= config.untrusted_early * frames
    return replace(habit, is_periodic=habit.is_periodic & ~unsteady)
