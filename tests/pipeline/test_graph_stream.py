"""Pieces of any size give the graphs of the whole, and memory holds no more than a few windows."""

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.can_log import CanLog, joined
from pipeline.config import HabitConfig, WindowConfig
from pipeline.errors import StageError
from pipeline.graph_stream import GraphStream, graphs_of
from pipeline.graphs import NODE_FEATURES, GraphArrays, concatenate
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.vocabulary import Vocabulary
from tests.pipeline.buses import CONFIG, Stream, bus, every, learnt
from tests.pipeline.captures import BENIGN, recorded, stretch

FUZZING = "train_02_with_attacks/targeted_payload_fuzzing-2"
VOCABULARY = Vocabulary((0x0F1, 0x17D, 0x1E5))
WINDOWS = {"side by side": (100, 100), "overlapping": (100, 30), "apart": (50, 120), "of three frames": (3, 2)}


@pytest.fixture(scope="module")
def log() -> CanLog:
    """From before an attack until among it."""
    first = int(np.flatnonzero(recorded(FUZZING).is_attack)[0])
    return stretch(recorded(FUZZING), first - 2000, first + 3037)


@pytest.fixture(scope="module")
def habit() -> Habit:
    return fit_habit([Stretch(recorded(BENIGN), 0, 20_000)], 100, CONFIG)


def in_pieces(log: CanLog, sizes: list[int]) -> Iterator[CanLog]:
    start = 0
    for size in sizes:
        if start < len(log):
            yield log.frames(slice(start, start + size))
        start += size


def streamed(log: CanLog, habit: Habit, window: WindowConfig, sizes: list[int]) -> GraphArrays:
    stream = GraphStream(habit, window, CONFIG, VOCABULARY)
    pieces = list(in_pieces(log, sizes))
    parts = [stream.feed(piece, is_last=piece is pieces[-1]) for piece in pieces]
    return concatenate([part for part in parts if part is not None])


def assert_same(one: GraphArrays, other: GraphArrays) -> None:
    for field in fields(GraphArrays):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert a.shape == b.shape, field.name
        if a.dtype.kind == "f":  # sums of a piece begin elsewhere
            np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6, err_msg=field.name)
        else:
            assert np.array_equal(a, b), field.name


@pytest.mark.parametrize("window", WINDOWS.values(), ids=list(WINDOWS))
@pytest.mark.parametrize("piece", [1_009, 250, 99, 5_036])
def test_pieces_of_any_size_give_the_graphs_of_the_whole(
    log: CanLog, habit: Habit, window: tuple[int, int], piece: int
) -> None:
    cut = WindowConfig(size=window[0], stride=window[1])
    whole = graphs_of(log, habit, cut, CONFIG, VOCABULARY)
    assert len(whole) == (len(log) - window[0]) // window[1] + 1
    assert whole.x[:, NODE_FEATURES.index("early_frames")].any(), "there is something to get wrong"
    assert_same(streamed(log, habit, cut, [piece] * (len(log) // piece + 1)), whole)


@pytest.mark.parametrize("seed", range(4))
def test_pieces_of_changing_sizes_do_too(log: CanLog, habit: Habit, seed: int) -> None:
    sizes = np.random.default_rng(seed).choice([1, 2, 7, 98, 100, 101, 640], size=6_000).tolist()
    window = WindowConfig(size=100, stride=[100, 37, 160, 100][seed])
    assert_same(streamed(log, habit, window, sizes), graphs_of(log, habit, window, CONFIG, VOCABULARY))


def test_frame_by_frame_does_too(habit: Habit, log: CanLog) -> None:
    short, window = log.frames(slice(1900, 2340)), WindowConfig(size=20, stride=20)
    assert_same(streamed(short, habit, window, [1] * 440), graphs_of(short, habit, window, CONFIG, VOCABULARY))


def test_a_window_waits_for_the_one_behind_it(habit: Habit, log: CanLog) -> None:
    """Its last frame may be charged by a frame of that one."""
    stream = GraphStream(habit, WindowConfig(), CONFIG, VOCABULARY)
    given = [stream.feed(log.frames(slice(start, start + 50)), is_last=False) for start in range(0, 500, 50)]
    counts = [0 if graphs is None else len(graphs) for graphs in given]
    assert counts == [0, 0, 0, 1, 0, 1, 0, 1, 0, 1]


def test_what_a_stream_keeps_does_not_grow(habit: Habit, log: CanLog) -> None:
    stream = GraphStream(habit, WindowConfig(), CONFIG, VOCABULARY)
    kept = []
    for start in range(0, 5000, 250):
        stream.feed(log.frames(slice(start, start + 250)), is_last=False)
        assert stream._waiting is not None
        assert stream._past is not None
        kept.append(len(stream._waiting))
        ids = len(np.unique(log.arbitration_id))
        assert len(stream._past) <= 8 * ids
    assert max(kept) < 250 + 200


def test_times_and_places_are_those_of_the_capture(habit: Habit, log: CanLog) -> None:
    late = replace(log, timestamp_s=log.timestamp_s + 1_672_531_200.0)
    found = streamed(late, habit, WindowConfig(), [777] * 7)
    assert found.start_frame.tolist() == [100 * g for g in range(50)]
    clock = late.timestamp_s - late.timestamp_s[0]
    np.testing.assert_allclose(found.start_s, clock[:5000:100], atol=1e-6)
    np.testing.assert_allclose(found.end_s, clock[99:5000:100], atol=1e-6)


def test_the_charge_reaches_a_window_that_another_piece_began() -> None:
    """The injected frame ends a window and a piece; the frame that tells stands in the next."""
    calm = bus(Stream(0x100, every(0.01, 40)))
    log = bus(Stream(0x100, every(0.01, 5)), Stream(0x100, [(198 + 0.6) * 0.01], is_attack=True))
    assert np.flatnonzero(log.is_attack).tolist() == [199]
    window, habit = WindowConfig(), learnt(calm)
    found = streamed(log, habit, window, [200, 301])
    early = found.x[:, NODE_FEATURES.index("early_frames")]
    assert early.tolist() == [0, 1, 0, 0, 0]
    assert found.is_late.tolist() == [False, True, False, False, False]


def test_wider_payloads_of_can_fd_join_narrow_ones(habit: Habit) -> None:
    """A piece with 64-byte payloads behind one with eight: lengths by all bytes, values by the first eight."""
    narrow = bus(Stream(0x100, every(0.01, 2), [5] * 200))
    wide_payload = np.zeros((200, 64), dtype=np.uint8)
    wide_payload[:, :8] = 5
    wide_payload[:, 40] = np.arange(200)
    wide = replace(
        bus(Stream(0x100, every(0.01, 4, 2.0), [5] * 200)), payload=wide_payload, dlc=np.full(200, 64, np.uint8)
    )
    both = joined([narrow, wide])
    assert both.payload.shape == (400, 64)
    assert np.array_equal(both.payload[:200, :8], narrow.payload)
    window, known = WindowConfig(), learnt(narrow)
    whole = graphs_of(both, known, window, CONFIG, VOCABULARY)
    assert whole.x[:, NODE_FEATURES.index("new_length_frames")].tolist() == [0, 0, 100, 100]
    assert_same(streamed(both, known, window, [130, 130, 140]), whole)
    stream = GraphStream(known, window, CONFIG, VOCABULARY)
    parts = [stream.feed(narrow, is_last=False), stream.feed(wide, is_last=True)]
    assert_same(concatenate([part for part in parts if part is not None]), whole)


def test_a_capture_shorter_than_a_window_is_said(habit: Habit, log: CanLog) -> None:
    with pytest.raises(StageError, match="99 frames, fewer than one window of 100"):
        graphs_of(log.frames(slice(99)), habit, WindowConfig(), HabitConfig(), VOCABULARY)
    assert GraphStream(habit, WindowConfig(), CONFIG, VOCABULARY).feed(log.frames(slice(99)), is_last=True) is None
