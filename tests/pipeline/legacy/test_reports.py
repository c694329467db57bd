"""The export's folder: every row imported or refused by name, each kind in its table."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.legacy.errors import MigrateError
from tests.pipeline.legacy.stores import Importing, make_reports, refusals, write_rows

OWN = "legacy-reports-set_01.eval_large_evaluation"
GAT = "legacy-reports-set_01.gat_large_curriculum"
VGAE = "legacy-reports-set_01.vgae_large_autoencoder"


def test_every_row_of_every_file_is_accounted_for(tmp_path: Path, importing: Importing) -> None:
    plan = importing.execute(make_reports(tmp_path / "reports"))
    accounts = plan.found[0].accounts
    assert {one.source: (one.there, one.imported, one.refused) for one in accounts} == {
        "runs.parquet": (4, 4, 0), "metrics.parquet": (14, 14, 0), "training_curves.parquet": (3, 2, 1),
        "embeddings.parquet": (8, 8, 0), "dqn_policy.parquet": (5, 5, 0), "recon_errors.parquet": (6, 6, 0),
        "attention_weights.parquet": (2, 2, 0), "cka_similarity.parquet": (1, 1, 0), "datasets.parquet": (1, 1, 0),
        "graph_samples.json": (1, 1, 0), "model_sizes.json": (1, 1, 0),
    }  # fmt: skip
    tables = ("runs", "metrics", "epochs", "embeddings", "policy", "reconstruction_errors", "attention", "similarity")
    counts = {name: importing.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in tables}
    assert counts == {
        "runs": 5, "metrics": 12, "epochs": 2, "embeddings": 8, "policy": 5, "reconstruction_errors": 6,
        "attention": 2, "similarity": 1,
    }  # fmt: skip


def test_rows_name_the_run_they_show(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_reports(tmp_path / "reports"))
    rows = importing.rows("SELECT DISTINCT run_id, model, model_run_id FROM embeddings ORDER BY model")
    assert [tuple(row.values()) for row in rows] == [(OWN, "gat", GAT), (OWN, "vgae", VGAE)]
    (row,) = importing.rows("SELECT layer, teacher_layer, teacher_run_id, cka FROM similarity")
    assert tuple(row.values()) == (1, 2, GAT, 0.8)
    (graph,) = importing.rows("SELECT run_id, nodes, edges FROM sample_graphs")
    assert tuple(graph.values()) == ("legacy-reports-set_01.dataset", 2, 1)


def test_the_folder_that_an_export_lies_in_says_nothing_about_its_rows(tmp_path: Path, importing: Importing) -> None:
    """DuckDB would take the name for a pattern, which another folder fits, and `x=5` for a column of each row."""
    make_reports(tmp_path / "x=5" / "reports2")
    importing.execute(make_reports(tmp_path / "x=5" / "reports?"))
    rows = importing.rows("SELECT x FROM embeddings WHERE model = 'gat' ORDER BY x")
    assert [row["x"] for row in rows] == [0.0, 1.0, 2.0, 3.0]


def test_windows_are_numbered_in_the_order_of_the_file(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_reports(tmp_path / "reports"))
    rows = importing.rows("SELECT window_index, x FROM embeddings WHERE model = 'gat' ORDER BY x")
    assert [tuple(row.values()) for row in rows] == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]


def test_of_a_value_logged_twice_in_an_epoch_the_last_is_kept_and_the_first_refused(
    tmp_path: Path, importing: Importing
) -> None:
    plan = importing.execute(make_reports(tmp_path / "reports"))
    assert importing.rows("SELECT value FROM epochs WHERE split = 'train'") == [{"value": 1.0}]
    (line,) = refusals(plan)
    assert line.startswith("training_curves.parquet: row 1, set_01/gat_large_curriculum epoch 0 train_loss: ")


def test_an_end_before_the_start_is_left_out_and_said(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_reports(tmp_path / "reports"))
    run = importing.run(VGAE)
    assert run["finished_at"] is None
    assert "its end is recorded as 2026-02-06T17:00:00+00:00, before its start" in run["reason"]
    assert importing.run(GAT)["finished_at"] == datetime(2026, 2, 7, 18, tzinfo=UTC)


def test_sizes_and_pictures_carry_their_defects(tmp_path: Path, importing: Importing) -> None:
    importing.execute(make_reports(tmp_path / "reports"))
    assert importing.run(GAT)["parameters"] == 311138
    assert "vocabulary of 30 IDs" in importing.run(GAT)["defects"]
    defects = importing.run(OWN)["defects"]
    assert "neighbourhood decoder" in defects
    assert "the same for every head" in defects


@pytest.mark.parametrize(
    ("file", "row", "said"),
    [
        ("recon_errors.parquet", {"error": float("nan"), "label": 0}, "error is nan; only finite numbers are kept"),
        ("recon_errors.parquet", {"error": -0.5, "label": 0}, "error is -0.5, below 0"),
        ("recon_errors.parquet", {"error": 0.5, "label": 2}, "label is 2, above 1"),
        ("recon_errors.parquet", {"error": None, "label": 0}, "error is missing or of another type"),
        ("dqn_policy.parquet", {"action_idx": 9, "alpha": 1.5}, "weight is 1.5, above 1"),
        ("dqn_policy.parquet", {"action_idx": -1, "alpha": 0.5}, "window_index is -1, below 0"),
    ],
)
def test_a_faulty_row_of_a_large_file_is_refused_by_number_and_the_rest_imported(
    file: str, row: dict[str, object], said: str, tmp_path: Path, importing: Importing
) -> None:
    folder = make_reports(tmp_path / "reports")
    run = {"run_id": "set_01/eval_large_evaluation"}
    good = {"error": 0.25, "label": 1, "action_idx": 0, "alpha": 0.5}
    write_rows(folder / file, [run | {name: good[name] for name in row}, run | row])
    plan = importing.execute(folder)
    assert f"{file}: row 1: {said}" in refusals(plan)
    table = {"recon_errors.parquet": "reconstruction_errors", "dqn_policy.parquet": "policy"}[file]
    assert importing.rows(f"SELECT count(*) AS n FROM {table}") == [{"n": 1}]


def test_two_alphas_of_one_sample_are_one_and_a_refusal(tmp_path: Path, importing: Importing) -> None:
    folder = make_reports(tmp_path / "reports")
    row = {"run_id": "set_01/eval_large_evaluation", "action_idx": 4}
    write_rows(folder / "dqn_policy.parquet", [{**row, "alpha": 0.1}, {**row, "alpha": 0.2}])
    plan = importing.execute(folder)
    assert "dqn_policy.parquet: row 1: the same key as a row before it" in refusals(plan)
    assert importing.rows("SELECT weight FROM policy") == [{"weight": 0.1}]


def test_rows_of_a_run_that_is_not_there_are_refused_by_its_name(tmp_path: Path, importing: Importing) -> None:
    folder = make_reports(tmp_path / "reports")
    write_rows(folder / "recon_errors.parquet", [{"run_id": "set_01/eval_small_evaluation", "error": 0.5, "label": 0}])
    plan = importing.execute(folder)
    said = "recon_errors.parquet: row 0: its run set_01/eval_small_evaluation is not in runs.parquet"
    assert said in refusals(plan)


def test_a_file_that_is_absent_or_foreign_is_said(tmp_path: Path, importing: Importing) -> None:
    folder = make_reports(tmp_path / "reports")
    (folder / "dqn_policy.parquet").unlink()
    (folder / "roc_curves.parquet").write_bytes(b"")
    notes = importing.plan(folder).found[0].notes
    assert "dqn_policy.parquet is not there; nothing of it is imported" in notes
    assert "roc_curves.parquet is no file of the export; it is left out" in notes


@pytest.mark.parametrize(
    "file", ["runs.parquet", "embeddings.parquet", "metrics.parquet", "graph_samples.json", "model_sizes.json"]
)
def test_a_file_that_is_cut_off_stops_the_import_by_name(file: str, tmp_path: Path, importing: Importing) -> None:
    folder = make_reports(tmp_path / "reports")
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MigrateError, match=rf"{file} cannot be read.*Give a whole copy"):
        importing.execute(folder)
    assert not importing.lake.exists()
