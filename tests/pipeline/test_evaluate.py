"""Metric rows come from the kept checkpoints, thresholds from benign validation windows, on the windows they say."""

import numpy as np
import polars as pl
import pytest
import torch

from models.detector import Detector
from models.vgae import reconstruction_errors
from pipeline.batches import GraphTensors
from pipeline.checkpoint import load_checkpoint
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.metrics import window_metrics
from pipeline.runs import RunFolder
from tests.pipeline.conftest import Place

STAGES = ("vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion")


@pytest.fixture
def graphs(trained: Place, run_ids: dict[str, str]) -> GraphSet:
    return load_graphs(RunFolder(trained.settings.runs, run_ids["prepare"]).graphs)


@pytest.fixture
def scores(trained: Place, run_ids: dict[str, str]) -> pl.DataFrame:
    return pl.read_parquet(RunFolder(trained.settings.runs, run_ids["evaluate"]).scores)


Figures = dict[tuple[str, str, str, str], tuple[float | None, int, int]]


@pytest.fixture(scope="module")
def figures(trained: Place) -> Figures:
    """Value, windows and attack windows by (model run, split, capture, metric)."""
    rows = trained.rows("SELECT model_run_id, split, capture, metric, value, n, n_attack FROM metrics")
    return {tuple(list(row.values())[:4]): tuple(list(row.values())[4:]) for row in rows}  # type: ignore[misc]


@pytest.mark.parametrize("stage", STAGES)
def test_every_score_is_what_the_kept_checkpoint_says_of_that_window_alone(
    stage: str, trained: Place, run_ids: dict[str, str], graphs: GraphSet, scores: pl.DataFrame
) -> None:
    networks = {
        name: load_checkpoint(RunFolder(trained.settings.runs, run_ids[name]).checkpoint).build() for name in STAGES
    }
    kept = scores.filter(pl.col("model_run_id") == run_ids[stage])
    chosen = np.concatenate([graphs.at("validation"), graphs.at("test")])
    assert len(kept) == len(chosen)
    tensors = GraphTensors(graphs.graphs)
    for row in range(0, len(chosen), 17):
        batch = tensors.batch(torch.tensor([chosen[row]]))
        with torch.inference_mode():
            network = networks[stage]
            if stage == "fusion":
                detector = Detector(networks["vgae_student"], networks["gat_student"], network)  # type: ignore[arg-type]
                expected = detector.eval()(batch).score
            elif stage.startswith("vgae"):
                expected = network.anomaly(reconstruction_errors(batch, network(batch)))  # type: ignore[operator]
            else:
                expected = network(batch).logits.softmax(-1)[:, 1]
        assert kept["score"][row] == pytest.approx(expected.item(), rel=1e-4, abs=1e-6)
        assert kept["start_frame"][row] == graphs.graphs.start_frame[chosen[row]]
        assert kept["capture"][row] == graphs.captures[graphs.capture[chosen[row]]].name


@pytest.mark.parametrize("stage", STAGES)
def test_metrics_are_those_of_the_kept_scores(
    stage: str, figures: Figures, run_ids: dict[str, str], graphs: GraphSet, scores: pl.DataFrame
) -> None:
    kept = scores.filter(pl.col("model_run_id") == run_ids[stage])["score"].to_numpy()
    chosen = np.concatenate([graphs.at("validation"), graphs.at("test")])
    is_attack, n_validation = graphs.graphs.is_attack[chosen], len(graphs.at("validation"))
    benign = np.sort(kept[:n_validation][~is_attack[:n_validation]])
    threshold = benign[int(np.ceil(0.99 * (len(benign) - 1)))]
    assert figures[run_ids[stage], "validation", "all", "threshold"] == (threshold, len(benign), 0)
    capture = graphs.capture[chosen]
    groups = {"all": np.arange(len(chosen)) >= n_validation}
    for index in np.unique(capture[n_validation:]):
        groups[graphs.captures[index].name] = groups["all"] & (capture == index)
    assert len(groups) == 3
    for name, inside in groups.items():
        expected = window_metrics(is_attack[inside], kept[inside], threshold)
        for key, value in expected.items():
            found = figures[run_ids[stage], "test", name, key]
            assert found == (value, int(inside.sum()), int(is_attack[inside].sum()))


def test_the_scores_hold_no_label(scores: pl.DataFrame) -> None:
    assert not [name for name in scores.columns if "attack" in name and name != "attack_probability"]


def test_a_vehicle_is_known_where_training_saw_it(trained: Place) -> None:
    rows = trained.rows("SELECT DISTINCT capture, vehicle, is_known_vehicle FROM metrics WHERE capture LIKE '%/%'")
    known = {row["capture"].split("/")[0]: (row["vehicle"], row["is_known_vehicle"]) for row in rows}
    assert known == {
        "test_01_known_vehicle_known_attack": ("Chevrolet Impala 2011", True),
        "test_04_unknown_vehicle_unknown_attack": ("Chevrolet Traverse 2011", False),
    }
