"""The page of results says what the lake holds: values, intervals, runs; and is the same each time it is made."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.read import open_lake, query
from lake.snapshot import take_snapshot
from loaders import comparisons
from loaders.__main__ import main
from loaders.result_evidence import teachers
from loaders.results import results_page
from loaders.values import Values
from tests.lake_fixture import START, add_evaluation, add_run, made_up_lake

SEEDS = (1, 2, 3, 4, 5)
PROTOCOLS = (("known vehicle", None), ("calibrated", 10.0), ("zero-shot", None))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    made_up_lake(root, seeds=SEEDS)
    for seed in SEEDS:
        later = START + timedelta(hours=2)  # the newest evaluation counts
        add_evaluation(
            root, f"made_up-protocols-{seed}", seed, {}, protocols=PROTOCOLS, salt=str(seed), started_at=later
        )
    return root


def test_every_capture_and_every_run_stands_on_the_page(lake: Path) -> None:
    page = results_page(lake, take_snapshot(lake), "What a person has to say.")
    assert "What a person has to say." in page
    captures = query(lake, "SELECT DISTINCT capture FROM metrics WHERE split = 'test' AND protocol IS NOT NULL")
    for row in captures.to_pylist():
        assert row["capture"] in page
    for row in query(lake, "SELECT run_id FROM runs WHERE status = 'complete'").to_pylist():
        assert row["run_id"] in page


def test_a_cell_is_the_mean_over_seeds_with_its_interval(lake: Path) -> None:
    sql = (
        "SELECT avg(value) AS mean FROM metrics JOIN runs ON runs.run_id = model_run_id WHERE metric = 'f1' AND "
        "split = 'test' AND protocol = 'zero-shot' AND capture = 'test/known-dos' AND stage = 'fusion'"
    )
    mean = query(lake, sql).to_pylist()[0]["mean"]
    page = results_page(lake, take_snapshot(lake), "")
    (row,) = [line for line in page.partition("## P3")[2].partition("\n## ")[0].splitlines() if "known-dos" in line]
    assert f"{mean:.3f} [" in row


def test_the_evidence_is_that_of_the_published_comparisons(lake: Path) -> None:
    """The same numbers as the table that the dashboard reads, which is worked out from the lake on its own."""
    for baseline in ("habit", "gbdt"):
        add_run(lake, baseline, "baseline", None, {}, baseline, "baseline")
        add_evaluation(lake, f"evaluate-{baseline}", 0, {}, models=[baseline], protocols=PROTOCOLS)
    snapshot = take_snapshot(lake)
    with open_lake(lake, snapshot) as connection:
        compared = comparisons.load(connection).to_pylist()
    (expected,) = [
        row
        for row in compared
        if (row["protocol"], row["metric"], row["model"], row["role"]) == ("zero-shot", "f1", "fusion", "student")
    ]
    text = results_page(lake, snapshot, "").partition("## Against the strongest baseline")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| P3")]
    found = next(row for row in rows if (row[1], row[2], row[3]) == ("F1", _baseline(expected), "fused student"))
    assert int(found[4]) == expected["n"]
    assert float(found[5].split()[0]) == pytest.approx(expected["mean_difference"], abs=5e-5)
    assert found[8] == expected["verdict"]


def _baseline(row: Mapping[str, Any]) -> str:
    return str(row["reference_model"]).replace("_", " ")


def test_students_are_counted_where_they_are_as_near_to_their_teachers_as_they_should_be() -> None:
    def row(stage: str, capture: str, metric: str, value: float | None) -> dict[str, Any]:
        role = "teacher" if stage.endswith("teacher") else "student"
        return {"variant": "", "role": role, "stage": stage, "protocol": "known vehicle", "capture": capture,
                "metric": metric, "value": value, "seed": 1}  # fmt: skip

    made_up = [("a", 0.99, 0.97, 0.006), ("b", 0.99, 0.99, 0.006), ("c", None, 0.5, 0.006), ("better", 0.9, 0.9, -0.3)]
    rows = [
        row(stage, capture, metric, value if stage.endswith("student") else (value and value + more))
        for capture, auroc, f1, more in made_up
        for stage in ("gat_student", "gat_teacher")
        for metric, value in (("auroc", auroc), ("f1", f1))
    ]
    page = teachers(Values(rows))
    assert "GAT: at most 0.005 AUROC below its teacher on 1 of 3 captures, at most 0.01 F1 below on 4 of 4" in page


def test_what_is_not_applicable_is_a_dash_and_what_was_not_measured_is_empty() -> None:
    values = Values([{"metric": "f1", "value": None}, {"metric": "fpr", "value": 0.25}])
    assert values.shown("f1") == "–"
    assert values.shown("fpr") == "0.250"
    assert values.shown("auroc") == ""


def test_the_command_writes_the_page_whole(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take_snapshot(lake)
    out = tmp_path / "results.md"
    for _ in range(2):
        assert main(["results", "--from", str(lake.parent), "--out", str(out)]) == 0
        assert capsys.readouterr().out.strip() == str(out)
    assert out.read_text() == results_page(lake, take_snapshot(lake), "")


def test_without_what_was_kept_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "--from", str(tmp_path / "nowhere"), "--out", str(tmp_path / "x.md")]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "x.md").exists()
