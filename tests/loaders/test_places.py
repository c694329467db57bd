"""Of each place that was measured the newest evaluation there counts, wherever a number of it is shown."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.append import append
from lake.compact import compact
from lake.read import open_lake, query
from lake.schema import METRICS
from lake.snapshot import take_snapshot
from lake.table import Row
from loaders.__main__ import main
from loaders.ask import ask
from loaders.build import build_data
from loaders.results import results_page
from tests.lake.rows import metric_row
from tests.lake_fixture import START, add_run

SETTINGS = {"name": "places", "window": {"size": 100}}
VALUES = {0: 0.90, 1: 0.91, 2: 0.92}


def evaluation(
    root: Path, run_id: str, models: dict[str, float], hours: float = 1, metrics: tuple[str, ...] = ("f1",),
    **place: Any,
) -> None:  # fmt: skip
    """A complete evaluation that measured each model at one place."""
    add_run(root, run_id, "evaluate", 0, SETTINGS, started_at=START + timedelta(hours=hours))
    rows: list[Row] = [
        metric_row(**{"model_run_id": model, "dataset": "A", "metric": metric, "value": value, **place})
        for model, value in models.items()
        for metric in metrics
    ]
    append(root, METRICS, run_id, "metrics", rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three seeds of a model, measured on the dataset A."""
    root = tmp_path / "lake"
    for seed, value in VALUES.items():
        add_run(root, f"m-{seed}", "gat_student", seed, SETTINGS, "gat", "student")
        evaluation(root, f"first-{seed}", {f"m-{seed}": value}, metrics=("f1", "auroc"))
    return root


def board(root: Path, **asked: Any) -> list[tuple[Any, ...]]:
    """Of the one model: dataset, protocol, seeds, mean."""
    with open_lake(root) as lake:
        rows = ask(lake, "leaderboard", {"protocol": "all", **asked}).dicts
    return [(row["dataset"], row["protocol"], row["seeds"], row["mean"]) for row in rows]


def published(root: Path, out: Path) -> list[tuple[Any, ...]]:
    build_data(root, take_snapshot(root), out)
    sql = f"SELECT dataset, protocol, seeds, round(f1, 12) FROM '{out}/leaderboard.parquet' WHERE split = 'test'"
    return duckdb.sql(f"{sql} AND f1 IS NOT NULL ORDER BY ALL").fetchall()


@pytest.mark.parametrize(
    ("place", "others"),
    [
        ({"dataset": "B"}, [("B", None, [0], 0.5)]),
        ({"split": "validation"}, []),
        ({"protocol": "zero-shot"}, [("A", "zero-shot", [0], 0.5)]),
        ({"protocol": "calibrated", "calibration_s": 10.0}, [("A", "calibrated", [0], 0.5)]),
        ({"capture": "known vehicles"}, None),
    ],
)
def test_an_evaluation_elsewhere_takes_no_seed_away(
    root: Path, tmp_path: Path, place: Row, others: list[tuple[Any, ...]] | None
) -> None:
    evaluation(root, "later", {"m-0": 0.5}, hours=2, **place)
    captures = {"captures": "all"} if others is None else {}
    assert sorted(board(root, **captures), key=str) == sorted([("A", None, [0, 1, 2], 0.91), *(others or [])], key=str)
    shown = [row for row in published(root, tmp_path / "data") if row[2] == "0, 1, 2"]
    assert shown == [("A", None, "0, 1, 2", 0.91)]
    compact(root)
    assert ("A", None, [0, 1, 2], 0.91) in board(root, **captures), "from the file that compaction keeps"


def test_metrics_of_two_evaluations_are_never_mixed_at_one_place(root: Path) -> None:
    evaluation(root, "later", {"m-0": 0.5}, hours=2)
    assert board(root) == [("A", None, [0, 1, 2], round((0.5 + 0.91 + 0.92) / 3, 12))]
    with open_lake(root) as lake:
        (row,) = ask(lake, "leaderboard", {"metric": "auroc"}).dicts
    assert row["seeds"] == [1, 2], "the newest evaluation of seed 0 measured no AUROC"


def test_a_repeated_run_without_an_evaluation_hides_nothing_and_counts_where_it_has_one(root: Path) -> None:
    evaluation(root, "elsewhere", {"m-0": 0.7}, protocol="zero-shot")
    add_run(root, "m-0-again", "gat_student", 0, SETTINGS, "gat", "student", started_at=START + timedelta(days=1))
    assert board(root) == [("A", "zero-shot", [0], 0.7), ("A", None, [0, 1, 2], 0.91)]
    evaluation(root, "again", {"m-0-again": 0.6}, hours=0.5)
    assert board(root) == [("A", "zero-shot", [0], 0.7), ("A", None, [0, 1, 2], 0.81)]


def test_two_runs_are_told_apart_at_every_place_they_were_measured(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for dataset, value in (("B", 0.5), ("C", 0.4)):
        evaluation(root, f"later-{dataset}", {"m-0": value}, hours=2, dataset=dataset)
    assert main(["analytics", "diff", "m-0", "m-1", "--lake", str(root), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["metrics"]
    found = {row["dataset"]: (row["a"], row["b"]) for row in rows if row["metric"] == "f1"}
    assert found == {"A": (0.9, 0.91), "B": (0.5, None), "C": (0.4, None)}


def test_models_are_compared_on_each_dataset_by_itself(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in VALUES:
        add_run(root, f"t-{seed}", "gat_teacher", seed, SETTINGS, "gat", "teacher")
        for dataset in ("A", "B"):
            place = {"dataset": dataset, "capture": "dos", "vehicle": "car"}
            models = {f"m-{seed}": 0.8 if dataset == "A" else 0.6, f"t-{seed}": 0.7}
            evaluation(root, f"dos-{dataset}-{seed}", models, hours=2, **place)
    asked = ["analytics", "compare", "gat-student", "gat-teacher", "--lake", str(root)]
    assert main([*asked, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["dataset"], row["n"], round(row["mean_difference"], 9)) for row in rows] == [
        ("A", 3, 0.1), ("B", 3, -0.1),
    ]  # fmt: skip


def test_the_page_of_results_takes_no_evaluation_for_another_seed(root: Path) -> None:
    place = {"capture": "dos", "vehicle": "car", "protocol": "known vehicle"}
    for hours, value in ((2, 0.25), (3, 0.75)):
        evaluation(root, f"known-{hours}", {"m-0": value}, hours, ("f1", "fpr", "auroc"), **place)
    page = results_page(root, take_snapshot(root), "")
    assert "| dos | 3/7 | 0.750 / 0.750 / 0.750 |" in page


def test_rows_that_an_older_query_gave_are_not_taken_for_todays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update of the code must not leave a compacted lake with the answers of the former one."""
    import lake.results as module

    monkeypatch.setattr(module, "_QUERY", "0" * 8)
    monkeypatch.setattr(module, "SQL", f"SELECT * REPLACE (0.0 AS value) FROM ({module.SQL})")
    compact(root)
    assert query(root, "SELECT max(value) AS most FROM results").to_pylist() == [{"most": 0.0}]
    monkeypatch.undo()
    assert board(root) == [("A", None, [0, 1, 2], 0.91)]
