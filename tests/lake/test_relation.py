"""Files are read by their names, and a name says nothing about their rows."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.compact import compact
from lake.generation import packed_owners
from lake.journal import Journal
from lake.read import open_lake
from lake.relation import literal, parquet_of
from lake.schema import RUNS
from lake.snapshot import Snapshot, take_snapshot
from tests.lake.rows import run_row
from tests.lake_fixture import made_up_lake


def log_run(root: Path, run_id: str, seed: int) -> None:
    with Journal(root, run_id) as journal:
        journal.log({RUNS: [run_row(seed=seed)]})
        journal.log_epoch(0, "train", {"loss": 0.5})


def rows_of_all(root: Path, snapshot: Snapshot | None = None) -> list[tuple[Any, ...]]:
    with open_lake(root, snapshot) as lake:
        return lake.sql(
            "SELECT run_id, seed, metric, value FROM runs JOIN epochs USING (run_id) ORDER BY ALL"
        ).fetchall()  # fmt: skip


@pytest.mark.parametrize("folder", ["seed=5", "value=0", "run_id=run-b", "table=runs", "owner=run-b/parts=1"])
def test_a_folder_above_the_lake_is_no_column(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder / "lake"
    log_run(root, "run-a", 1)
    rows = [("run-a", 1, "loss", 0.5)]
    assert rows_of_all(root) == rows
    for number, seed in enumerate((2, 3)):
        compact(root)
        assert rows_of_all(root) == rows_of_all(root, take_snapshot(root)) == rows
        log_run(root, f"run-b{number}", seed)
        rows.append((f"run-b{number}", seed, "loss", 0.5))
    assert packed_owners(root, compact(root), "runs") == {"run-a", "run-b0", "run-b1"}
    shutil.move(root, tmp_path / "moved")
    assert rows_of_all(tmp_path / "moved") == rows


def test_the_kept_results_are_those_of_the_query_wherever_the_lake_lies(tmp_path: Path) -> None:
    answers = []
    for name in ("lake", "value=0/lake?"):
        made_up_lake(tmp_path / name, seeds=(1, 2))
        with open_lake(tmp_path / name) as lake:
            answers.append(lake.sql("SELECT * FROM results ORDER BY ALL").fetchall())
    assert answers[0] == answers[1] != []


@pytest.mark.parametrize(("name", "twin"), [("lake?", "lake2"), ("lake*", "lake-old"), ("lake[12]", "lake1")])
def test_a_lake_whose_name_looks_like_a_pattern_is_read_and_its_neighbour_is_not(
    tmp_path: Path, name: str, twin: str
) -> None:
    root = tmp_path / name
    log_run(root, "run-a", 1)
    generation = compact(root)
    shutil.copytree(root, tmp_path / twin)
    for path in (tmp_path / twin).rglob("*.parquet"):
        path.write_bytes(b"of another lake")
    assert rows_of_all(root) == rows_of_all(root, take_snapshot(root)) == [("run-a", 1, "loss", 0.5)]
    assert packed_owners(root, generation, "runs") == {"run-a"}


@pytest.mark.parametrize("name", ["*", "?", "[", "[a]", "[!a]", "**", "a]", "it's?", "{a,b}"])
def test_a_name_is_read_as_it_is_written(tmp_path: Path, name: str) -> None:
    for other in (name, "a", "b", "its2"):
        (tmp_path / other).mkdir()
        duckdb.sql(f"COPY (SELECT {len(other)} AS n) TO '{tmp_path}/n.parquet'")
        shutil.move(tmp_path / "n.parquet", tmp_path / other / "n.parquet")
    assert duckdb.execute(f"FROM {parquet_of([tmp_path / name / 'n.parquet'])}").fetchall() == [(len(name),)]
    assert literal("kdgat://objects/ab/cd") == "kdgat://objects/ab/cd"
