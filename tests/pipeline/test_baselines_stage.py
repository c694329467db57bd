"""Baselines are runs like any other: fitted on the prepared training windows, scored beside the networks."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.check import verify
from lake.schema import MODELS
from pipeline.baselines.files import load_baseline
from pipeline.baselines.methods import METHODS
from pipeline.config import BaselinesConfig
from pipeline.datasets import list_captures
from pipeline.errors import ConfigError, StageError
from pipeline.graph_set import load_graphs
from pipeline.protocols import CALIBRATED, KNOWN, PROTOCOLS, ZERO_SHOT
from pipeline.runs import RunFolder
from tests.pipeline.conftest import Place

ALL = f"baselines.methods={list(METHODS)}".replace("'", '"')
UNDER = {
    "period_rules": {KNOWN, CALIBRATED}, "frozen_rules": {KNOWN}, "zscore": {KNOWN}, "gbdt": {KNOWN},
    **{name: set(PROTOCOLS) for name in ("habit", "past_rules", "gbdt_window", "gbdt_past", "always", "majority")},
}  # fmt: skip


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory, trained: Place) -> Place:
    """The small experiment with every baseline: its networks are those that are trained already."""
    place = Place(tmp_path_factory.mktemp("baselines"), trained.data)
    for folder in ("lake", "runs"):
        shutil.copytree(trained.root / folder, place.root / folder)
    place.train(ALL)
    return place


@pytest.fixture
def runs(walked: Place) -> dict[str, str]:
    return {
        row["model"]: row["run_id"] for row in walked.rows("SELECT model, run_id FROM runs WHERE role = 'baseline'")
    }


def test_config_code_and_lake_know_the_same_methods() -> None:
    annotation = BaselinesConfig.model_fields["methods"].annotation
    assert set(annotation.__args__[0].__args__) == set(METHODS)  # type: ignore[union-attr]
    assert set(METHODS) <= set(MODELS)


def test_an_unknown_method_is_refused_with_the_choices(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"baselines\.methods\.0.*period_rules"):
        place.config('baselines.methods=["magic"]')


def test_every_method_is_a_complete_run_with_its_fitted_state_as_an_artifact(
    walked: Place, runs: dict[str, str]
) -> None:
    assert set(runs) == set(METHODS)
    assert verify(walked.settings.lake) == []
    rows = walked.rows("SELECT run_id, name FROM artifacts WHERE kind = 'baseline' ORDER BY ALL")
    expected = [
        (run, f"baseline/{name}") for run in sorted(runs.values()) for name in ("baseline.json", "baseline.npz")
    ]
    assert [(row["run_id"], row["name"]) for row in rows] == expected
    assert {row["seed"] for row in walked.rows("SELECT seed FROM runs WHERE role = 'baseline'")} == {None}


def test_each_is_scored_under_the_protocols_it_is_defined_under_and_no_other(
    walked: Place, runs: dict[str, str]
) -> None:
    for method, run_id in runs.items():
        found = walked.rows(
            f"SELECT DISTINCT protocol FROM metrics WHERE model_run_id = '{run_id}' AND protocol <> 'unknown attack'"
        )
        assert {row["protocol"] for row in found} == UNDER[method], method


def test_baselines_and_networks_score_the_same_windows_of_every_capture(walked: Place, runs: dict[str, str]) -> None:
    rows = walked.rows("""
        SELECT DISTINCT model, capture, protocol, calibration_s, n, n_attack FROM metrics m
        JOIN runs r ON r.run_id = m.model_run_id WHERE m.split = 'test' AND vehicle <> 'all'
    """)
    keys = ("capture", "protocol", "calibration_s", "n", "n_attack")
    of_fusion = {tuple(row[key] for key in keys) for row in rows if row["model"] == "fusion"}
    assert of_fusion
    for method in runs:
        own = {tuple(row[key] for key in keys) for row in rows if row["model"] == method}
        assert own
        assert own <= of_fusion


def test_the_constants_score_what_arithmetic_says(walked: Place, runs: dict[str, str]) -> None:
    rows = walked.rows(f"""
        SELECT metric, value, n, n_attack FROM metrics WHERE model_run_id = '{runs["always"]}'
        AND split = 'test' AND capture = 'all' AND protocol = 'known vehicle'
    """)
    values = {row["metric"]: row["value"] for row in rows}
    n, attacks = rows[0]["n"], rows[0]["n_attack"]
    assert (values["recall"], values["fpr"], values["auroc"]) == (1.0, 1.0, 0.5)
    assert values["f1"] == pytest.approx(2 * attacks / (n + attacks))
    (majority,) = walked.rows(f"""
        SELECT value FROM metrics WHERE model_run_id = '{runs["majority"]}' AND split = 'test' AND capture = 'all'
        AND protocol = 'known vehicle' AND metric = 'f1'
    """)
    assert majority["value"] == 0.0


def test_a_kept_baseline_scores_as_the_one_that_was_fitted(walked: Place, runs: dict[str, str]) -> None:
    """What evaluate wrote came from the file; what the stage wrote of validation windows, from memory."""
    from pipeline.baselines.offer import Lesson
    from pipeline.baselines.stage import _captures, _validation_score

    prepare = walked.rows("SELECT run_id FROM runs WHERE stage = 'prepare'")[0]["run_id"]
    graphs = load_graphs(RunFolder(walked.settings.runs, prepare).graphs)
    config = walked.config()
    captures = _captures(graphs, list_captures(config.dataset, walked.settings))
    lesson = Lesson(captures, graphs, config.alarm)
    for run_id in runs.values():
        kept = load_baseline(RunFolder(walked.settings.runs, run_id).baseline, graphs.data_digest)
        again = _validation_score(kept.baseline, lesson)
        assert np.array_equal(again, kept.validation_score, equal_nan=True)
        under = np.isin(np.array(PROTOCOLS)[graphs.protocol[graphs.at("validation")]], list(kept.baseline.thresholds))
        assert np.isfinite(kept.validation_score[under]).all()
        assert np.isnan(kept.validation_score[~under]).all()


def test_scores_do_not_depend_on_labels(walked: Place, runs: dict[str, str]) -> None:
    sql = f"SELECT run_id FROM lineage WHERE relation = 'evaluated' AND parent_run_id = '{runs['gbdt']}'"
    evaluation = walked.rows(sql)[0]["run_id"]
    scores = pl.read_parquet(RunFolder(walked.settings.runs, evaluation).scores)
    assert set(runs.values()) <= set(scores["model_run_id"])
    assert scores["score"].is_finite().all()


@pytest.mark.parametrize("damage", ["gone", "changed", "other data"])
def test_a_damaged_baseline_is_refused(damage: str, walked: Place, runs: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "baseline"
    shutil.copytree(RunFolder(walked.settings.runs, runs["gbdt_past"]).baseline, folder)
    digest = walked.rows("SELECT data_digest FROM runs WHERE stage = 'prepare'")[0]["data_digest"]
    if damage == "gone":
        (folder / "baseline.npz").unlink()
    elif damage == "changed":
        (folder / "baseline.npz").write_bytes(b"PK")
    said = {"gone": "holds no baseline", "changed": "is not the file that was written", "other data": "fitted on data"}
    with pytest.raises(StageError, match=said[damage]):
        load_baseline(folder, "0" * 64 if damage == "other data" else digest)


def test_zero_shot_is_not_applicable_to_rules_that_need_a_table(walked: Place, runs: dict[str, str]) -> None:
    rows = walked.rows(f"SELECT * FROM metrics WHERE model_run_id = '{runs['period_rules']}'")
    assert rows
    assert not [row for row in rows if row["protocol"] == ZERO_SHOT]
