"""Training windows are held against habits that never saw them, and never learn from near an attack."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline import training_graphs
from pipeline.can_log import CanLog
from pipeline.config import WindowConfig
from pipeline.graph_stream import graphs_of
from pipeline.graphs import NODE_FEATURES, GraphArrays
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.splits import EMBARGO, TRAIN, VALIDATION, Places
from pipeline.training_graphs import (
    benign_stretches,
    chosen,
    held_out_graphs,
    others_of,
    warm_up_graphs,
    warm_up_habit,
)
from pipeline.vocabulary import NO_VOCABULARY
from pipeline.windows import WindowSet, cut_windows
from tests.pipeline.buses import CONFIG, Stream, bus, every

ID, P = 0x100, 0.01
WINDOW = WindowConfig(size=50, stride=50)


def windows_of(log: CanLog) -> WindowSet:
    return cut_windows(log, WINDOW)


def all_train(windows: WindowSet) -> Places:
    return np.full(len(windows), TRAIN, dtype=np.int8)


def drive(seconds: float, *extra: Stream, name: str = "a drive", words: list[int] | None = None) -> CanLog:
    return bus(Stream(ID, every(P, seconds), words), *extra, name=name)


def spans(stretches: list[Stretch]) -> list[tuple[int, int]]:
    return [(stretch.start, stretch.stop) for stretch in stretches]


def test_a_benign_capture_is_one_stretch_of_its_training_windows() -> None:
    windows = windows_of(drive(10.2))
    assert spans(benign_stretches(windows, all_train(windows), 1.0)) == [(0, 1000)], "the tail is no window"
    places = all_train(windows)
    places[8:10], places[7], places[10] = VALIDATION, EMBARGO, EMBARGO
    assert spans(benign_stretches(windows, places, 1.0)) == [(0, 350), (550, 1000)]


def test_windows_near_an_attack_are_left_out() -> None:
    """An attack from 4.0 to 4.2 s; a second on either side is not usual traffic."""
    log = drive(10, Stream(0x7FF, [4.001, 4.199], is_attack=True))
    windows = windows_of(log)
    (before, after) = benign_stretches(windows, all_train(windows), 1.0)
    assert log.timestamp_s[before.stop - 1] < 3.001
    assert log.timestamp_s[after.start] > 5.199
    assert (before.start, after.stop) == (0, 1000)
    touching = benign_stretches(windows, all_train(windows), 0.0)
    assert not any(log.is_attack[stretch.start : stretch.stop].any() for stretch in touching)
    assert sum(stretch.stop - stretch.start for stretch in touching) == 950, "one window holds both frames"


def test_an_attack_outside_training_is_kept_away_from_too() -> None:
    log = drive(10, Stream(0x7FF, [4.001], is_attack=True))
    windows, places = windows_of(log), all_train(windows_of(log))
    places[8] = VALIDATION
    assert all(log.timestamp_s[s.stop - 1] < 3.01 or log.timestamp_s[s.start] > 4.99
               for s in benign_stretches(windows, places, 1.0))  # fmt: skip


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, int, int]]]:
    """What each habit was learnt from: (capture, first frame, one behind the last)."""
    seen: list[list[tuple[str, int, int]]] = []

    def recording(stretches: list[Stretch], *arguments: object, **options: object) -> Habit:
        seen.append([(str(stretch.log.path), stretch.start, stretch.stop) for stretch in stretches])
        return fit_habit(stretches, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(training_graphs, "fit_habit", recording)
    return seen


def test_with_enough_of_its_other_captures_a_capture_never_sees_itself(fitted: list) -> None:
    own, other = drive(10, name="own"), drive(30, name="other")
    windows = windows_of(own)
    mine, others = [Stretch(own, 0, 1000)], [Stretch(other, 0, 3000)]
    found = held_out_graphs(windows, mine, others, WINDOW, CONFIG, NO_VOCABULARY)
    assert len(found) == len(windows)
    assert fitted == [[("other", 0, 3000)]]


def test_without_each_half_is_held_against_the_other(fitted: list) -> None:
    """And the little there is of other captures helps both."""
    own, other = drive(10, name="own"), drive(5, name="other")
    windows = windows_of(own)
    found = held_out_graphs(windows, [Stretch(own, 0, 1000)], [Stretch(other, 0, 500)], WINDOW, CONFIG, NO_VOCABULARY)
    assert fitted == [[("other", 0, 500), ("own", 500, 1000)], [("other", 0, 500), ("own", 0, 500)]]
    assert found.start_frame.tolist() == windows.start_frame.tolist()


def test_what_only_one_half_has_is_new_in_it() -> None:
    """A byte value of the second half alone: in-sample no window would show it."""
    own = drive(10, words=[5] * 500 + [9] * 500)
    windows = windows_of(own)
    stretches = [Stretch(own, 0, 1000)]
    new = NODE_FEATURES.index("new_bytes")
    held_out = held_out_graphs(windows, stretches, [], WINDOW, CONFIG, NO_VOCABULARY)
    assert held_out.x[:, new].tolist() == [0.125] * 20
    in_sample = graphs_of(own, fit_habit(stretches, 50, CONFIG), WINDOW, CONFIG, NO_VOCABULARY)
    assert not in_sample.x[:, new].any()


def test_overlapping_windows_across_the_middle_share_no_frame_with_their_habit(fitted: list) -> None:
    own = drive(10, name="own")
    overlapping = WindowConfig(size=50, stride=20)
    windows = cut_windows(own, overlapping)
    held_out_graphs(windows, [Stretch(own, 0, 1000)], [], overlapping, CONFIG, NO_VOCABULARY)
    (_, start, _), (_, _, stop) = (learnt[0] for learnt in fitted)
    middle = len(windows) // 2
    last_of_first = int(windows.start_frame[middle - 1]) + windows.size
    assert start >= last_of_first, "the first half's windows, against the second half's frames"
    assert stop <= int(windows.start_frame[middle]), "the second half's windows, against the first half's frames"


def test_a_capture_benign_in_one_half_alone_is_held_against_all_there_is(fitted: list) -> None:
    own = drive(10, name="own")
    held_out_graphs(windows_of(own), [Stretch(own, 0, 300)], [], WINDOW, CONFIG, NO_VOCABULARY)
    assert fitted == [[("own", 0, 300)]]


def test_a_vehicle_without_any_benign_window_is_held_against_the_captures_beginning(fitted: list) -> None:
    own = drive(10, name="own")
    found = held_out_graphs(windows_of(own), [], [], WINDOW, CONFIG, NO_VOCABULARY)
    assert fitted == [[("own", 0, 500)]]
    assert len(found) == 20


def test_a_warm_up_is_the_first_seconds_whatever_is_in_them() -> None:
    log = drive(10, Stream(0x7FF, every(0.1, 5, 1.001), is_attack=True), Stream(0x300, [8.0, 9.0]))
    habit = warm_up_habit(windows_of(log), WINDOW, CONFIG)
    assert habit.arbitration_id.tolist() == [ID, 0x7FF]
    assert not habit.is_trusted
    short = drive(2)
    assert warm_up_habit(windows_of(short), WINDOW, CONFIG).seconds == pytest.approx(1.99)
    assert len(warm_up_graphs(windows_of(short), WINDOW, CONFIG, NO_VOCABULARY)) == 4


def test_others_are_of_the_same_vehicle_and_another_capture() -> None:
    logs = {name: drive(1, name=name) for name in ("a", "b", "c")}
    stretches = {name: [Stretch(log, 0, 50), Stretch(log, 50, 100)] for name, log in logs.items()}
    vehicles = {"a": "one", "b": "one", "c": "another"}
    assert [str(stretch.log.path) for stretch in others_of("a", "one", stretches, vehicles)] == ["b", "b"]
    assert others_of("c", "another", stretches, vehicles) == []


@pytest.mark.parametrize("index", [[0, 1, 2], [3, 1], [2, 2], [], [19]])
def test_chosen_graphs_are_those_graphs(index: list[int]) -> None:
    log = drive(10, Stream(0x200, every(0.023, 10)), Stream(0x300, every(0.31, 10)))
    whole = warm_up_graphs(windows_of(log), WINDOW, CONFIG, NO_VOCABULARY)
    part = chosen(whole, np.array(index, dtype=np.int64))
    assert len(part) == len(index)
    for place, g in enumerate(index):
        one, same = single(part, place), single(whole, g)
        for field in fields(GraphArrays):
            assert np.array_equal(getattr(one, field.name), getattr(same, field.name)), field.name


def single(graphs: GraphArrays, g: int) -> GraphArrays:
    """One graph, cut out by hand."""
    nodes = slice(graphs.node_ptr[g], graphs.node_ptr[g + 1])
    edges = slice(graphs.edge_ptr[g], graphs.edge_ptr[g + 1])
    cut: Callable[[str], np.ndarray] = lambda name: getattr(graphs, name)[g : g + 1]  # noqa: E731
    return replace(
        graphs, arbitration_id=graphs.arbitration_id[nodes], node_id=graphs.node_id[nodes], x=graphs.x[nodes],
        node_ptr=np.array([0, nodes.stop - nodes.start]), edge_index=graphs.edge_index[:, edges],
        edge_attr=graphs.edge_attr[edges], edge_ptr=np.array([0, edges.stop - edges.start]),
        **{name: cut(name) for name in ("is_attack", "is_late", "start_frame", "start_s", "end_s")},
    )  # fmt: skip
