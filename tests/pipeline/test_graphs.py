"""The vectorised graph builder equals a plain loop over frames, on real windows and on awkward ones."""

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.habit_expert import HABIT_FEATURES
from pipeline.can_log import CanLog
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_stream import GraphStream, graphs_of
from pipeline.graphs import (
    EDGE_FEATURES,
    NODE_FEATURES,
    WINDOW_EDGE_FEATURES,
    WINDOW_NODE_FEATURES,
    GraphArrays,
    concatenate,
)
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.vocabulary import Vocabulary
from tests.bench.naive_graphs import naive_graphs
from tests.pipeline.captures import BENIGN, FLOOD, SAMPLE, made_up, recorded, stretch

NOTHING_KNOWN = Vocabulary(())
SOME_KNOWN = Vocabulary((0x0F1, 0x17D, 0x1E5, 0x7FF))
CONFIG, WINDOW = HabitConfig(), WindowConfig()
FUZZING = "train_02_with_attacks/targeted_payload_fuzzing-2"


@cache
def habit_of(name: str, stop: int = 20_000) -> Habit:
    """What the first frames of a bundled capture are like."""
    return fit_habit([Stretch(recorded(name), 0, stop)], 100, CONFIG)


def beginning_of(log: CanLog) -> Habit:
    """What the first half of a capture is like; half of its IDs are then unseen to the rest, or none."""
    return fit_habit([Stretch(log, 0, max(len(log) // 2, 1))], 100, CONFIG)


def assert_equal(log: CanLog, habit: Habit, window: WindowConfig = WINDOW) -> GraphArrays:
    """Every graph: the same IDs and edges exactly, the same features to float32's precision."""
    built = graphs_of(log, habit, window, CONFIG, SOME_KNOWN)
    expected = naive_graphs(log, habit, window, CONFIG)
    assert len(built) == len(expected)
    for g, graph in enumerate(expected):
        nodes = slice(built.node_ptr[g], built.node_ptr[g + 1])
        edges = slice(built.edge_ptr[g], built.edge_ptr[g + 1])
        assert built.arbitration_id[nodes].tolist() == graph.arbitration_ids
        assert list(map(tuple, built.edge_index[:, edges].T.tolist())) == graph.edges
        assert built.is_late[g] == graph.is_late
        for column, name in enumerate(NODE_FEATURES):
            found, values = built.x[nodes, column], [row[column] for row in graph.x]
            np.testing.assert_allclose(found, values, rtol=4e-6, atol=4e-6, err_msg=f"{name} of window {g}")
        np.testing.assert_allclose(built.edge_attr[edges], graph.edge_attr, rtol=2e-6, atol=2e-6)
    return built


CAPTURES = sorted(path.relative_to(SAMPLE).as_posix().removesuffix(".csv.gz") for path in SAMPLE.rglob("*.csv.gz"))


@pytest.mark.parametrize("name", CAPTURES)
def test_real_windows_equal_the_plain_loop(name: str) -> None:
    """Stretches from each bundled capture and its attacks, held against the same car's benign habit and another's."""
    log = recorded(name)
    attacks = np.flatnonzero(log.is_attack)
    starts = [0, len(log) // 3, *(attacks[[0, len(attacks) // 2]] - 700 if len(attacks) else [])]
    for start in map(int, starts):
        part = stretch(log, max(start, 0), start + 3_000)
        for habit in (habit_of(BENIGN), beginning_of(part)):
            assert_equal(part, habit)


def test_attacks_move_the_features_of_the_habit() -> None:
    """The comparison above would hold for features that are always 0: here none but payload lengths is."""
    moved, new_edges = set(), 0.0
    for name in (FLOOD, FUZZING):
        log = recorded(name)
        first = int(np.flatnonzero(log.is_attack)[0])
        built = graphs_of(stretch(log, first - 1000, first + 9000), habit_of(BENIGN), WINDOW, CONFIG, SOME_KNOWN)
        moved |= {name for name in HABIT_FEATURES if np.ptp(built.x[:, NODE_FEATURES.index(name)]) > 0}
        new_edges += built.edge_attr[:, EDGE_FEATURES.index("is_new")].sum()
    assert moved >= set(HABIT_FEATURES) - {"new_length_frames", "habit_log10_s"}
    assert new_edges > 0


def test_a_window_s_graph_does_not_depend_on_how_many_are_built_at_once() -> None:
    """2500 windows span three chunks and two threads."""
    log, window = stretch(recorded(FLOOD), 0, 2500 * 30), WindowConfig(size=30, stride=30)
    whole, single = (
        GraphStream(habit_of(FLOOD), window, CONFIG, SOME_KNOWN, threads).feed(log, is_last=True) for threads in (2, 1)
    )
    assert whole is not None
    assert len(whole) == 2500
    for field in fields(GraphArrays):
        assert np.array_equal(getattr(whole, field.name), getattr(single, field.name)), field.name


@pytest.mark.parametrize("size", [2, 3, 16, 17, 64, 100, 257, 258, 259, 300, 1000, 1024])
@pytest.mark.parametrize("stride", ["size", "1/3", "3/2"])
def test_any_size_and_stride_equals_the_plain_loop(size: int, stride: str) -> None:
    step = {"size": size, "1/3": max(size // 3, 1), "3/2": size * 3 // 2}[stride]
    log = stretch(recorded(FLOOD), 20_000, 20_000 + size * 4)
    built = assert_equal(log, habit_of(FLOOD), WindowConfig(size=size, stride=step))
    assert len(built) == (len(log) - size) // step + 1


AWKWARD = {
    "one ID only": np.full(600, 0x100),
    "one ID only, 29 bits": np.full(600, 2**29 - 1),
    "every ID another": np.arange(600) * 891_289 % 2**29,
    "every ID another, falling": np.arange(600)[::-1],
    "two IDs in turn": np.arange(600) % 2 * 0x7FF,
    "ID 0": np.zeros(600),
    "11 and 29 bits": np.where(np.arange(600) % 3, 0x123, 0x18DAF110),
    "a flood in the middle": np.where((np.arange(600) > 200) & (np.arange(600) < 500), 0, np.arange(600) % 37),
}


@pytest.mark.parametrize("what", AWKWARD)
@pytest.mark.parametrize("size", [2, 100, 300])
def test_awkward_ids_equal_the_plain_loop(what: str, size: int) -> None:
    full = np.full((600, 8), 255)  # bytes of 255 fill a lane of a running sum the soonest
    for payload in (None, full):
        log = made_up(AWKWARD[what], payload=payload)
        assert_equal(log, beginning_of(log), WindowConfig(size=size, stride=size))


AWKWARD_TIMES = {
    "all at one time": np.zeros(300),
    "backward throughout": np.arange(300)[::-1] * 1e-3,
    "a step back in each": np.arange(300) * 1e-3 - (np.arange(300) % 7 == 0) * 8e-3,
    "half a day between frames": np.arange(300) * 43_200.0,
    "less than the clock resolves": np.arange(300) * 1e-9,
    "since 1970": 1_672_531_200.0 + np.arange(300) * 2.5e-4,
    "before 1970": -1e9 + np.arange(300) * 1e-3,
}


@pytest.mark.parametrize("what", AWKWARD_TIMES)
def test_awkward_times_equal_the_plain_loop(what: str) -> None:
    log = made_up(np.arange(300) * 7 % 12, AWKWARD_TIMES[what])
    assert_equal(log, beginning_of(log))


@st.composite
def logs(draw: Any) -> tuple[CanLog, Habit, WindowConfig]:
    """Up to six windows of 2 to 1024 frames, with anything a recording could hold."""
    size = draw(st.one_of(st.integers(2, 40), st.sampled_from([100, 257, 258, 1023, 1024])))
    stride = draw(st.integers(1, 2 * size))
    n = size + stride * draw(st.integers(0, 5))
    pool = draw(st.lists(st.one_of(st.integers(0, 0x7FF), st.integers(0, 2**29 - 1)), min_size=1, max_size=30))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    steps = draw(arrays(np.int64, n, elements=st.integers(-3_000, 20_000), fill=st.just(0)))  # microseconds
    payload = random.integers(0, 256, (n, 8)) * draw(st.sampled_from([0, 1]))
    if draw(st.booleans()):
        payload[:] = 255
    start = draw(st.sampled_from([0.0, 1_672_531_200.0]))
    log = made_up(random.choice(pool, n), start + np.cumsum(steps) * 1e-6, payload)
    habit = fit_habit([Stretch(log, 0, draw(st.integers(1, n)))], size, CONFIG, is_trusted=draw(st.booleans()))
    return log, habit, WindowConfig(size=size, stride=stride)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(logs())
def test_made_up_windows_equal_the_plain_loop(case: tuple[CanLog, Habit, WindowConfig]) -> None:
    assert_equal(*case)


@st.composite
def buses(draw: Any) -> tuple[CanLog, Habit]:
    """A bus of periodic IDs with jitter and counters, and frames added, moved and lost behind its first third."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = []
    for number in range(1, draw(st.integers(2, 5))):
        period = float(random.choice([0.004, 0.01, 0.02, 0.1]))
        times = np.arange(random.uniform(0, period), 3.0, period)
        times += random.uniform(0, draw(st.sampled_from([0.0, 0.1, 0.4])) * period, len(times))
        rows += [(time, number, count % 16) for count, time in enumerate(sorted(times))]
    behind = [row for row in rows if row[0] > 1.0]
    for _ in range(draw(st.integers(0, 40))):
        time, number, count = behind[int(random.integers(len(behind)))]
        rows.append((time + random.uniform(0, 0.02), number, count))
    rows = [row for row in sorted(rows) if row[0] < 1.0 or random.random() > 0.01]
    payload = np.zeros((len(rows), 8), dtype=np.uint8)
    payload[:, 0] = [count for _, _, count in rows]
    payload[:, 1] = random.integers(0, 3, len(rows))
    log = made_up([number for _, number, _ in rows], [time for time, _, _ in rows], payload)
    return log, fit_habit([Stretch(log, 0, int(np.searchsorted(log.timestamp_s, 1.0)))], 100, CONFIG)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(buses(), st.sampled_from([20, 50, 100]))
def test_injections_on_a_made_up_bus_equal_the_plain_loop(bus: tuple[CanLog, Habit], size: int) -> None:
    assume(len(bus[0]) >= size)
    assert_equal(*bus, WindowConfig(size=size, stride=size))


UNBOUNDED = {"hamming_above", *(name for name in NODE_FEATURES if name.endswith(("_frames", "_breaks", "_log2")))}


def test_features_stay_within_their_documented_range() -> None:
    built = graphs_of(recorded(FLOOD), habit_of(FLOOD), WINDOW, CONFIG, SOME_KNOWN)
    assert np.isfinite(built.x).all()
    assert np.isfinite(built.edge_attr).all()
    share = [name for name in NODE_FEATURES if name not in UNBOUNDED and "log10" not in name and name != "early_depth"]
    columns = built.x[:, [NODE_FEATURES.index(name) for name in share]]
    assert columns.min() >= 0.0
    assert columns.max() <= 1.0
    counts = [name for name in HABIT_FEATURES if name.endswith(("_frames", "_breaks"))]
    columns = built.x[:, [NODE_FEATURES.index(name) for name in counts]]
    assert columns.min() >= 0.0
    assert columns.max() <= 100.0
    depth = built.x[:, NODE_FEATURES.index("early_depth")]
    assert depth.min() >= 0.0
    assert depth.max() <= 1.5
    assert set(np.unique(built.edge_attr[:, EDGE_FEATURES.index("is_new")])) <= {0.0, 1.0}
    assert built.edge_attr[:, EDGE_FEATURES.index("transition_share")].max() <= 1.0
    per_graph = np.add.reduceat(built.x[:, NODE_FEATURES.index("frame_share")], built.node_ptr[:-1])
    np.testing.assert_allclose(per_graph, 1.0, rtol=1e-5)
    per_graph = np.add.reduceat(built.edge_attr[:, 0], built.edge_ptr[:-1])
    np.testing.assert_allclose(per_graph, 1.0, rtol=1e-5)


def test_what_needs_a_habit_comes_last() -> None:
    assert (*WINDOW_NODE_FEATURES, *HABIT_FEATURES) == NODE_FEATURES
    assert (*WINDOW_EDGE_FEATURES, "is_new") == EDGE_FEATURES


def test_an_id_outside_the_vocabulary_has_index_0() -> None:
    log = made_up([0x0F1, 0x0F0, 0x7FF, 0x800] * 25)
    built = graphs_of(log, beginning_of(log), WINDOW, CONFIG, SOME_KNOWN)
    assert built.arbitration_id.tolist() == [0x0F0, 0x0F1, 0x7FF, 0x800]
    assert built.node_id.tolist() == [0, 1, 4, 0]


def test_a_graph_says_where_in_its_capture_it_stands() -> None:
    log = recorded(BENIGN)
    built = graphs_of(stretch(log, 0, 1050), habit_of(BENIGN), WINDOW, CONFIG, NOTHING_KNOWN)
    assert built.start_frame.tolist() == [100 * i for i in range(10)]
    assert built.start_s[0] == 0.0
    np.testing.assert_array_equal(built.end_s, log.timestamp_s[99:1050:100][:10] - log.timestamp_s[0])


def test_joined_parts_keep_every_graph_and_no_edge_leaves_its_graph() -> None:
    """Captures are built apart and joined: the last window of one never runs into the first of the next."""
    parts = [
        graphs_of(stretch(recorded(name), 0, 1234), habit_of(BENIGN), WINDOW, CONFIG, SOME_KNOWN)
        for name in (FLOOD, BENIGN)
    ]
    joined = concatenate(parts)
    assert len(joined) == 24
    sizes = np.diff(joined.node_ptr)
    assert np.array_equal(sizes, np.concatenate([np.diff(part.node_ptr) for part in parts]))
    assert (joined.edge_index < np.repeat(sizes, np.diff(joined.edge_ptr))).all()
    assert joined.node_ptr[-1] == len(joined.x)
    assert joined.edge_ptr[-1] == joined.edge_index.shape[1]
    for field in ("x", "node_id", "arbitration_id"):
        assert np.array_equal(getattr(joined, field)[: len(parts[0].x)], getattr(parts[0], field))
