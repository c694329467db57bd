"""The first stage: captures read, checked and split; windows cut; graphs built and written."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lake.files import sha256_of
from lake.schema import Row
from pipeline.config import SplitConfig, WindowConfig
from pipeline.context import StageContext
from pipeline.data_captures import capture_row, dataset_rows, doubts, find_duplicates, read_capture
from pipeline.datasets import CaptureFile
from pipeline.graph_set import CaptureInfo, GraphSet, save_graphs
from pipeline.graphs import build_graphs, concatenate
from pipeline.runs import Outcome, digest_of
from pipeline.splits import PLACES, TRAIN, Places, same_recordings, split_windows
from pipeline.vocabulary import learn_vocabulary
from pipeline.windows import WindowSet, cut_windows


def file_digests(captures: Sequence[CaptureFile]) -> list[list[str]]:
    """Name, usage and SHA-256 of every capture's file: what a prepare run depends on."""
    return [[capture.name, capture.usage, sha256_of(capture.path)] for capture in captures]


def prepare(
    context: StageContext, outcome: Outcome, files: Sequence[CaptureFile], window: WindowConfig, split: SplitConfig
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
    parts = [build_graphs(windows[file.name], vocabulary) for file in used]
    graph_set = GraphSet(
        graphs=concatenate(parts),
        capture=np.repeat(np.arange(len(used), dtype=np.int16), [len(part) for part in parts]),
        place=np.concatenate([places[file.name] for file in used]),
        captures=tuple(CaptureInfo(file.name, file.vehicle, file.attack) for file in used),
        vocabulary=vocabulary,
        window_size=window.size,
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
