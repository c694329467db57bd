"""No frame is in two splits, and what lies beside a validation block is left out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.can_log import CanLog
from pipeline.config import SplitConfig, WindowConfig
from pipeline.errors import StageError
from pipeline.splits import (
    EMBARGO,
    SHARED,
    TEST,
    TRAIN,
    VALIDATION,
    Places,
    assert_disjoint,
    same_recordings,
    split_by_block,
    split_windows,
)
from pipeline.windows import WindowSet, cut_windows
from tests.pipeline.captures import made_up, stretch

SPLIT = SplitConfig(block_windows=5, validation_every=3, embargo_windows=2)


def cut(log: CanLog, size: int = 10, stride: int = 10) -> WindowSet:
    return cut_windows(log, WindowConfig(size=size, stride=stride))


def capture(n: int = 600, start_s: float = 0.0) -> CanLog:
    """Frames that occur once: times rise, IDs repeat."""
    return made_up(np.arange(n) % 7, start_s + np.arange(n) * 1e-3)


def frames(windows: WindowSet, places: Places, place: int) -> set[int]:
    """Row numbers of the frames in windows of that place, counted without the code under test."""
    starts = windows.start_frame[places == place]
    return {frame for start in starts.tolist() for frame in range(start, start + windows.size)}


def test_blocks_validate_in_turn_and_their_neighbours_are_left_out() -> None:
    places = split_by_block(25, SPLIT)
    assert np.flatnonzero(places == VALIDATION).tolist() == [*range(5, 10), *range(20, 25)]
    assert np.flatnonzero(places == EMBARGO).tolist() == [3, 4, 10, 11, 18, 19]
    assert np.flatnonzero(places == TRAIN).tolist() == [0, 1, 2, *range(12, 18)]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 300), st.integers(1, 20), st.integers(2, 8), st.integers(1, 40))
def test_a_training_window_is_never_within_the_embargo_of_a_validating_one(
    n: int, block: int, every: int, embargo: int
) -> None:
    places = split_by_block(n, SplitConfig(block_windows=block, validation_every=every, embargo_windows=embargo))
    training, validating = (np.flatnonzero(places == place) for place in (TRAIN, VALIDATION))
    if len(training) and len(validating):
        assert np.abs(training[:, None] - validating).min() > embargo
    for left_out in np.flatnonzero(places == EMBARGO):
        assert np.abs(left_out - validating).min() <= embargo, "nothing is left out without need"


@pytest.mark.parametrize(("size", "stride"), [(10, 10), (10, 5), (10, 3), (10, 1), (10, 25)])
def test_no_frame_is_in_two_splits_also_where_windows_overlap(size: int, stride: int) -> None:
    embargo = -(-size // stride)
    config = SplitConfig(block_windows=40 if stride == 1 else 8, validation_every=3, embargo_windows=embargo)
    windows = {"train": cut(capture(), size, stride), "test": cut(capture(start_s=10.0), size, stride)}
    places = split_windows(windows, ["test"], config)
    assert set(places["test"].tolist()) == {TEST}
    assert not frames(windows["train"], places["train"], TRAIN) & frames(windows["train"], places["train"], VALIDATION)
    assert SHARED not in places["train"], "the embargo alone must be enough here"
    assert {TRAIN, VALIDATION, EMBARGO} == set(places["train"].tolist())


def test_without_enough_embargo_overlapping_windows_are_still_kept_apart() -> None:
    """`RunConfig` refuses such an embargo; the split itself does not rely on it."""
    windows = {"train": cut(capture(), 10, 2), "test": cut(capture(start_s=10.0), 10, 2)}
    places = split_windows(windows, ["test"], SplitConfig(block_windows=8, validation_every=3, embargo_windows=1))
    assert not frames(windows["train"], places["train"], TRAIN) & frames(windows["train"], places["train"], VALIDATION)
    assert (places["train"] == SHARED).any()


def with_copied(log: CanLog, source: CanLog, at: Sequence[int], rows: Sequence[int]) -> CanLog:
    """`log` with the frames `at` replaced by those `rows` of `source`."""
    for name in ("timestamp_s", "arbitration_id", "dlc", "payload"):
        getattr(log, name)[list(at)] = getattr(source, name)[list(rows)]
    return log


def test_a_training_window_with_one_frame_of_a_test_capture_is_moved_to_shared() -> None:
    test = capture(200, start_s=10.0)
    train = with_copied(capture(), test, at=[123, 437], rows=[3, 77])
    windows = {"train": cut(train), "test": cut(test)}
    places = split_windows(windows, ["test"], SPLIT)
    assert np.flatnonzero(places["train"] == SHARED).tolist() == [12, 43]
    assert set(places["test"].tolist()) == {TEST}, "what is tested on stays whole"


def test_a_copy_relabelled_is_a_copy() -> None:
    test = capture(200, start_s=10.0)
    train = capture()
    train = with_copied(train, test, at=[123], rows=[3])
    train.is_attack[123] = not test.is_attack[3]
    places = split_windows({"train": cut(train), "test": cut(test)}, ["test"], SPLIT)
    assert places["train"][12] == SHARED


def test_one_recording_in_two_training_captures_does_not_straddle_train_and_validation() -> None:
    """The second capture is the first without its first 70 frames, so its blocks fall elsewhere."""
    whole = capture()
    windows = {"a": cut(whole), "b": cut(stretch(whole, 70, 600)), "test": cut(capture(start_s=10.0))}
    places = split_windows(windows, ["test"], SPLIT)
    validating = frames(windows["a"], places["a"], VALIDATION) | {
        frame + 70 for frame in frames(windows["b"], places["b"], VALIDATION)
    }
    training = frames(windows["a"], places["a"], TRAIN) | {
        frame + 70 for frame in frames(windows["b"], places["b"], TRAIN)
    }
    assert training
    assert validating
    assert not training & validating


@pytest.mark.parametrize(("first", "second"), [(TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)])
def test_the_assertion_raises_on_a_single_shared_frame(first: int, second: int) -> None:
    keys = {"a": np.arange(20, dtype=np.uint64).reshape(2, 10), "b": np.arange(100, 110, dtype=np.uint64)[None]}
    places = {"a": np.array([first, first], dtype=np.int8), "b": np.array([second], dtype=np.int8)}
    assert_disjoint(keys, places)
    keys["b"][0, 9] = 3
    with pytest.raises(StageError, match=r"share 1 frames. Results would be leaked"):
        assert_disjoint(keys, places)


def test_frames_left_out_may_be_shared() -> None:
    keys = {"a": np.zeros((3, 4), dtype=np.uint64)}
    assert_disjoint(keys, {"a": np.array([TRAIN, EMBARGO, SHARED], dtype=np.int8)})


def test_a_split_without_a_window_is_said() -> None:
    windows = {"train": cut(capture(100)), "test": cut(capture(start_s=10.0))}
    with pytest.raises(StageError, match=r"no window is left to validation. Lower split.block_windows"):
        split_windows(windows, ["test"], SplitConfig(block_windows=50))
    with pytest.raises(StageError, match="no window is left to train"):
        split_windows({"train": cut(capture()), "test": cut(capture())}, ["test"], SPLIT)


@pytest.mark.parametrize("place", [TRAIN, VALIDATION])
def test_training_and_validation_need_benign_windows(place: int) -> None:
    attacked = capture()
    attacked.is_attack[:] = np.repeat(split_by_block(60, SPLIT) == place, 10)
    with pytest.raises(StageError, match=r"every window left to (train|validation) holds an attack.* Add a training"):
        split_windows({"train": cut(attacked), "test": cut(capture(start_s=10.0))}, ["test"], SPLIT)


def test_a_capture_shorter_than_a_window_is_said() -> None:
    with pytest.raises(StageError, match=r"made-up has 9 frames, fewer than one window of 10. Lower window.size"):
        cut(capture(9))
    assert len(cut(capture(10))) == 1
    assert len(cut(capture(19))) == 1, "a tail shorter than one window is left out"


def test_a_copy_with_other_times_is_left_out_where_that_is_asked_for() -> None:
    test, other = capture(600), capture(600, start_s=50.0)
    later = replace(test, timestamp_s=test.timestamp_s + 0.01)
    mixed = replace(later, payload=later.payload.copy())
    mixed.payload[300:] = other.payload[300:] ^ np.uint8(1)
    windows = {"test": cut(test), "copy": cut(mixed), "other": cut(replace(other, payload=other.payload ^ np.uint8(2)))}
    assert list(same_recordings(windows, ["test"])) == ["copy"]
    kept = split_windows(windows, ["test"], SPLIT)
    assert SHARED not in kept["copy"]
    left_out = split_windows(windows, ["test"], SPLIT, leaves_out_copies=True)
    assert (left_out["copy"][:29] == SHARED).all()
    assert SHARED not in left_out["copy"][31:]
    assert np.array_equal(left_out["other"], kept["other"])
