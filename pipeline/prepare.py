"""The first stage: captures read, checked and split; windows cut; graphs built and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lake.files import sha256_of
from lake.table import Row
from pipeline.config import HabitConfig, SplitConfig, WindowConfig
from pipeline.context import StageContext
from pipeline.data_captures import capture_row, dataset_rows, doubts, find_duplicates, read_capture
from pipeline.datasets import CaptureFile
from pipeline.graph_set import CaptureInfo, GraphSet, save_graphs
from pipeline.graphs import GraphArrays, concatenate
from pipeline.habit_fit import Stretch
from pipeline.habits import fit_by_vehicle
from pipeline.protocols import KNOWN, PROTOCOLS, ZERO_SHOT
from pipeline.runs import Outcome, digest_of
from pipeline.splits import PLACES, TRAIN, VALIDATION, Places, same_recordings, split_windows
from pipeline.training_graphs import benign_stretches, chosen, held_out_graphs, others_of, warm_up_graphs
from pipeline.vocabulary import NO_VOCABULARY, Vocabulary, learn_vocabulary
from pipeline.windows import WindowSet, cut_windows


def file_digests(captures: Sequence[CaptureFile]) -> list[list[str]]:
    """Name, usage and SHA-256 of every capture's file: what a prepare run depends on."""
    return [[capture.name, capture.usage, sha256_of(capture.path)] for capture in captures]


def prepare(
    context: StageContext, outcome: Outcome, files: Sequence[CaptureFile], window: WindowConfig, split: SplitConfig,
    habit: HabitConfig,
) -> None:  # fmt: skip
    """Captures -> graphs with a place each; rows of datasets, captures and splits.

    Raises:
        CaptureError: a file is not what the catalogue says.
        StageError: a capture is too short, a split is empty, or splits share a frame.
    """
    logs = {file.name: read_capture(file) for file in files}
    digests = {capture: log.row_digest() for capture, log in logs.items()}
    duplicates = find_duplicates(files, digests)
    used = [file for file in files if file.name not in duplicates]
    for capture, log in logs.items():
        for doubt in doubts(log):
            context.say(f"{capture}: {doubt}")
    context.say(f"read {len(logs)} captures, {sum(map(len, logs.values())):,} frames, {len(duplicates)} duplicates")

    windows = {file.name: cut_windows(logs[file.name], window) for file in used}
    places = split_windows(windows, [file.name for file in used if file.usage == "test"], split)
    for capture, share in same_recordings(windows, [file.name for file in used if file.usage == "test"]).items():
        context.say(f"{capture}: {share:.0%} of it are successions of frames of a test capture, with other times")
    vocabulary = learn_vocabulary(_benign_training_ids(windows, places))
    training = [file for file in used if file.usage == "train"]
    stretches = {file.name: benign_stretches(windows[file.name], places[file.name], habit.quiet_s) for file in training}
    habits = fit_by_vehicle(
        [(file.vehicle, stretch) for file in training for stretch in stretches[file.name]], window.size, habit
    )
    context.say(f"learnt the habits of {len(habits)} vehicles: {', '.join(sorted(habits))}")
    parts = [
        part
        for file in training
        for part in _graphs_under_protocols(file, training, windows, places, stretches, window, habit, vocabulary)
    ]
    graph_set = GraphSet(
        graphs=concatenate([part.graphs for part in parts]),
        capture=np.concatenate([np.full(len(part.place), used.index(part.file), np.int16) for part in parts]),
        place=np.concatenate([part.place for part in parts]),
        protocol=np.concatenate([np.full(len(part.place), PROTOCOLS.index(part.protocol), np.int8) for part in parts]),
        captures=tuple(
            CaptureInfo(file.name, file.vehicle, file.attack, file.usage, digests[file.name]) for file in used
        ),
        vocabulary=vocabulary,
        habits=habits,
        window=window,
        habit=habit,
        data_digest=digest_of(sorted(digests[file.name] for file in used)),
    )
    context.say(f"built {len(graph_set.capture):,} graphs, {len(vocabulary) - 1} known arbitration IDs")
    outcome.artifacts += [("graphs", path) for path in save_graphs(context.folder.graphs, graph_set)]
    outcome.facts["data_digest"] = graph_set.data_digest
    outcome.rows["captures"] = [
        capture_row(file, logs[file.name], digests[file.name], duplicates.get(file.name)) for file in files
    ]
    outcome.rows["splits"] = _split_rows(windows, places)
    outcome.rows["datasets"] = dataset_rows(outcome.rows["captures"], len(vocabulary))


@dataclass(frozen=True)
class _Part:
    """The training and validation graphs of a capture under a protocol."""

    file: CaptureFile
    protocol: str
    graphs: GraphArrays
    place: Places


def _graphs_under_protocols(
    file: CaptureFile, training: Sequence[CaptureFile], windows: Mapping[str, WindowSet], places: Mapping[str, Places],
    stretches: Mapping[str, Sequence[Stretch]], window: WindowConfig, habit: HabitConfig, vocabulary: Vocabulary,
) -> list[_Part]:  # fmt: skip
    """As of a known vehicle, and as of one that nobody has seen."""
    vehicles = {one.name: one.vehicle for one in training}
    others = others_of(file.name, file.vehicle, stretches, vehicles)
    cut, place = windows[file.name], places[file.name]
    kept = np.flatnonzero((place == TRAIN) | (place == VALIDATION))
    known = held_out_graphs(cut, stretches[file.name], others, window, habit, vocabulary)
    foreign = warm_up_graphs(cut, window, habit, NO_VOCABULARY)
    return [
        _Part(file, protocol, chosen(graphs, kept), place[kept])
        for protocol, graphs in ((KNOWN, known), (ZERO_SHOT, foreign))
    ]


def _benign_training_ids(windows: Mapping[str, WindowSet], places: Mapping[str, Places]) -> list[Any]:
    columns = []
    for name, cut in windows.items():
        training = places[name] == TRAIN
        ids, is_attack = cut.view(cut.log.arbitration_id)[training], cut.view(cut.log.is_attack)[training]
        columns.append(ids[~is_attack])
    return columns


def _split_rows(windows: Mapping[str, WindowSet], places: Mapping[str, Places]) -> list[Row]:
    rows: list[Row] = []
    for name, column in places.items():
        for place in np.unique(column):
            inside = column == place
            attacks = int(windows[name].is_attack[inside].sum())
            counts = {"windows": int(inside.sum()), "attack_windows": attacks}
            rows.append({"capture": name, "split": PLACES[place], **counts})
    return rows
