"""The page of results says what the lake holds: values, intervals, runs; and is the same each time it is made."""

from pathlib import Path

import pytest

from lake.read import query
from lake.snapshot import take_snapshot
from loaders.__main__ import main
from loaders.results import results_page
from loaders.values import Values
from tests.lake_fixture import add_evaluation, made_up_lake

SEEDS = (1, 2, 3, 4, 5)
PROTOCOLS = (("known vehicle", None), ("calibrated", 10.0), ("zero-shot", None))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    made_up_lake(root, seeds=SEEDS)
    for seed in SEEDS:
        add_evaluation(root, f"made_up-protocols-{seed}", seed, {}, protocols=PROTOCOLS, salt=str(seed))
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
