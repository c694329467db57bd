"""Variants stay apart from the experiment itself: in means, in what is compared at once, in what the data counts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.append import append
from lake.schema import TABLES
from lake.snapshot import take_snapshot
from lake.statistics import compare
from loaders.build import build_data
from tests.lake_fixture import START, add_evaluation, add_run, made_up_lake, made_up_value

SEEDS = (1, 2, 3, 4, 5)
SETTINGS = {"name": "made_up", "seeds": list(SEEDS), "window": {"size": 100, "stride": 100}}
CAPTURES = ("test/known-dos", "test/known-fuzzing")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with two baselines, one variant without a baseline and one, of longer windows, with its own."""
    root = tmp_path_factory.mktemp("variants")
    made_up_lake(root / "lake", seeds=SEEDS)
    for model in ("habit", "gbdt"):
        add_model(root / "lake", model, model, "baseline", None, None)
    for seed in SEEDS:
        add_model(root / "lake", f"mlp-{seed}", "fusion", "student", seed, "mlp")
        add_model(root / "lake", f"long-{seed}", "fusion", "student", seed, "long")
    add_model(root / "lake", "long-habit", "habit", "baseline", None, "long")
    add_run(root / "lake", "long-prepare", "prepare", None, {**SETTINGS, "window": {"size": 200, "stride": 200}},
            started_at=START + timedelta(hours=5), variant="long")  # fmt: skip
    split = {"capture": "train/dos-1", "split": "train", "windows": 7, "attack_windows": 0}
    append(root / "lake", TABLES["splits"], "long-prepare", "splits", [split])
    append(root / "lake", TABLES["epochs"], "mlp-1", "epoch-0", [
        {"attempt": 1, "epoch": 0, "split": "train", "metric": "loss", "value": 1.0}
    ])  # fmt: skip
    build_data(root / "lake", take_snapshot(root / "lake"), root / "data")
    return root / "data"


def add_model(lake: Path, run_id: str, model: str, role: str, seed: int | None, variant: str | None) -> None:
    add_run(lake, run_id, "fusion", seed, SETTINGS, model, role, variant=variant)
    add_evaluation(lake, f"evaluate-{run_id}", seed or 1, SETTINGS, models=[run_id])


def rows_of(data: Path, name: str, where: str) -> list[dict[str, Any]]:
    return duckdb.sql(f"SELECT * FROM '{data}/{name}.parquet' WHERE {where}").to_arrow_table().to_pylist()


def cells(run: str, seeds: tuple[int | None, ...] = SEEDS) -> dict[tuple[str, int | None], float]:
    names = {seed: run.format(seed=seed) for seed in seeds}
    return {
        (capture, seed): made_up_value(names[seed], "test", capture, "f1", "") for capture in CAPTURES for seed in seeds
    }


def test_a_variant_is_a_row_of_its_own_though_its_settings_are_the_same(data: Path) -> None:
    found = rows_of(data, "leaderboard", "model = 'fusion' AND split = 'test' AND capture = 'all'")
    assert {row["variant"] for row in found} == {None, "mlp", "long"}
    for row in found:
        run = {None: "made_up-fusion", "mlp": "mlp", "long": "long"}[row["variant"]]
        values = [made_up_value(f"{run}-{seed}", "test", "all", "f1", "") for seed in SEEDS]
        assert (row["n_seeds"], row["f1"]) == (5, pytest.approx(sum(values) / 5))


def test_each_variant_has_intervals_of_its_own(data: Path) -> None:
    where = "model = 'fusion' AND split = 'test' AND capture = 'all' AND metric = 'f1'"
    found = rows_of(data, "intervals", where)
    assert {row["variant"] for row in found} == {None, "mlp", "long"}
    assert len(found) == 3


def test_variants_are_corrected_for_apart_from_the_experiment(data: Path) -> None:
    """Holm's factor is the number of models compared at once: four of the experiment, one of the variant."""
    found = rows_of(data, "comparisons", "metric = 'f1'")
    by_variant = {name: [row for row in found if row["variant"] == name] for name in (None, "mlp", "long")}
    assert sorted(row["model"] for row in by_variant[None]) == sorted(
        ["vgae", "gat", "fusion", {"habit": "gbdt", "gbdt": "habit"}[by_variant[None][0]["reference_model"]]]
    )
    assert [row["model"] for row in by_variant["mlp"]] == ["fusion"]
    assert by_variant["mlp"][0]["p_adjusted"] == by_variant["mlp"][0]["p"]


def test_a_variant_stands_beside_its_own_baseline_where_it_has_one(data: Path) -> None:
    (long,) = rows_of(data, "comparisons", "metric = 'f1' AND variant = 'long'")
    (mlp,) = rows_of(data, "comparisons", "metric = 'f1' AND variant = 'mlp'")
    assert (long["reference_model"], long["reference_variant"]) == ("habit", "long")
    assert mlp["reference_variant"] is None
    for row, mine, theirs in ((long, "long-{seed}", "long-habit"), (mlp, "mlp-{seed}", mlp["reference_model"])):
        expected = compare({"one": cells(mine)}, cells(theirs, (None,)), "higher")["one"]
        assert row["mean_difference"] == pytest.approx(expected.mean_difference)


def test_the_data_counted_is_the_experiments_own(data: Path) -> None:
    (row,) = rows_of(data, "overview", "true")
    assert (row["window_sizes"], row["windows_train"], row["datasets"]) == ("100", 460, 1)
    assert (row["variants"], row["seeds"]) == ("long, mlp", "1, 2, 3, 4, 5")


def test_curves_name_the_variant(data: Path) -> None:
    found = {row["run_id"]: row["variant"] for row in rows_of(data, "training_curves", "model = 'fusion'")}
    assert found == {**{f"made_up-fusion-{seed}": None for seed in SEEDS}, "mlp-1": "mlp"}
