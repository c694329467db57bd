"""Imported results never mix with this pipeline's own: of the site's files one has them, and no other."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.append import append
from lake.read import open_lake
from lake.schema import TABLES
from lake.snapshot import take_snapshot
from loaders.ask import ask
from loaders.build import LOADERS, build_data
from loaders.results import results_page
from tests.loaders.rich_lake import DEFECTS, ORIGIN, rich_lake


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With rows of the imported runs in every table that the site publishes."""
    root = rich_lake(tmp_path_factory.mktemp("legacy") / "lake")
    append(root, TABLES["epochs"], "legacy-gat", "imported", [
        {"attempt": 1, "epoch": 0, "split": "train", "metric": "loss", "value": 1.0}
    ])  # fmt: skip
    append(root, TABLES["artifacts"], "legacy-gat", "imported", [
        {"name": "weights", "kind": "checkpoint", "sha256": "2" * 64, "size_bytes": 1}
    ])  # fmt: skip
    append(root, TABLES["splits"], "legacy-gat", "imported", [
        {"capture": "c", "split": "train", "windows": 1_000_000, "attack_windows": 0}
    ])  # fmt: skip
    build_data(root, take_snapshot(root), root.parent / "data")
    return root


def rows_of(root: Path, name: str) -> list[dict[str, Any]]:
    return duckdb.sql(f"SELECT * FROM '{root.parent}/data/{name}.parquet'").to_arrow_table().to_pylist()


@pytest.mark.parametrize("name", LOADERS)
def test_imported_rows_are_in_their_own_file_alone(root: Path, name: str) -> None:
    text = str(rows_of(root, name))
    assert ("legacy-" in text) == (name == "legacy_results")
    assert "'earlier'" not in text or name == "legacy_results"


def test_each_imported_row_carries_origin_and_defects(root: Path) -> None:
    rows = rows_of(root, "legacy_results")
    assert [(row["model"], row["role"], row["seed"], row["capture"]) for row in rows] == [
        ("gat", "student", 42, "known vehicles"), ("gat", "student", 42, "test/known-dos"),
    ]  # fmt: skip
    assert {(row["origin"], row["defects"], row["model_defects"]) for row in rows} == {(ORIGIN, DEFECTS, DEFECTS)}
    assert all(row["f1"] >= 0.99 and row["precision"] is None for row in rows)


def test_counts_of_the_snapshot_are_of_own_runs(root: Path) -> None:
    (row,) = rows_of(root, "overview")
    with open_lake(root) as lake:
        own = lake.sql("SELECT count(*) FROM runs WHERE origin IS NULL").fetchall()[0][0]
    assert (row["runs"], row["experiments"], row["windows_train"]) == (own, "made_up", 460)


def test_nobody_outside_learns_where_a_run_ran(root: Path) -> None:
    assert not {"host", "process_id"} & {*rows_of(root, "runs")[0]}


def test_the_page_of_results_has_none(root: Path) -> None:
    page = results_page(root, take_snapshot(root), "")
    assert "legacy" not in page
    assert "earlier" not in page


@pytest.mark.parametrize(("origin", "names"), [("own", {None}), ("legacy", {ORIGIN}), ("all", {None, ORIGIN})])
def test_a_leaderboard_has_imported_rows_only_where_asked_and_as_rows_of_their_own(
    root: Path, origin: str, names: set[str | None]
) -> None:
    with open_lake(root) as lake:
        rows = ask(lake, "leaderboard", {"origin": origin, "protocol": "all", "captures": "pooled"}).dicts
    assert {row["origin"] for row in rows} == names
    for row in rows:
        imported = [run.startswith("legacy-") for run in row["model_run_ids"]]
        assert set(imported) == {row["origin"] is not None}
