import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from lake.files import sha256_of
from lake.snapshot import take_snapshot
from loaders.build import FOLDER, LOADERS, build_data, parts_since
from loaders.errors import SiteError
from tests.lake_fixture import METRICS, START, TRAINED, add_evaluation, add_run, made_up_lake, made_up_value

SETTINGS = {"name": "made_up", "seeds": [42, 43], "window": {"size": 100, "stride": 100}}


def leaderboard(out: Path, where: str = "split = 'test' AND capture = 'all'") -> list[dict[str, Any]]:
    rows = duckdb.sql(f"SELECT * FROM '{out}/leaderboard.parquet' WHERE {where} ORDER BY model, role")
    return rows.to_arrow_table().to_pylist()


def test_each_loader_has_one_source_and_each_source_a_loader() -> None:
    written = {path.stem for path in FOLDER.glob("*.sql")}
    in_python = {path.stem for path in FOLDER.glob("*.py") if "\ndef load(" in path.read_text()}
    assert written | in_python == set(LOADERS)
    assert written & in_python == set()


def test_manifest_names_each_file_as_it_is(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    assert manifest["snapshot"]["id"] == snapshot.snapshot_id
    assert manifest["snapshot"]["created_at"] == snapshot.created_at
    assert manifest["is_demo"] is True
    assert set(manifest["files"]) == set(LOADERS)
    for name, file in manifest["files"].items():
        path = tmp_path / "data" / file["path"]
        table = pq.read_table(path)
        assert (file["sha256"], file["bytes"], file["rows"]) == (sha256_of(path), path.stat().st_size, table.num_rows)
        assert [column["name"] for column in file["columns"]] == table.column_names
        assert file["loader"] in (f"loaders/{name}.sql", f"loaders/{name}.py")
        assert file["loader_sha256"] == sha256_of(FOLDER.parent / file["loader"])


def test_files_are_zstd_and_name_the_snapshot(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    for path in (tmp_path / "data").glob("*.parquet"):
        metadata = pq.read_metadata(path)
        assert metadata.metadata[b"kdgat.snapshot"].decode() == snapshot.snapshot_id
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        codecs = {group.column(index).compression for group in groups for index in range(group.num_columns)}
        assert codecs <= {"ZSTD"}


def test_the_same_snapshot_gives_the_same_bytes(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    once = build_data(tmp_path / "lake", snapshot, tmp_path / "one")
    again = build_data(tmp_path / "lake", snapshot, tmp_path / "two")
    assert once == again


def test_a_snapshot_shows_what_the_lake_held_then(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    add_evaluation(tmp_path / "lake", "later", 42, SETTINGS, started_at=START + timedelta(hours=2), salt="later")
    build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    assert {row["evaluate_run_ids"] for row in leaderboard(tmp_path / "data")} == {"made_up-evaluate-42"}
    assert parts_since(tmp_path / "lake", snapshot) == 3


def test_leaderboard_is_the_mean_over_seeds(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake", seeds=(42, 43))
    build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    rows = leaderboard(tmp_path / "data")
    assert len(rows) == len(TRAINED)
    for row in rows:
        stage = next(stage for stage, model, role in TRAINED if (model, role) == (row["model"], row["role"]))
        for metric in set(METRICS) - {"fpr", "base_rate"}:
            values = [made_up_value(f"made_up-{stage}-{seed}", "test", "all", metric, "") for seed in (42, 43)]
            assert row[metric] == pytest.approx(sum(values) / 2, abs=1e-12)
        assert row["base_rate"] == pytest.approx(120 / 900)
        assert (row["n"], row["n_attack"], row["n_seeds"], row["seeds"]) == (900, 120, 2, "42, 43")
        assert row["model_run_ids"] == f"made_up-{stage}-42, made_up-{stage}-43"


def test_leaderboard_has_a_row_a_capture(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    known = {row["capture"]: row["is_known_vehicle"] for row in leaderboard(tmp_path / "data", "split = 'test'")}
    assert known == {
        "all": None,
        "known vehicles": True,
        "unknown vehicles": False,
        "test/known-dos": True,
        "test/known-fuzzing": True,
        "test/unknown-benign": False,
    }
    assert len(leaderboard(tmp_path / "data", "true")) == len(TRAINED) * 7


def test_a_metric_without_a_value_stays_without(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake")
    build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    for row in leaderboard(tmp_path / "data", "capture = 'test/unknown-benign'"):
        assert row["f1"] is None
        assert row["fpr"] is not None


def test_a_metric_that_one_seed_lacks_has_no_mean(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", seeds=(42, 43))
    later = START + timedelta(hours=2)
    add_evaluation(tmp_path / "lake", "later", 43, SETTINGS, started_at=later, without="auroc")
    build_data(tmp_path / "lake", take_snapshot(tmp_path / "lake"), tmp_path / "data")
    for row in leaderboard(tmp_path / "data"):
        assert row["auroc"] is None
        assert row["f1"] is not None


@pytest.mark.parametrize(("ended", "winner"), [(True, "later"), (False, "made_up-evaluate-42")])
def test_the_newest_evaluation_that_ended_wins(tmp_path: Path, ended: bool, winner: str) -> None:
    made_up_lake(tmp_path / "lake")
    later = START + timedelta(hours=2)
    add_evaluation(tmp_path / "lake", "later", 42, SETTINGS, started_at=later, salt="later", ended=ended)
    build_data(tmp_path / "lake", take_snapshot(tmp_path / "lake"), tmp_path / "data")
    assert {row["evaluate_run_ids"] for row in leaderboard(tmp_path / "data")} == {winner}
    assert {row["n_seeds"] for row in leaderboard(tmp_path / "data")} == {1}


def again(lake: Path, seed: int, settings: dict[str, Any], experiment_day: int) -> None:
    """The five models of a seed once more, with an evaluation of them."""
    for stage, model, role in TRAINED:
        started = START + timedelta(days=experiment_day)
        add_run(lake, f"made_up-{stage}-{seed}", stage, seed, settings, model, role, started_at=started)
    add_evaluation(lake, f"made_up-evaluate-{seed}", seed, settings, started_at=START + timedelta(days=experiment_day))


def test_runs_of_different_settings_are_not_averaged(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake", config={"train": {"epochs": 12}})
    again(tmp_path / "lake", 43, {**SETTINGS, "train": {"epochs": 99}}, 1)
    build_data(tmp_path / "lake", take_snapshot(tmp_path / "lake"), tmp_path / "data")
    rows = leaderboard(tmp_path / "data")
    assert len(rows) == 2 * len(TRAINED)
    assert {row["n_seeds"] for row in rows} == {1}
    assert len({row["configuration"] for row in rows}) == 2


def test_a_longer_list_of_seeds_is_the_same_experiment(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake")
    again(tmp_path / "lake", 43, {**SETTINGS, "repeat": 0}, 1)
    build_data(tmp_path / "lake", take_snapshot(tmp_path / "lake"), tmp_path / "data")
    assert {row["seeds"] for row in leaderboard(tmp_path / "data")} == {"42, 43"}


def test_curves_tell_of_runs_that_did_not_end(tmp_path: Path) -> None:
    made_up_lake(tmp_path / "lake")
    add_run(tmp_path / "lake", "made_up-killed-44", "gat_teacher", 44, SETTINGS, "gat", "teacher", status="interrupted")
    build_data(tmp_path / "lake", take_snapshot(tmp_path / "lake"), tmp_path / "data")
    overview = duckdb.sql(f"SELECT runs, runs_complete, runs_interrupted FROM '{tmp_path}/data/overview.parquet'")
    assert overview.fetchall() == [(8, 7, 1)]


def test_overview_counts_the_newest_data(tmp_path: Path) -> None:
    build_data(tmp_path / "lake", made_up_lake(tmp_path / "lake"), tmp_path / "data")
    row = duckdb.sql(f"SELECT * FROM '{tmp_path}/data/overview.parquet'").to_arrow_table().to_pylist()[0]
    counts = {name: row[name] for name in row if name.startswith(("captures", "frames", "windows_", "window_"))}
    assert counts == {
        "captures_train": 2, "captures_test": 3, "captures_duplicate": 1, "frames": 150_000,
        "windows_train": 460, "windows_validation": 120, "windows_test": 900, "windows_test_attack": 120,
        "windows_left_out": 20, "window_sizes": "100",
    }  # fmt: skip


def test_a_result_is_no_demo_when_no_run_is(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake", is_demo=False)
    assert build_data(tmp_path / "lake", snapshot, tmp_path / "data").is_demo is False


def test_without_a_complete_evaluation_nothing_is_published(tmp_path: Path) -> None:
    snapshot = made_up_lake(tmp_path / "lake", ended=False)
    with pytest.raises(SiteError, match=r"no complete evaluation.*6 complete, 1 running.*\./run train sample"):
        build_data(tmp_path / "lake", snapshot, tmp_path / "data")
    assert not (tmp_path / "data" / "manifest.json").exists()
