"""Scores every model and baseline of an experiment on the same test windows under each protocol, then measures them.

Test captures are read here and scored by the code that `./run score` runs. Thresholds come from benign
validation windows. Labels of test captures are looked at after all scores have been written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lake.files import whole_file
from lake.schema import Row
from pipeline.assemble import assemble, experts_of, thresholds_of
from pipeline.baselines.files import load_baseline
from pipeline.baselines.offer import Baseline, Offer
from pipeline.baselines.traffic import Traffic
from pipeline.can_log import CanLog
from pipeline.checkpoint import load_checkpoint
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.data_captures import read_capture
from pipeline.datasets import CaptureFile
from pipeline.errors import StageError
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.measure import About, WindowTimes, is_applicable, measured, metric_rows, validation_rows
from pipeline.protocols import CALIBRATED, KNOWN, PROTOCOLS, ZERO_SHOT, Protocol, frames_within
from pipeline.runs import Outcome
from pipeline.scoring import Columns, Knowledge, Scorer, graph_stream, score_graphs, scorer_of, stream_graphs
from pipeline.train_fusion import thresholds
from pipeline.training_graphs import chosen


@dataclass(frozen=True, eq=False)
class Model:
    """A trained run: how it scores, its threshold under each protocol, and what it says of validation windows.

    A protocol without a threshold is one that the model is not defined under.
    """

    run_id: str
    scorer: Scorer | Baseline
    thresholds: Mapping[str, float]
    validation_score: NDArray[np.float64]

    def columns(self, offer: Offer) -> Columns:
        """What it says of the windows asked for: a network by their graphs, a baseline by all of the offer."""
        if callable(self.scorer):
            return score_graphs(self.scorer, offer.graphs)
        return {"score": self.scorer.score(offer)}


@dataclass(frozen=True, eq=False)
class Scored:
    """A test capture's windows under a protocol, and the columns for them of each model that is defined under it."""

    file: CaptureFile
    protocol: Protocol
    times: WindowTimes
    columns: Mapping[str, Columns]


def evaluate(context: StageContext, outcome: Outcome, files: Sequence[CaptureFile], alarm: AlarmConfig) -> None:
    """Score and measure each trained run among the inputs; rows go to `metrics`.

    Raises:
        StageError: a test capture is not the one that was prepared.
    """
    graphs = load_graphs(context.inputs["prepare"].graphs)
    models = _models(context, graphs, alarm)
    tests = captures_tested(graphs, files)
    scored: list[Scored] = []
    for file in tests:
        scored += score_capture(read_tested(file, graphs).without_labels(), file, graphs, models, alarm)
        context.say(f"scored {file.name} with {len(models)} models")
    with whole_file(context.folder.scores) as staged:
        pl.concat([_frame(one) for one in scored], how="diagonal").write_parquet(staged, compression="zstd")
    outcome.artifacts.append(("scores", context.folder.scores))

    # from here on labels of test captures are looked at
    labels = {file.name: read_tested(file, graphs) for file in tests}
    for model in models:
        rows = measure(model, graphs, scored, labels)
        outcome.rows.setdefault("metrics", []).extend({**row, "dataset": context.facts["dataset"]} for row in rows)
        outcome.lineage.append(("evaluated", model.run_id))


def measure(model: Model, graphs: GraphSet, scored: Sequence[Scored], labels: Mapping[str, CanLog]) -> list[Row]:
    """One model's metric rows: of the validation split, and of every test capture under each protocol.

    Args:
        labels: the test captures by name, with their labels.
    """
    validation = graphs.at("validation")
    protocol = np.array(PROTOCOLS)[graphs.protocol[validation]]
    is_attack = graphs.graphs.is_attack[validation]
    known_attacks = {info.attack for info in graphs.captures if info.usage == "train"}
    tested = [
        measured(
            _about(one.file, graphs, known_attacks), one.protocol, labels[one.file.name], one.times,
            one.columns[model.run_id]["score"], model.thresholds[one.protocol.name],
        )
        for one in scored
        if is_applicable(one.protocol, labels[one.file.name])
        and len(one.times.start_frame)
        and model.run_id in one.columns
    ]  # fmt: skip
    rows = validation_rows(model.run_id, is_attack, model.validation_score, protocol, model.thresholds)
    return rows + metric_rows(model.run_id, tested)


def knowledge_of(graphs: GraphSet) -> Knowledge:
    """What a model trained on these graphs brings to a capture."""
    return Knowledge(graphs.vocabulary, graphs.habits, graphs.window, graphs.habit)


def protocols_of(vehicle: str, graphs: GraphSet, alarm: AlarmConfig) -> list[Protocol]:
    """Every protocol that a capture of the vehicle is scored under."""
    known = [Protocol(KNOWN)] if vehicle in graphs.known_vehicles() else []
    return [*known, *(Protocol(CALIBRATED, seconds) for seconds in alarm.calibrations_s), Protocol(ZERO_SHOT)]


def _models(context: StageContext, graphs: GraphSet, alarm: AlarmConfig) -> list[Model]:
    checkpoints = {
        folder.run_id: load_checkpoint(folder.checkpoint)
        for label, folder in context.inputs.items()
        if label != "prepare" and not folder.baseline.exists()
    }
    validation = chosen(graphs.graphs, graphs.at("validation"))
    benign = np.isin(graphs.at("validation"), graphs.benign_at("validation"))
    models = []
    for run_id, checkpoint in checkpoints.items():
        is_fusion = checkpoint.model == "fusion"
        parts = {} if not is_fusion else {p: checkpoints[run] for p, run in experts_of(checkpoint.parents).items()}
        scorer = scorer_of(assemble({**parts, "fusion": checkpoint}) if is_fusion else checkpoint.build())
        score = score_graphs(scorer, validation)["score"]
        if is_fusion:  # set when it was trained, so that every use of the model has the same
            by_protocol = thresholds_of(checkpoint)
        else:
            found = thresholds(graphs, graphs.benign_at("validation"), score[benign], alarm)
            by_protocol = dict(zip(PROTOCOLS, found, strict=True))
        models.append(Model(run_id, scorer, by_protocol, score))
    return models + _baselines(context, graphs)


def _baselines(context: StageContext, graphs: GraphSet) -> list[Model]:
    folders = [folder for folder in context.inputs.values() if folder.baseline.exists()]
    kept = {folder.run_id: load_baseline(folder.baseline, graphs.data_digest) for folder in folders}
    return [Model(run_id, one.baseline, one.baseline.thresholds, one.validation_score) for run_id, one in kept.items()]


def score_capture(
    log: CanLog, file: CaptureFile, graphs: GraphSet, models: Sequence[Model], alarm: AlarmConfig
) -> list[Scored]:
    """Every model's columns for the capture's windows, under each protocol that leaves some to score."""
    found = []
    traffic = Traffic.of(log, graphs.window)
    for protocol in protocols_of(file.vehicle, graphs, alarm):
        prefix = frames_within(log, protocol.calibration_s)
        if prefix == len(log):
            continue  # nothing is left to score behind the prefix
        stream = graph_stream(knowledge_of(graphs), protocol, log, file.vehicle)
        (built,) = stream_graphs(stream, [log])
        times = WindowTimes.of(built.start_frame, built.start_s, built.end_s, built.is_late, graphs.window.size)
        behind = times.since(prefix)
        offer = Offer(traffic, built, protocol, file.vehicle)
        columns = {
            model.run_id: {name: column[behind] for name, column in model.columns(offer).items()}
            for model in models
            if protocol.name in model.thresholds
        }
        found.append(Scored(file, protocol, times.at(behind), columns))
    return found


def _frame(one: Scored) -> pl.DataFrame:
    common = {
        "capture": one.file.name,
        "protocol": one.protocol.name,
        "calibration_s": one.protocol.calibration_s or None,
    }
    parts = [
        pl.DataFrame({**vars(one.times), **columns}).with_columns(
            pl.lit(run_id).alias("model_run_id"),
            *(
                pl.lit(value, pl.Float64 if name == "calibration_s" else pl.String).alias(name)
                for name, value in common.items()
            ),
        )
        for run_id, columns in one.columns.items()
    ]
    return pl.concat(parts, how="diagonal")


def captures_tested(graphs: GraphSet, files: Sequence[CaptureFile]) -> list[CaptureFile]:
    """The test captures among `files` that were prepared, in their order."""
    used = {info.name for info in graphs.captures if info.usage == "test"}
    return [file for file in files if file.name in used]


def read_tested(file: CaptureFile, graphs: GraphSet) -> CanLog:
    """A test capture. Raises StageError where it is not the one that was prepared."""
    log = read_capture(file)
    (info,) = (info for info in graphs.captures if info.name == file.name)
    if log.row_digest() != info.row_digest:
        raise StageError(
            f"{file.path} changed since it was prepared (rows {log.row_digest()[:12]}…, not {info.row_digest[:12]}…). "
            "Restore the file, or prepare again with --set repeat=1."
        )
    return log


def _about(file: CaptureFile, graphs: GraphSet, known_attacks: set[str]) -> About:
    return About(
        capture=file.name,
        vehicle=file.vehicle,
        attack=file.attack,
        is_known_vehicle=file.vehicle in graphs.known_vehicles(),
        is_known_attack=file.attack in known_attacks or file.attack == "benign",
    )
