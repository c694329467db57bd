"""The project's own earlier results, where they are here: every one of their rows imported or refused by name."""

from pathlib import Path

import pytest

from lake.check import verify
from pipeline.legacy.plan import Plan
from tests.pipeline.legacy.stores import SHARED, Importing

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="../shared/data/legacy is not here: earlier results not read"
)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Importing, Plan]:
    importing = Importing(tmp_path_factory.mktemp("real") / "lake")
    return importing, importing.execute(SHARED)


def test_every_row_is_accounted_for(imported: tuple[Importing, Plan]) -> None:
    _, plan = imported
    counts = {
        (found.kind, one.source): (one.there, one.imported, one.refused)
        for found in plan.found
        for one in found.accounts
    }
    assert counts == {
        ("tracker", "runs"): (71, 71, 0), ("tracker", "metrics"): (3_915, 3_915, 0), ("tracker", "datasets"): (6, 6, 0),
        ("reports", "runs.parquet"): (72, 72, 0), ("reports", "metrics.parquet"): (54 * 11, 54 * 11, 0),
        ("reports", "training_curves.parquet"): (18_290, 18_158, 132),
        ("reports", "embeddings.parquet"): (71_238, 71_238, 0),
        ("reports", "dqn_policy.parquet"): (436_326, 436_326, 0),
        ("reports", "recon_errors.parquet"): (478_740, 478_740, 0),
        ("reports", "attention_weights.parquet"): (2_400, 2_400, 0),
        ("reports", "cka_similarity.parquet"): (36, 36, 0), ("reports", "graph_samples.json"): (18, 18, 0),
        ("reports", "model_sizes.json"): (6, 6, 0), ("reports", "datasets.parquet"): (6, 6, 0),
    }  # fmt: skip


def test_the_lake_holds_as_many_rows_as_were_imported(imported: tuple[Importing, Plan]) -> None:
    importing, _ = imported
    tables = {
        "epochs": 18_158, "embeddings": 71_238, "policy": 436_326, "reconstruction_errors": 478_740,
        "attention": 2_400, "similarity": 36, "sample_graphs": 18, "runs": 71 + 6 + 72 + 6,
        "metrics": (3_915 - 225) + 54 * 10,  # n_samples is the others' n
    }  # fmt: skip
    assert {name: importing.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in tables} == tables
    assert verify(importing.lake) == []


def test_the_counts_of_attacks_are_those_of_the_exported_labels(imported: tuple[Importing, Plan]) -> None:
    importing, _ = imported
    rows = importing.rows(
        "SELECT DISTINCT m.run_id, n, n_attack, windows, attacks FROM metrics m JOIN (SELECT run_id, count(*) windows, "
        "sum(label) AS attacks FROM reconstruction_errors GROUP BY run_id) e ON m.run_id = e.run_id "
        "WHERE m.model_run_id LIKE '%vgae%'"
    )
    assert len(rows) == 18
    assert all((row["n"], row["n_attack"]) == (row["windows"], row["attacks"]) for row in rows)


def test_known_values_stand_where_they_belong(imported: tuple[Importing, Plan]) -> None:
    importing, _ = imported
    sql = (
        "SELECT round(value, 3) AS value, n, n_attack FROM metrics WHERE metric = 'auroc' AND split = 'test' "
        "AND capture = 'test_04_unknown_vehicle_unknown_attack' "
        "AND run_id = 'legacy-tracker-hcrl_sa.teacher_evaluation' "
        "AND model_run_id = 'legacy-tracker-hcrl_sa.teacher_curriculum'"
    )
    ((row),) = importing.rows(sql)
    assert (row["value"], row["n"]) == (0.997, 797)
    odd = importing.run("legacy-tracker-hcrl_sa.vgae_large_autoencoder")
    assert (odd["role"], odd["stage"], odd["status"]) == ("teacher", "vgae_teacher", "unknown")


def test_no_imported_run_lacks_its_origin_and_defects(imported: tuple[Importing, Plan]) -> None:
    importing, plan = imported
    rows = importing.rows("SELECT count(*) AS n FROM runs WHERE origin IS NULL OR defects IS NULL OR is_demo")
    assert rows == [{"n": 0}]
    origins = {row["origin"] for row in importing.rows("SELECT DISTINCT origin FROM runs")}
    assert origins == {found.origin for found in plan.found}


def test_a_second_import_finds_nothing_to_do(imported: tuple[Importing, Plan]) -> None:
    importing, _ = imported
    assert importing.plan(Path(SHARED)).is_done
