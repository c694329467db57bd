"""Scores every model and baseline of an experiment on the same test windows under each protocol, then measures them.

Test captures are read here and scored by the code that `./run score` runs. Thresholds come from benign
validation windows. Labels of test captures are looked at after all scores have been written.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from lake.files import whole_file
from lake.table import Row
from pipeline.can_log import CanLog
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.datasets import CaptureFile
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.measure import About, is_applicable, measured, metric_rows, validation_rows
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
