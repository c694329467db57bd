"""An MLflow store, as MLflow itself wrote it."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.legacy.found import Wishes
from tests.pipeline.legacy.stores import MLFLOW_SQL, Importing, refusals

TEACHER = "legacy-mlflow-05af35b5528247e89b6326328a0463f8"
STUDENT = "legacy-mlflow-b478e3e57b7640448883c2a5783b019d"
RUNNING = "legacy-mlflow-60609e0e56744ba4ba11e6701f2cf2b2"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(MLFLOW_SQL.read_text())
    connection.close()
    return path


def test_runs_have_their_stage_status_times_and_teacher(store: Path, importing: Importing) -> None:
    importing.execute(store)
    statuses = {row["run_id"]: (row["stage"], row["status"]) for row in importing.rows("SELECT * FROM runs")}
    assert statuses == {
        TEACHER: ("gat_teacher", "complete"), STUDENT: ("gat_student", "failed"), RUNNING: ("vgae_teacher", "unknown"),
    }  # fmt: skip
    student = importing.run(STUDENT)
    assert student["teacher_run_id"] == TEACHER
    assert student["started_at"] == datetime(2026, 11, 21, 21, 22, 30, 478_000, tzinfo=UTC)
    assert student["seed"] == 42
    assert student["origin"].startswith("MLflow store mlflow.db, sha256 ")
    assert json.loads(student["config_json"])["params"] == {"lr": "0.001", "seed": "42"}
    assert "the source says 'RUNNING'" in importing.run(RUNNING)["reason"]


def test_the_history_becomes_curves(store: Path, importing: Importing) -> None:
    importing.execute(store)
    rows = importing.rows(f"SELECT epoch, value FROM epochs WHERE run_id = '{TEACHER}' AND metric = 'auroc' ORDER BY 1")
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert rows[-1]["value"] == 0.8600000000000001
    assert "epoch is the logged step" in importing.run(TEACHER)["reason"]


def test_what_cannot_be_imported_is_refused_by_name(store: Path, importing: Importing) -> None:
    plan = importing.execute(store)
    lines = refusals(plan)
    assert any("step 1 val_auc: auroc is 1.2, outside [0, 1]" in line for line in lines)
    assert any("step 2 val_loss: value is nan" in line for line in lines)
    assert any("'set_01/student_autoencoder': it was deleted in MLflow" in line for line in lines)
    assert any("'notes': it does not say its dataset; give --dataset" in line for line in lines)
    assert sum("step" in line and " f1: " in line and "--split" in line for line in lines) == 4
    counts = {one.source: (one.there, one.imported, one.refused) for one in plan.found[0].accounts}
    assert counts == {"runs": (5, 3, 2), "metrics": (31, 23, 8)}


def test_an_infinity_which_mlflow_keeps_as_its_largest_number_is_refused(store: Path, importing: Importing) -> None:
    lines = refusals(importing.plan(store, Wishes(dataset="set_01", stage="gat_teacher")))
    assert any("'notes' step 0 val_loss: value is inf" in line for line in lines)


def test_a_latest_value_that_the_history_lacks_is_imported(store: Path, importing: Importing) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("DELETE FROM metrics WHERE key = 'val_auc' AND step = 3")
    connection.close()
    importing.execute(store)
    rows = importing.rows(f"SELECT value FROM epochs WHERE run_id = '{TEACHER}' AND metric = 'auroc' AND epoch = 3")
    assert rows == [{"value": 0.8600000000000001}]


def test_a_logged_epoch_takes_the_place_of_the_step(store: Path, importing: Importing) -> None:
    own = TEACHER.removeprefix("legacy-mlflow-")
    with sqlite3.connect(store) as connection:
        for step in range(4):
            connection.execute("INSERT INTO metrics VALUES ('epoch', ?, 1, ?, ?, 0)", (10.0 + step, own, step))
    connection.close()
    importing.execute(store)
    rows = importing.rows(f"SELECT DISTINCT epoch FROM epochs WHERE run_id = '{TEACHER}' ORDER BY 1")
    assert [row["epoch"] for row in rows] == [10, 11, 12, 13]
    assert "epoch is the logged step" not in importing.run(TEACHER)["reason"]


def test_a_teacher_whose_name_two_runs_have_is_not_guessed(store: Path, importing: Importing) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE runs SET name = 'set_01/teacher_curriculum' WHERE run_uuid LIKE '60609%'")
    connection.close()
    importing.execute(store)
    student = importing.run(STUDENT)
    assert student["teacher_run_id"] is None
    assert "its teacher 'set_01/teacher_curriculum' is the name of 2 runs." in student["reason"]
