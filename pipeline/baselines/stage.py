"""The stage `baseline`: one simple method, fitted on the training windows that the networks train on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.baselines.files import KeptBaseline, save_baseline
from pipeline.baselines.folds import Piece
from pipeline.baselines.methods import METHODS
from pipeline.baselines.offer import Baseline, Lesson, Offer, TrainingCapture
from pipeline.baselines.traffic import Traffic
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.data_captures import read_capture
from pipeline.datasets import CaptureFile
from pipeline.errors import StageError
from pipeline.graph_set import CaptureInfo, GraphSet, load_graphs
from pipeline.protocols import KNOWN, PROTOCOLS, Protocol
from pipeline.runs import Outcome
from pipeline.splits import TRAIN
from pipeline.training_graphs import benign_stretches, chosen
from pipeline.windows import cut_windows


def fit_baseline(context: StageContext, outcome: Outcome, files: Sequence[CaptureFile], alarm: AlarmConfig) -> None:
    """Fit the method that the run is of; its arrays and its scores of validation windows are kept.

    Raises:
        StageError: a training capture is not the one that was prepared, or no vehicle has attack-free traffic.
    """
    graphs = load_graphs(context.inputs["prepare"].graphs)
    method: str = context.facts["model"]
    lesson = Lesson(_captures(graphs, files), graphs, alarm)
    baseline = METHODS[method].fit(lesson)
    validation = _validation_score(baseline, lesson)
    kept = KeptBaseline(method, graphs.data_digest, baseline, validation)
    outcome.artifacts += [("baseline", path) for path in save_baseline(context.folder.baseline, kept)]
    context.say(f"fitted {method} on {len(lesson.captures)} captures")


def _captures(graphs: GraphSet, files: Sequence[CaptureFile]) -> list[TrainingCapture]:
    """The training captures, each with its windows' places as `prepare` decided them."""
    by_name = {file.name: file for file in files}
    return [
        _capture(index, info, by_name[info.name], graphs)
        for index, info in enumerate(graphs.captures)
        if info.usage == "train"
    ]


def _capture(index: int, info: CaptureInfo, file: CaptureFile, graphs: GraphSet) -> TrainingCapture:
    log = read_capture(file)
    if log.row_digest() != info.row_digest:
        raise StageError(
            f"{file.path} changed since it was prepared (rows {log.row_digest()[:12]}…, not {info.row_digest[:12]}…). "
            "Restore the file, or prepare again with --set repeat=1."
        )
    windows = cut_windows(log, graphs.window)
    rows = graphs.at("train")
    rows = rows[(graphs.capture[rows] == index) & graphs.under(KNOWN)[rows]]
    places = np.full(len(windows), -1, dtype=np.int8)
    places[graphs.graphs.start_frame[rows] // graphs.window.stride] = TRAIN
    traffic = Traffic.of(log, graphs.window)
    stretches = benign_stretches(windows, places, graphs.habit.quiet_s)
    return TrainingCapture(
        info.name, info.vehicle, traffic, windows.is_attack, places == TRAIN,
        [Piece(traffic, stretch.start, stretch.stop) for stretch in stretches],
        is_attack_free=not log.is_attack.any(),
    )  # fmt: skip


def _validation_score(baseline: Baseline, lesson: Lesson) -> NDArray[np.float64]:
    """[V] scores of the validation windows, as the graph set has them."""
    graphs = lesson.graphs
    validation = graphs.at("validation")
    score = np.full(len(validation), np.nan)
    by_name = {capture.name: capture for capture in lesson.captures}
    for index, info in enumerate(graphs.captures):
        for protocol in baseline.thresholds:
            inside = (graphs.capture[validation] == index) & (graphs.protocol[validation] == PROTOCOLS.index(protocol))
            if inside.any() and (protocol != KNOWN or info.vehicle in graphs.known_vehicles()):
                built = chosen(graphs.graphs, validation[inside])
                offer = Offer(by_name[info.name].traffic, built, Protocol(protocol), info.vehicle)
                score[inside] = baseline.score(offer)
    return score
