"""Rolling counters: which fields are taken for one, and which frames break it."""

import numpy as np
import pytest

from pipeline.counters import NO_COUNTER, Counters, counter_breaks, learn_counters

N = 2_000


def counters(words: np.ndarray, n_ids: int = 1) -> Counters:
    """What is learnt from one ID's payloads, or of several that are given one after another."""
    per_id = len(words) // n_ids
    code = np.repeat(np.arange(n_ids), per_id)
    follows = np.arange(len(words)) % per_id > 0
    return learn_counters(words.astype(np.uint64), follows, code, n_ids)


def counter_of(words: np.ndarray) -> tuple[int, int, int]:
    """(lowest bit, width, values)."""
    found = counters(words)
    return int(found.shift[0]), int(found.width[0]), int(found.size[0])


def noise(seed: int = 0, bits: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**bits, N).astype(np.uint64)


count = np.arange(N, dtype=np.uint64)
NIBBLE = count % np.uint64(16)


@pytest.mark.parametrize(
    ("words", "expected"),
    {
        "a nibble": (NIBBLE, (0, 4, 16)),
        "a nibble high in the payload": (NIBBLE << np.uint64(52), (52, 4, 16)),
        "a nibble below a signal": (NIBBLE | noise() << np.uint64(4), (0, 4, 16)),
        "two bits": (count % np.uint64(4) << np.uint64(6), (6, 2, 4)),
        "three bits": (count % np.uint64(8) << np.uint64(9), (9, 3, 8)),
        "a whole byte": (count % np.uint64(256) << np.uint64(16), (16, 8, 256)),
        "a nibble that never is 15": (count % np.uint64(15) << np.uint64(8), (8, 4, 15)),
    }.values(),
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_a_true_counter_is_found_with_its_place_and_turn(words: np.ndarray, expected: tuple[int, int, int]) -> None:
    assert counter_of(words) == expected


def test_a_checksum_that_moves_with_the_counter_is_not_taken_for_it() -> None:
    """It looks like a counter as long as nothing else in the payload changes; the counter stands below it."""
    checksum = (NIBBLE + np.uint64(7)) % np.uint64(16)
    assert counter_of(NIBBLE << np.uint64(48) | checksum << np.uint64(56)) == (48, 4, 16)


@pytest.mark.parametrize(
    "words",
    {
        "constant": np.full(N, 0x1234, np.uint64),
        "random": noise(bits=60),
        "falling": np.uint64(15) - NIBBLE,
        "by threes": (count * np.uint64(3)) % np.uint64(16),
        "a slow ramp": count // np.uint64(50) % np.uint64(16),
    }.values(),
    ids=["constant", "random", "falling", "by threes", "a slow ramp"],
)
def test_what_does_not_count_is_no_counter(words: np.ndarray) -> None:
    assert counter_of(words)[2] == NO_COUNTER


def test_a_lost_frame_now_and_then_is_forgiven_and_many_are_not() -> None:
    lost = np.delete(NIBBLE, [500, 1500])
    assert counter_of(lost) == (0, 4, 16)
    assert counter_of(np.delete(NIBBLE, np.arange(10, N, 40)))[2] == NO_COUNTER


def test_too_short_a_recording_shows_no_counter() -> None:
    assert counter_of(NIBBLE[:100])[2] == NO_COUNTER, "99 steps"
    assert counter_of(NIBBLE[:101]) == (0, 4, 16)
    byte = count % np.uint64(256)
    assert counter_of(byte[:1_500])[2] != 256, "a byte has not come round six times"
    assert counter_of(byte[: 6 * 256 + 1]) == (0, 8, 256)


def test_each_id_has_its_own_counter_and_steps_between_ids_do_not_count() -> None:
    found = counters(np.concatenate([NIBBLE, noise(bits=60), NIBBLE << np.uint64(8)]), n_ids=3)
    assert found.size.tolist() == [16, NO_COUNTER, 16]
    assert found.shift.tolist() == [0, 0, 8]


def test_no_id_has_no_counter() -> None:
    found = learn_counters(np.empty(0, np.uint64), np.empty(0, bool), np.empty(0, np.intp), 0)
    assert len(found.size) == 0


def breaks(size: int, *values: int) -> list[bool]:
    """Of one ID whose counter is the lowest nibble, with that many values."""
    known = Counters(*(np.array([value]) for value in (np.uint8(0), np.uint8(4), np.uint16(size))))
    words = np.array(values, dtype=np.uint64) | np.uint64(0xAB0)
    return counter_breaks(known, words, np.arange(len(values)), np.zeros(len(values), np.intp)).tolist()


def test_a_frame_that_does_not_follow_breaks_the_counter() -> None:
    assert breaks(16, 13, 14, 15, 0, 1) == [False] * 5
    assert breaks(15, 13, 14, 0, 1, 2) == [False] * 5
    assert breaks(16, 3, 4, 6, 7, 8) == [False, False, True, False, False], "a lost frame breaks it once"
    assert breaks(16, 3, 4, 9, 5, 6) == [False, False, True, True, False], "an injected one twice"
    assert breaks(16, 3, 3, 3) == [False, True, True], "a frozen one each time"


def test_unseen_ids_and_ids_without_a_counter_break_nothing() -> None:
    known = Counters(np.array([0], np.uint8), np.array([4], np.uint8), np.array([NO_COUNTER], np.uint16))
    words, age = np.array([1, 9, 5], np.uint64), np.array([0, 1, 2])
    assert not counter_breaks(known, words, age, np.zeros(3, np.intp)).any()
    known = Counters(np.array([0], np.uint8), np.array([4], np.uint8), np.array([16], np.uint16))
    assert not counter_breaks(known, words, age, np.full(3, -1)).any()
