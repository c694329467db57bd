"""Scores every model and baseline of an experiment on the same test windows under each protocol, then measures them.

Each window's score of the fused detectors goes to `predictions`; those of all models stay in the run's own file.
Test captures are read here and scored by the code that `./run score` runs. Thresholds come from benign
validation windows. Labels of test captures are looked at after all scores have been written.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from lake.files import whole_file
from lake.schema import PREDICTIONS
from lake.table import Row
from pipeline.can_log import CanLog
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.datasets import CaptureFile
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.measure import About, Measured, WindowTimes, is_applicable, measured, metric_rows, validation_rows
from pipeline.predictions import prediction_rows
from pipeline.protocols import PROTOCOLS
from pipeline.runs import Outcome
from pipeline.tested import Scored, captures_tested, read_tested, score_test_capture
from pipeline.trained_models import Model, load_models


def evaluate(context: StageContext, outcome: Outcome, files: Sequence[CaptureFile], alarm: AlarmConfig) -> None:
    """Score and measure each trained run among the inputs; rows go to `metrics`.

    Raises:
        StageError: a test capture is not the one that was prepared.
    """
    graphs = load_graphs(context.inputs["prepare"].graphs)
    models = load_models(context, graphs, alarm)
    tests = captures_tested(graphs, files)
    scored: list[Scored] = []
    for file in tests:
        scored += score_test_capture(read_tested(file, graphs).without_labels(), file, graphs, models, alarm)
        context.say(f"scored {file.name} with {len(models)} models")
    with whole_file(context.folder.scores) as staged:
        pl.concat([_frame(one) for one in scored], how="diagonal").write_parquet(staged, compression="zstd")
    outcome.artifacts.append(("scores", context.folder.scores))

    # from here on labels of test captures are looked at
    labels = {file.name: read_tested(file, graphs) for file in tests}
    predictions: list[pa.Table] = []
    for model in models:
        tested = measure_tests(model, graphs, scored, labels)
        if model.is_fusion and tested:
            predictions.append(prediction_rows(model.run_id, tested))
        rows = validation_of(model, graphs) + metric_rows(model.run_id, [one for one, _ in tested])
        outcome.rows.setdefault("metrics", []).extend({**row, "dataset": context.facts["dataset"]} for row in rows)
        outcome.lineage.append(("evaluated", model.run_id))
    if predictions:
        context.journal.add_part(PREDICTIONS, pa.concat_tables(predictions))


def measure_tests(
    model: Model, graphs: GraphSet, scored: Sequence[Scored], labels: Mapping[str, CanLog]
) -> list[tuple[Measured, WindowTimes]]:
    """The model's scores of every test capture under each protocol that applies, beside the labels.

    Args:
        labels: the test captures by name, with their labels.
    """
    known_attacks = {info.attack for info in graphs.captures if info.usage == "train"}
    return [
        (
            measured(
                _about(one.file, graphs, known_attacks), one.protocol, labels[one.file.name], one.times,
                one.columns[model.run_id]["score"], model.thresholds[one.protocol.name],
            ),
            one.times,
        )
        for one in scored
        if is_applicable(one.protocol, labels[one.file.name])
        and len(one.times.start_frame)
        and model.run_id in one.columns
    ]  # fmt: skip


def validation_of(model: Model, graphs: GraphSet) -> list[Row]:
    """One model's metric rows of the validation split, its thresholds among them."""
    validation = graphs.at("validation")
    protocol = np.array(PROTOCOLS)[graphs.protocol[validation]]
    is_attack = graphs.graphs.is_attack[validation]
    return validation_rows(model.run_id, is_attack, model.validation_score, protocol, model.thresholds)


def measure(model: Model, graphs: GraphSet, scored: Sequence[Scored], labels: Mapping[str, CanLog]) -> list[Row]:
    """One model's metric rows: of the validation split, and of every test capture under each protocol.

    Args:
        labels: the test captures by name, with their labels.
    """
    tested = [one for one, _ in measure_tests(model, graphs, scored, labels)]
    return validation_of(model, graphs) + metric_rows(model.run_id, tested)


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


def _about(file: CaptureFile, graphs: GraphSet, known_attacks: set[str]) -> About:
    return About(
        capture=file.name,
        vehicle=file.vehicle,
        attack=file.attack,
        is_known_vehicle=file.vehicle in graphs.known_vehicles(),
        is_known_attack=file.attack in known_attacks or file.attack == "benign",
    )
