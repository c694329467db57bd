"""Protocols, intervals and comparisons on a made-up lake, computed again from the lake's own rows."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.intervals import summarise
from lake.read import open_lake
from lake.schema import AMOUNTS, CONSTANTS, PROPORTIONS
from lake.snapshot import take_snapshot
from loaders import comparisons, intervals
from loaders.build import FOLDER, build_data
from tests.lake_fixture import START, TRAINED, add_evaluation, add_run, made_up_lake, made_up_value

SETTINGS = {"name": "made_up", "seeds": [1, 2, 3, 4, 5], "window": {"size": 100, "stride": 100}}
SEEDS = (1, 2, 3, 4, 5)
LATER = START + timedelta(hours=2)
PROTOCOLS = [("zero-shot", None), ("calibrated", 5.0), ("calibrated", 10.0)]


def rows_of(root: Path, name: str, out: Path, where: str = "true") -> list[dict[str, Any]]:
    build_data(root, take_snapshot(root), out)
    return duckdb.sql(f"SELECT * FROM '{out}/{name}.parquet' WHERE {where}").to_arrow_table().to_pylist()


def add_baseline(root: Path, run_id: str, model: str, seed: int | None) -> None:
    add_run(root, run_id, "gat_student", seed, SETTINGS, model, "baseline")
    add_evaluation(root, f"evaluate-{run_id}", seed or 0, SETTINGS, models=[run_id])


def test_the_leaderboard_and_its_page_know_every_metric_of_the_schema() -> None:
    known = {*PROPORTIONS, *AMOUNTS, "mcc"}
    sql = (FOLDER / "leaderboard.sql").read_text()
    assert set(re.findall(r"'([^']+)'", sql.split("metric IN (")[1].split(")")[0])) == known
    page = (FOLDER.parent / "dashboard" / "metrics.js").read_text()
    assert set(re.findall(r'name: "([^"]+)"', page)) == known


def test_what_is_better_is_said_alike_by_comparisons_and_page() -> None:
    page = (FOLDER.parent / "dashboard" / "metrics.js").read_text()
    said = dict(re.findall(r'name: "([^"]+)",\s+label: "[^"]+",\s+better: "(\w+)"', page))
    assert {name: said[name] for name in comparisons.COMPARED} == comparisons.COMPARED


def test_protocols_and_lengths_of_calibration_are_never_averaged(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake")
    add_evaluation(tmp_path / "lake", "later", 42, SETTINGS, started_at=LATER, protocols=PROTOCOLS)
    found = rows_of(tmp_path / "lake", "leaderboard", tmp_path / "data", "model = 'fusion' AND capture = 'all'")
    by_protocol = {(row["split"], row["protocol"], row["calibration_s"]): row["f1"] for row in found}
    assert by_protocol == {
        ("validation", None, None): made_up_value("made_up-fusion-42", "validation", "all", "f1", ""),
        ("test", None, None): made_up_value("made_up-fusion-42", "test", "all", "f1", ""),  # of the evaluation before
        **{
            ("test", name, seconds): made_up_value("made_up-fusion-42", "test", "all", "f1", f"{name}{seconds or ''}")
            for name, seconds in PROTOCOLS
        },
    }


def test_alarm_metrics_are_means_over_seeds_like_the_others(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", seeds=(42, 43))
    found = rows_of(tmp_path / "lake", "leaderboard", tmp_path / "data", "split = 'test' AND capture = 'all'")
    for row in found:
        stage = next(stage for stage, model, role in TRAINED if (model, role) == (row["model"], row["role"]))
        for metric in ("detection_delay_s_median", "recall_at_fpr_1e-3", "false_alarms_per_hour_outside_episodes"):
            values = [made_up_value(f"made_up-{stage}-{seed}", "test", "all", metric, "") for seed in (42, 43)]
            assert row[metric] == pytest.approx(sum(values) / 2)


def test_a_model_in_which_nothing_is_drawn_has_one_row_and_no_seeds(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake")
    add_baseline(tmp_path / "lake", "rules", "habit", None)
    where = "model = 'habit' AND split = 'test' AND capture = 'all'"
    (row,) = rows_of(tmp_path / "lake", "leaderboard", tmp_path / "data", where)
    assert (row["role"], row["n_seeds"], row["seeds"], row["model_run_ids"]) == ("baseline", 1, None, "rules")


def test_intervals_are_those_of_the_seeds_values(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake", seeds=SEEDS)
    with open_lake(tmp_path / "lake", snapshot) as lake:
        found = intervals.load(lake).to_pylist()
        means = lake.sql((FOLDER / "leaderboard.sql").read_text()).to_arrow_table().to_pylist()
    asked = ("test", "test/known-dos", "gat", "teacher")
    (row,) = [
        one for one in found
        if (one["split"], one["capture"], one["model"], one["role"], one["metric"]) == (*asked, "auroc")
    ]  # fmt: skip
    values = [made_up_value(f"made_up-gat_teacher-{seed}", "test", "test/known-dos", "auroc", "") for seed in SEEDS]
    expected = summarise(values)
    assert (row["n_seeds"], row["low"], row["high"]) == (5, expected.low, expected.high)
    assert row["low"] < row["mean"] < row["high"]
    (mean,) = [one for one in means if (one["split"], one["capture"], one["model"], one["role"]) == asked]
    assert mean["auroc"] == pytest.approx(row["mean"])
    assert len({tuple(str(one[name]) for name in intervals._KEY) for one in found}) == len(found)


@pytest.mark.parametrize(("seeds", "rows", "low"), [((42,), 0, None), ((42, 43), 1, None)])
def test_one_seed_has_no_interval_and_two_have_a_deviation_only(
    tmp_path: Path, seeds: tuple[int, ...], rows: int, low: float | None
) -> None:
    made_up_lake(tmp_path / "lake", seeds=seeds)
    where = "split = 'test' AND capture = 'all' AND model = 'fusion' AND metric = 'f1'"
    found = rows_of(tmp_path / "lake", "intervals", tmp_path / "data", where)
    assert [(row["low"], row["deviation"] > 0) for row in found] == [(low, True)] * rows


def test_a_metric_that_one_seed_lacks_has_no_interval(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", seeds=SEEDS)
    add_evaluation(tmp_path / "lake", "later", 3, SETTINGS, started_at=LATER, without="auroc")
    found = rows_of(tmp_path / "lake", "intervals", tmp_path / "data", "split = 'test' AND capture = 'all'")
    metrics = {row["metric"] for row in found}
    assert "f1" in metrics
    assert "auroc" not in metrics


def test_models_are_compared_with_the_strongest_baseline_teachers_aside(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", seeds=SEEDS)
    add_baseline(tmp_path / "lake", "rules", "habit", None)
    add_baseline(tmp_path / "lake", "trees", "gbdt", 1)
    found = rows_of(tmp_path / "lake", "comparisons", tmp_path / "data", "metric = 'f1'")
    captures = ("test/known-dos", "test/known-fuzzing")  # F1 of a benign capture is not applicable
    strength = {
        model: sum(made_up_value(run, "test", capture, "f1", "") for capture in captures) / 2
        for run, model in (("rules", "habit"), ("trees", "gbdt"))
    }
    strongest = max(strength, key=strength.__getitem__)
    assert {row["reference_model"] for row in found} == {strongest}
    weaker = ({"habit", "gbdt"} - {strongest}).pop()
    compared = {(row["model"], row["role"]) for row in found}
    assert compared == {("vgae", "student"), ("gat", "student"), ("fusion", "student"), (weaker, "baseline")}
    for row in found:
        assert (row["better"], row["unit"], row["n"], row["verdict"]) == ("higher", "capture", 2, "not shown")
        assert row["p_adjusted"] >= row["p"]
    fusion = next(row for row in found if row["model"] == "fusion")
    values = [made_up_value(f"made_up-fusion-{seed}", "test", name, "f1", "") for name in captures for seed in SEEDS]
    assert fusion["mean_difference"] == pytest.approx(sum(values) / 10 - strength[strongest])


def test_a_constant_is_no_baseline_to_be_compared_with(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", seeds=SEEDS)
    for model in CONSTANTS:
        add_baseline(tmp_path / "lake", model, model, None)
    assert rows_of(tmp_path / "lake", "comparisons", tmp_path / "data") == []
    add_baseline(tmp_path / "lake", "rules", "habit", None)
    found = rows_of(tmp_path / "lake", "comparisons", tmp_path / "data2")
    assert {row["reference_model"] for row in found} == {"habit"}
    assert not {row["model"] for row in found} & set(CONSTANTS)


def test_without_a_baseline_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", seeds=SEEDS)
    assert rows_of(tmp_path / "lake", "comparisons", tmp_path / "data") == []
