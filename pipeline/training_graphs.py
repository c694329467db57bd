"""Graphs of training captures, each held against a habit that has not seen it.

A window held against a habit learnt from that window shows no departure whatever it holds, and a network
would learn that any departure is an attack. So a capture's habit is learnt from the other training captures
of its vehicle; where they are too few, each half of a capture is held against the other. Beside that, every
capture is held against its own first seconds, as one of an unknown vehicle will be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_stream import graphs_of
from pipeline.graphs import GraphArrays, concatenate
from pipeline.habit import Habit
from pipeline.habit_fit import Stretch, fit_habit
from pipeline.splits import TRAIN, Places
from pipeline.vocabulary import Vocabulary
from pipeline.windows import WindowSet


def benign_stretches(windows: WindowSet, places: Places, quiet_s: float) -> list[Stretch]:
    """Runs of training windows without an attack frame within `quiet_s`, in time order.

    ECUs answer an injection, so the benign frames beside one are not what is usual.
    """
    log = windows.log
    start = windows.start_frame
    stop = start + windows.size
    attacked = np.sort(log.timestamp_s[log.is_attack])
    before = log.timestamp_s[start] - quiet_s
    after = log.timestamp_s[stop - 1] + quiet_s
    is_near = np.searchsorted(attacked, before) < np.searchsorted(attacked, after, side="right")
    chosen = (places == TRAIN) & ~is_near & ~windows.is_attack
    edges = np.flatnonzero(np.diff(np.r_[False, chosen, False].astype(np.int8)))
    return [
        Stretch(log, int(start[first]), int(stop[last - 1]))
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]


def held_out_graphs(
    windows: WindowSet, own: Sequence[Stretch], others: Sequence[Stretch], window: WindowConfig, config: HabitConfig,
    vocabulary: Vocabulary,
) -> GraphArrays:  # fmt: skip
    """Every window's graph, against a habit of the same vehicle that the window had no part in.

    Args:
        own, others: benign training stretches of this capture, and of the vehicle's other captures.
    """
    if sum(stretch.seconds for stretch in others) >= config.enough_s:
        habit = fit_habit(others, window.size, config)
        return graphs_of(windows.log, habit, window, config, vocabulary)
    middle = len(windows) // 2
    begins = int(windows.start_frame[middle])  # the second half's first window
    ends = max(begins, int(windows.start_frame[middle - 1]) + windows.size) if middle else begins  # of the first half
    first = [stretch for stretch in _cut(own, begins) if stretch.stop <= begins]
    second = [stretch for stretch in _cut(own, ends) if stretch.start >= ends]
    if not first or not second:
        everything = [*others, *own]
        if not everything:  # nothing of the vehicle is benign: its own beginning is all there is
            return warm_up_graphs(windows, window, config, vocabulary)
        return graphs_of(windows.log, fit_habit(everything, window.size, config), window, config, vocabulary)
    halves = [
        graphs_of(windows.log, fit_habit([*others, *learnt], window.size, config), window, config, vocabulary)
        for learnt in (second, first)
    ]
    return concatenate([chosen(halves[0], np.arange(middle)), chosen(halves[1], np.arange(middle, len(windows)))])


def warm_up_graphs(
    windows: WindowSet, window: WindowConfig, config: HabitConfig, vocabulary: Vocabulary
) -> GraphArrays:
    """Every window's graph against the capture's own first seconds."""
    return graphs_of(windows.log, warm_up_habit(windows, window, config), window, config, vocabulary)


def warm_up_habit(windows: WindowSet, window: WindowConfig, config: HabitConfig) -> Habit:
    """The habit of the capture's first `warm_up_s` seconds, which may hold an attack."""
    times = windows.log.timestamp_s
    stop = int(np.argmax(times - times[0] >= config.warm_up_s)) or len(times)
    return fit_habit([Stretch(windows.log, 0, stop)], window.size, config, is_trusted=False)


def chosen(graphs: GraphArrays, index: NDArray[np.int64]) -> GraphArrays:
    """The graphs with the given indices, in that order."""
    columns = {}
    for pointer, owned in (("node_ptr", ("arbitration_id", "node_id", "x")), ("edge_ptr", ("edge_attr",))):
        bounds = getattr(graphs, pointer)
        counts = np.diff(bounds)[index]
        new = np.r_[0, np.cumsum(counts)]
        rows = np.repeat(bounds[index] - new[:-1], counts) + np.arange(new[-1])
        columns[pointer] = new
        columns |= {name: getattr(graphs, name)[rows] for name in owned}
        if pointer == "edge_ptr":
            columns["edge_index"] = graphs.edge_index[:, rows]
    per_graph = {field.name for field in fields(GraphArrays)} - columns.keys()
    return replace(graphs, **columns, **{name: getattr(graphs, name)[index] for name in per_graph})


def _cut(stretches: Sequence[Stretch], frame: int) -> list[Stretch]:
    """The stretches, one that `frame` lies in cut in two there."""
    pieces = []
    for stretch in stretches:
        if stretch.start < frame < stretch.stop:
            pieces += [replace(stretch, stop=frame), replace(stretch, start=frame)]
        else:
            pieces.append(stretch)
    return pieces


def others_of(
    name: str, vehicle: str, stretches: Mapping[str, Sequence[Stretch]], vehicles: Mapping[str, str]
) -> list[Stretch]:
    """Benign stretches of the vehicle's captures but this one."""
    return [
        stretch for other, own in stretches.items() if other != name and vehicles[other] == vehicle for stretch in own
    ]
