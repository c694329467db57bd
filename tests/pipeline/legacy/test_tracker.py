"""The lab's SQLite tracker: runs, roles, teachers, metrics; what is refused and what is read of a store in use."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lake.files import sha256_of
from lake.snapshot import take_snapshot
from pipeline.legacy.errors import MigrateError
from tests.pipeline.legacy.stores import PERFECT, RATES, Importing, make_tracker, refusals

EVALUATION = "legacy-tracker-set_01.teacher_evaluation"


def test_every_run_gets_its_stage_role_origin_and_defects(tmp_path: Path, importing: Importing) -> None:
    path = make_tracker(tmp_path / "project.db")
    importing.execute(path)
    found = {row["run_id"]: (row["stage"], row["role"]) for row in importing.rows("SELECT * FROM runs")}
    assert found["legacy-tracker-set_01.teacher_autoencoder"] == ("vgae_teacher", "teacher")
    assert found["legacy-tracker-set_01.vgae_large_autoencoder"] == ("vgae_teacher", "teacher")
    assert found["legacy-tracker-set_01.student_curriculum_kd"] == ("gat_student", "student")
    assert found["legacy-tracker-set_01.student_fusion_kd"] == ("fusion", "student")
    assert found[EVALUATION] == ("evaluate", "teacher")
    assert found["legacy-tracker-set_01.dataset"] == ("prepare", None)
    rows = importing.rows("SELECT origin, defects, experiment, is_demo FROM runs")
    assert len(rows) == 10
    assert {row["origin"] for row in rows} == {f"DQN-Fusion tracker project.db, sha256 {sha256_of(path)}"}
    assert {row["experiment"] for row in rows} == {"legacy-tracker"}
    assert all(row["defects"] for row in rows)


def test_defects_are_those_of_the_run_and_no_others(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    of_evaluation = importing.run(EVALUATION)["defects"]
    assert "first 30,000 windows" in of_evaluation
    assert "alpha > 0.5" in of_evaluation
    assert "last epoch" in of_evaluation
    assert "neighbourhood decoder" not in of_evaluation, "the tracker has no embeddings"
    of_vgae = importing.run("legacy-tracker-set_01.teacher_autoencoder")["defects"]
    assert "trained on benign and attack windows" in of_vgae
    assert "alpha > 0.5" not in of_vgae


def test_a_status_that_says_no_end_is_unknown_with_the_reason(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    running = importing.run("legacy-tracker-set_01.vgae_large_autoencoder")
    assert running["status"] == "unknown"
    assert "the source says 'running'" in running["reason"]
    assert running["started_at"] == datetime(2026, 2, 13, 18, 37, 17, tzinfo=UTC)
    assert importing.run("legacy-tracker-set_01.student_evaluation")["status"] == "unknown"
    assert importing.run(EVALUATION)["status"] == "complete"


def test_a_start_that_is_not_recorded_is_put_in_and_said(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    run = importing.run(EVALUATION)
    assert run["started_at"] == datetime(2026, 2, 13, 18, 37, 17, tzinfo=UTC)
    assert "no start is recorded: started_at is the newest date in the store." in run["reason"]
    assert run["finished_at"] is None


def test_a_student_names_its_teacher_where_the_store_has_it(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    student = importing.run("legacy-tracker-set_01.student_curriculum_kd")
    assert student["teacher_run_id"] == "legacy-tracker-set_01.teacher_curriculum"
    (row,) = importing.rows("SELECT parent_run_id FROM lineage WHERE relation = 'distilled_from'")
    assert row["parent_run_id"] == student["teacher_run_id"]
    orphan = importing.run("legacy-tracker-set_01.student_fusion_kd")
    assert orphan["teacher_run_id"] is None
    assert "its teacher 'set_09/teacher_fusion' is not in the store." in orphan["reason"]


def test_metrics_keep_their_value_under_our_name_or_their_own(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    rows = importing.rows("SELECT * FROM metrics WHERE split = 'validation' AND model_run_id LIKE '%autoencoder'")
    assert {row["metric"]: row["value"] for row in rows} == {
        "accuracy": 0.9, "recall": 0.75, "fpr": 0.0625, "precision": 0.75, "auroc": 0.95, "kappa": 0.7,
    }  # fmt: skip
    assert {(row["n"], row["n_attack"], row["run_id"]) for row in rows} == {(100, 20, EVALUATION)}


def test_attacks_of_a_model_that_is_always_right_are_those_its_neighbour_saw(
    tmp_path: Path, importing: Importing
) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    rows = importing.rows("SELECT n_attack FROM metrics WHERE split = 'validation' AND model_run_id LIKE '%curriculum'")
    assert [row["n_attack"] for row in rows] == [20] * 6


def test_scenarios_are_captures_with_what_their_names_say(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    rows = importing.rows(
        "SELECT DISTINCT capture, vehicle, attack, is_known_vehicle FROM metrics WHERE split = 'test' ORDER BY capture"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("test_01_gear_spoofing", "all", "gear spoofing", None),
        ("test_02_unknown_vehicle_known_attack", "unknown vehicle", "known attack", False),
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"f1": 1.2}, "f1 is 1.2, outside [0, 1]"),
        ({"kappa": -3.0}, "kappa is -3.0, outside [-1, 1]"),
        ({"specificity": 7.0}, "specificity is 7.0, outside [0, 1]"),
        ({"mcc": "much"}, "value is 'much', no number"),
        ({"mcc": float("inf")}, "value is inf; only finite numbers are kept"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_and_the_rest_imported(
    wrong: dict[str, object], said: str, tmp_path: Path, importing: Importing
) -> None:
    key = ("set_01/teacher_evaluation", "vgae", "val")
    plan = importing.execute(make_tracker(tmp_path / "project.db", {key: {**RATES, **wrong}}))
    (line,) = refusals(plan)
    (name,) = wrong
    assert line.startswith(f"metrics: set_01/teacher_evaluation vgae val {name}: ")
    assert said in line
    kept = len({**RATES, **wrong}) - 2  # n_samples is a column, and the wrong one is refused
    assert importing.rows("SELECT count(*) AS n FROM metrics") == [{"n": kept}]


def test_counts_that_cannot_be_told_refuse_the_rows(tmp_path: Path, importing: Importing) -> None:
    key = ("set_01/teacher_evaluation", "gat", "val")
    plan = importing.plan(make_tracker(tmp_path / "project.db", {key: PERFECT}))
    assert len(refusals(plan)) == len(PERFECT)
    assert "how many of the windows were attacks cannot be told" in refusals(plan)[0]


def test_an_evaluation_of_nothing_but_zeros_is_refused(tmp_path: Path, importing: Importing) -> None:
    zeros = dict.fromkeys(("f1", "mcc", "recall", "precision", "auc", "pr_auc"), 0.0)
    key = ("set_01/teacher_evaluation", "vgae", "val")
    other = {**RATES, "n_samples": 100.0}
    metrics = {key: {**zeros, "n_samples": 100.0}, (key[0], "gat", "val"): other}
    plan = importing.plan(make_tracker(tmp_path / "project.db", metrics))
    assert sum("all values of this evaluation are 0" in line for line in refusals(plan)) == len(zeros)


def test_rows_in_a_writers_log_are_read_and_the_store_stays_as_it_was(tmp_path: Path, importing: Importing) -> None:
    path = make_tracker(tmp_path / "project.db")
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = wal")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE runs SET status = 'failed' WHERE run_id = 'set_01/teacher_fusion'")
    writer.commit()
    before = {file.name: file.read_bytes() for file in tmp_path.glob("project.db*") if "shm" not in file.name}
    importing.execute(path)
    assert importing.run("legacy-tracker-set_01.teacher_fusion")["status"] == "failed"
    assert {file.name: file.read_bytes() for file in tmp_path.glob("project.db*") if "shm" not in file.name} == before
    writer.close()


def test_a_locked_store_is_read_as_it_was_committed(tmp_path: Path, importing: Importing) -> None:
    path = make_tracker(tmp_path / "project.db")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    writer.execute("DELETE FROM runs")
    importing.execute(path)
    assert importing.rows("SELECT count(*) AS n FROM runs") == [{"n": 10}]
    writer.execute("ROLLBACK")
    writer.close()


@pytest.mark.parametrize("kept", [7, 40, 5_000, 10_000])
def test_a_store_that_is_cut_off_is_refused(kept: int, tmp_path: Path, importing: Importing) -> None:
    path = make_tracker(tmp_path / "project.db")
    assert path.stat().st_size > 10_000
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(MigrateError, match="damaged"):
        importing.plan(path)
    assert not importing.lake.exists()


def test_a_copy_of_the_store_is_known_again_and_another_one_refused_by_name(
    tmp_path: Path, importing: Importing
) -> None:
    importing.execute(make_tracker(tmp_path / "project.db"))
    snapshot = take_snapshot(importing.lake).snapshot_id
    grown = make_tracker(tmp_path / "other.db")
    with sqlite3.connect(grown) as connection:
        connection.execute("CREATE TABLE later (x)")  # other bytes, the same rows
    connection.close()
    assert importing.plan(grown).is_done
    with sqlite3.connect(grown) as connection:
        connection.execute("UPDATE metrics SET value = 0.5 WHERE metric_name = 'auc'")
    connection.close()
    plan = importing.plan(grown)
    (conflict,) = plan.conflicts
    assert conflict.startswith(f"run {EVALUATION} is in the lake with other metrics")
    with pytest.raises(MigrateError, match="--as NAME"):
        importing.execute(grown)
    assert take_snapshot(importing.lake).snapshot_id == snapshot
