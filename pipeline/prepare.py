"""The first stage: captures read, checked and split; windows cut; graphs built and written."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lake.files import sha256_of
from lake.schema import Row
from pipeline.can_log import CanLog
from pipeline.config import SplitConfig, WindowConfig
from pipeline.context import StageContext
from pipeline.datasets import CaptureFile, Dataset
from pipeline.graph_set import CaptureInfo, GraphSet, save_graphs
from pipeline.graphs import build_graphs, concatenate
from pipeline.readers import read_can_log
from pipeline.runs import Outcome, digest_of
from pipeline.splits import PLACES, TRAIN, Places, split_windows
from pipeline.vocabulary import learn_vocabulary
from pipeline.windows import WindowSet, cut_windows


def file_digests(captures: Sequence[CaptureFile]) -> list[list[str]]:
    """Name, usage and SHA-256 of every capture's file: what a prepare run depends on."""
    return [[capture.name, capture.usage, sha256_of(capture.path)] for capture in captures]


def prepare(
    context: StageContext, outcome: Outcome, name: str, dataset: Dataset, files: Sequence[CaptureFile],
    window: WindowConfig, split: SplitConfig,
) -> None:  # fmt: skip
    """Captures -> graphs with a place each; rows of datasets, captures and splits.

    Raises:
        CaptureError: a file is not what the catalogue says.
        StageError: a capture is too short, a split is empty, or splits share a frame.
    """
    logs = {file.name: read_can_log(file.path, dataset.reader) for file in files}
    digests = {capture: log.row_digest() for capture, log in logs.items()}
    duplicates = find_duplicates(files, digests)
    used = [file for file in files if file.name not in duplicates]
    context.say(f"read {len(logs)} captures, {sum(map(len, logs.values())):,} frames, {len(duplicates)} duplicates")

    windows = {file.name: cut_windows(logs[file.name], window) for file in used}
    places = split_windows(windows, [file.name for file in used if file.usage == "test"], split)
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
        _capture_row(name, file, logs[file.name], digests[file.name], duplicates.get(file.name)) for file in files
    ]
    outcome.rows["splits"] = _split_rows(windows, places)
    outcome.rows["datasets"] = [_dataset_row(name, dataset, [logs[file.name] for file in used], graph_set)]


def find_duplicates(files: Sequence[CaptureFile], digests: Mapping[str, str]) -> dict[str, str]:
    """Captures with the rows of another -> that other, which is used instead. A test capture comes first:
    what is tested on is never trained on under another name."""
    kept: dict[str, str] = {}
    duplicates = {}
    for file in sorted(files, key=lambda one: (one.usage != "test", one.name)):
        first = kept.setdefault(digests[file.name], file.name)
        if first != file.name:
            duplicates[file.name] = first
    return duplicates


def _benign_training_ids(windows: Mapping[str, WindowSet], places: Mapping[str, Places]) -> list[Any]:
    columns = []
    for name, cut in windows.items():
        training = places[name] == TRAIN
        ids, is_attack = cut.view(cut.log.arbitration_id)[training], cut.view(cut.log.is_attack)[training]
        columns.append(ids[~is_attack])
    return columns


def _capture_row(dataset: str, file: CaptureFile, log: CanLog, digest: str, duplicate_of: str | None) -> Row:
    return {
        "dataset": dataset,
        "capture": file.name,
        "vehicle": file.vehicle,
        "attack": file.attack,
        "usage": "duplicate" if duplicate_of else file.usage,
        "duplicate_of": duplicate_of,
        "row_digest": digest,
        "frames": len(log),
        "attack_frames": int(log.is_attack.sum()),
        "arbitration_ids": len(np.unique(log.arbitration_id)),
        "span_s": log.span_s,
        **vars(log.defects),
    }


def _split_rows(windows: Mapping[str, WindowSet], places: Mapping[str, Places]) -> list[Row]:
    rows: list[Row] = []
    for name, column in places.items():
        for place in np.unique(column):
            inside = column == place
            attacks = int(windows[name].is_attack[inside].sum())
            counts = {"windows": int(inside.sum()), "attack_windows": attacks}
            rows.append({"capture": name, "split": PLACES[place], **counts})
    return rows


def _dataset_row(name: str, dataset: Dataset, logs: Sequence[CanLog], graph_set: GraphSet) -> Row:
    about = dataset.model_dump(include={"title", "licence", "citation", "address"})
    return {
        **about,
        "dataset": name,
        "captures": len(logs),
        "frames": sum(map(len, logs)),
        "attack_frames": sum(int(log.is_attack.sum()) for log in logs),
        "data_digest": graph_set.data_digest,
        "vocabulary_size": len(graph_set.vocabulary),
    }
