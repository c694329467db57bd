"""Rolling counters: bits of a payload that an ECU raises by one with every frame it sends.

A masquerade takes an ECU's place; whatever it writes into the signals, unless it also knows the counter it
breaks it. Counters keep counting whatever the car does, so they hold on drives that were never recorded.
Checksums move with a counter while nothing else in the payload does, and look like one until something
does; they stand behind the counter they cover, hence an ID keeps its lowest counter alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MIN_STEPS = 100  # frames an ID must have sent before a counter is believed
_MIN_CYCLES = 6  # times the counter must have come round
_BREAKS = 0.002  # share of steps that lost frames may break
_EVEN = 0.5  # a counter visits each of its values at least this often, relative to the mean
_PAYLOAD_BITS = 64
_TRIED = 2000  # enough for six turns of a byte
NO_COUNTER = 0


@dataclass(frozen=True, eq=False)
class Counters:
    """[I] for each known ID the lowest bit, width and number of values of its counter; size 0 where none is known."""

    shift: NDArray[np.uint8]
    width: NDArray[np.uint8]
    size: NDArray[np.uint16]


def learn_counters(
    words: NDArray[np.uint64], follows: NDArray[np.bool_], code: NDArray[np.intp], n_ids: int
) -> Counters:
    """The counters of IDs 0 … n_ids - 1.

    Every field is tried on each ID's first frames; what looks like a counter there is then held against all.

    Args:
        words: [N] payloads; an ID's frames stand in recording order.
        follows: [N] whether a frame's ID sent the frame before it in `words`, so that a step between them counts.
        code: [N] index of the frame's ID.
    """
    found = Counters(np.zeros(n_ids, np.uint8), np.zeros(n_ids, np.uint8), np.zeros(n_ids, np.uint16))
    few = _first_of_each(code, n_ids)
    tried = words[few], follows[few] & np.r_[False, few[1:] == few[:-1] + 1], code[few]
    for low, bits, values in _candidates():
        likely = _counting(*tried, n_ids, low, bits, values) & _better(found, low, bits)
        if not likely.any():
            continue
        all_of = np.flatnonzero(likely[code])
        steps = follows[all_of] & np.r_[False, all_of[1:] == all_of[:-1] + 1]
        sure = likely & _counting(words[all_of], steps, code[all_of], n_ids, low, bits, values)
        found.shift[sure], found.width[sure], found.size[sure] = low, bits, values
    return found


def _better(found: Counters, low: int, bits: int) -> NDArray[np.bool_]:
    """[I] the lowest field wins, and of those that begin at the same bit the widest."""
    return np.asarray((found.size == NO_COUNTER) | ((found.shift == low) & (found.width < bits)))


def _counting(
    words: NDArray[np.uint64], follows: NDArray[np.bool_], code: NDArray[np.intp], n_ids: int, low: int, bits: int,
    values: int,
) -> NDArray[np.bool_]:  # fmt: skip
    """[I] whether the field goes up by one with every frame and visits all of its values alike."""
    value = ((words >> np.uint64(low)) & np.uint64((1 << bits) - 1)).astype(np.int64)
    at = np.flatnonzero(follows)
    steps = np.bincount(code[at], minlength=n_ids)
    good = np.bincount(code[at][value[at] == (value[at - 1] + 1) % values], minlength=n_ids)
    visits = np.bincount((code << bits) + value, minlength=n_ids << bits).reshape(n_ids, 1 << bits)
    even = visits[:, :values].min(1) >= _EVEN * visits.mean(1) * (1 << bits) / values
    return np.asarray(
        (steps >= max(_MIN_STEPS, _MIN_CYCLES * values))
        & (steps - good <= np.maximum(steps * _BREAKS, 1))
        & even
        & (visits[:, values:].sum(1) <= 1)
    )


def _first_of_each(code: NDArray[np.intp], n_ids: int) -> NDArray[np.intp]:
    """Where the first `_TRIED` frames of each ID stand."""
    order = np.argsort(code, kind="stable")
    counts = np.bincount(code, minlength=n_ids)
    rank = np.arange(len(code)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[rank < _TRIED])


def counter_breaks(
    counters: Counters, words: NDArray[np.uint64], age: NDArray[np.int64], code: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """[N] whether a frame's counter is not its predecessor's plus one.

    Args:
        words, age: in the succession's order; code: [N] index of the frame's ID, -1 for unseen ones.
    """
    broken = np.zeros(len(words), dtype=bool)
    has = counters.size != NO_COUNTER
    if not has.any():
        return broken
    at = np.flatnonzero((age > 0) & (code >= 0) & has[code])
    owner = code.take(at)
    low = counters.shift.astype(np.uint64).take(owner)
    mask = ((np.uint64(1) << counters.width.astype(np.uint64)) - np.uint64(1)).take(owner)
    # a counter has few bits, and small numbers are divided sooner
    before = ((words.take(at - 1) >> low) & mask).astype(np.uint16)
    after = ((words.take(at) >> low) & mask).astype(np.uint16)
    broken[at] = after != (before + np.uint16(1)) % counters.size.take(owner)
    return broken


def _candidates() -> list[tuple[int, int, int]]:
    """(lowest bit, bits, values): binary counters within a byte, and nibbles that leave their last value out."""
    found = []
    for low in range(_PAYLOAD_BITS):
        room = 8 - low % 8
        found += [(low, bits, 1 << bits) for bits in range(2, min(room, 8) + 1) if bits in (2, 3, 4, 8)]
        if low % 4 == 0:
            found.append((low, 4, 15))
    return found
