"""The vectorised graph builder equals a plain loop over frames, on real windows and on awkward ones."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.config import WindowConfig
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES, GraphArrays, build_graphs, concatenate
from pipeline.vocabulary import Vocabulary
from pipeline.windows import WindowSet, cut_windows
from tests.bench.naive_graphs import frames_of, naive_graph
from tests.pipeline.captures import BENIGN, FLOOD, SAMPLE, made_up, recorded, stretch

NOTHING_KNOWN = Vocabulary(())
SOME_KNOWN = Vocabulary((0x0F1, 0x17D, 0x1E5, 0x7FF))


def assert_equal(windows: WindowSet, built: GraphArrays) -> None:
    """Every graph: the same IDs and edges exactly, the same features to float32's precision."""
    assert len(built) == len(windows)
    for g, window in enumerate(frames_of(windows)):
        expected = naive_graph(window)
        nodes = slice(built.node_ptr[g], built.node_ptr[g + 1])
        edges = slice(built.edge_ptr[g], built.edge_ptr[g + 1])
        assert built.arbitration_id[nodes].tolist() == expected.arbitration_ids
        assert list(map(tuple, built.edge_index[:, edges].T.tolist())) == expected.edges
        np.testing.assert_allclose(built.x[nodes], expected.x, rtol=2e-6, atol=2e-6, err_msg=f"x of window {g}")
        np.testing.assert_allclose(built.edge_attr[edges], expected.edge_attr, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", sorted(p.relative_to(SAMPLE).as_posix()[:-7] for p in SAMPLE.rglob("*.csv.gz")))
def test_real_windows_equal_the_plain_loop(name: str) -> None:
    """Every 40th window of each bundled capture, each 5 windows long so that chunks are crossed, and its attacks."""
    log = recorded(name)
    windows = cut_windows(log, WindowConfig())
    attacked = np.flatnonzero(windows.is_attack)[:40]
    for start in [*range(0, len(windows) - 5, 400), *attacked.tolist()]:
        part = cut_windows(stretch(log, start * 100, start * 100 + 500), WindowConfig())
        assert_equal(part, build_graphs(part, SOME_KNOWN))


def test_a_window_s_graph_does_not_depend_on_the_windows_around_it() -> None:
    """2500 windows span three chunks and two threads; each must equal the same window built alone."""
    log = stretch(recorded(FLOOD), 0, 2500 * 30)
    windows = cut_windows(log, WindowConfig(size=30, stride=30))
    whole = build_graphs(windows, SOME_KNOWN, threads=2)
    single = build_graphs(windows, SOME_KNOWN, threads=1)
    for field in fields(GraphArrays):
        assert np.array_equal(getattr(whole, field.name), getattr(single, field.name)), field.name
    alone = [
        build_graphs(cut_windows(stretch(log, s, s + 30), WindowConfig(size=30, stride=30)), SOME_KNOWN)
        for s in range(0, len(log), 30)
    ]
    joined = concatenate(alone)
    for name in ("arbitration_id", "node_id", "node_ptr", "edge_index", "edge_ptr", "is_attack"):
        assert np.array_equal(getattr(whole, name), getattr(joined, name)), name
    np.testing.assert_allclose(whole.x, joined.x, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(whole.edge_attr, joined.edge_attr, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 16, 17, 64, 100, 257, 258, 259, 300, 1000, 1024])
@pytest.mark.parametrize("stride", ["size", "1/3", "3/2"])
def test_any_size_and_stride_equals_the_plain_loop(size: int, stride: str) -> None:
    step = {"size": size, "1/3": max(size // 3, 1), "3/2": size * 3 // 2}[stride]
    log = stretch(recorded(FLOOD), 20_000, 20_000 + size * 4)
    windows = cut_windows(log, WindowConfig(size=size, stride=step))
    assert len(windows) == (len(log) - size) // step + 1
    assert_equal(windows, build_graphs(windows, SOME_KNOWN))


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
        windows = cut_windows(made_up(AWKWARD[what], payload=payload), WindowConfig(size=size, stride=size))
        assert_equal(windows, build_graphs(windows, NOTHING_KNOWN))


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
    windows = cut_windows(made_up(np.arange(300) * 7 % 12, AWKWARD_TIMES[what]), WindowConfig())
    assert_equal(windows, build_graphs(windows, NOTHING_KNOWN))


@st.composite
def logs(draw: Any) -> WindowSet:
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
    return cut_windows(log, WindowConfig(size=size, stride=stride))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(logs())
def test_made_up_windows_equal_the_plain_loop(windows: WindowSet) -> None:
    assert_equal(windows, build_graphs(windows, SOME_KNOWN))


def test_features_stay_within_their_documented_range() -> None:
    windows = cut_windows(recorded(FLOOD), WindowConfig())
    built = build_graphs(windows, SOME_KNOWN)
    share = [name for name in NODE_FEATURES if not name.startswith("iat")]
    columns = built.x[:, [NODE_FEATURES.index(name) for name in share]]
    assert (columns.min(), columns.max()) >= (0.0, 0.0)
    assert columns.max() <= 1.0
    assert np.isfinite(built.x).all()
    assert np.isfinite(built.edge_attr).all()
    assert built.edge_attr[:, EDGE_FEATURES.index("transition_share")].max() <= 1.0
    per_graph = np.add.reduceat(built.x[:, NODE_FEATURES.index("frame_share")], built.node_ptr[:-1])
    np.testing.assert_allclose(per_graph, 1.0, rtol=1e-5)
    per_graph = np.add.reduceat(built.edge_attr[:, 0], built.edge_ptr[:-1])
    np.testing.assert_allclose(per_graph, 1.0, rtol=1e-5)


def test_an_id_outside_the_vocabulary_has_index_0() -> None:
    windows = cut_windows(made_up([0x0F1, 0x0F0, 0x7FF, 0x800] * 25), WindowConfig())
    built = build_graphs(windows, SOME_KNOWN)
    assert built.arbitration_id.tolist() == [0x0F0, 0x0F1, 0x7FF, 0x800]
    assert built.node_id.tolist() == [0, 1, 4, 0]


def test_a_graph_says_where_in_its_capture_it_stands() -> None:
    log = recorded(BENIGN)
    windows = cut_windows(stretch(log, 0, 1050), WindowConfig())
    built = build_graphs(windows, NOTHING_KNOWN)
    assert built.start_frame.tolist() == [100 * i for i in range(10)]
    assert built.start_s[0] == 0.0
    np.testing.assert_array_equal(built.end_s, log.timestamp_s[99:1050:100][:10] - log.timestamp_s[0])


def test_joined_parts_keep_every_graph_and_no_edge_leaves_its_graph() -> None:
    """Captures are built apart and joined: the last window of one never runs into the first of the next."""
    parts = [
        build_graphs(cut_windows(stretch(recorded(name), 0, 1234), WindowConfig()), SOME_KNOWN)
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
