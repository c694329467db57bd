"""Scores every model of an experiment on the same windows, then measures them.

Thresholds come from benign validation windows. The labels of test windows are read after the scores
have been written, so that no label can have touched a score.
"""

from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from lake.files import whole_file
from lake.schema import Row
from models.detector import Detector
from models.vgae import reconstruction_errors
from pipeline.batches import Batches, GraphTensors
from pipeline.checkpoint import load_checkpoint
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.metrics import threshold_at, window_metrics
from pipeline.runs import Outcome

_BATCH = 256
_SPLITS = ("validation", "test")
Scores = dict[str, NDArray[np.float64]]


def evaluate(context: StageContext, outcome: Outcome, alarm: AlarmConfig) -> None:
    """Score and measure each trained run among the inputs; rows go to `metrics`."""
    graphs = load_graphs(context.inputs["prepare"].graphs)
    tensors = GraphTensors(graphs.graphs)
    chosen = np.concatenate([graphs.at(split) for split in _SPLITS])
    written = []
    for stage, scores in score_stages(context, tensors, chosen).items():
        written.append(_score_rows(graphs, chosen, context.inputs[stage].run_id, scores))
        context.say(f"scored {len(chosen)} windows with {stage}")
    with whole_file(context.folder.scores) as staged:
        pl.concat(written, how="diagonal").write_parquet(staged, compression="zstd")
    outcome.artifacts.append(("scores", context.folder.scores))

    kept = pl.read_parquet(context.folder.scores)
    rows: list[Row] = []
    for run_id, one in kept.partition_by("model_run_id", as_dict=True, maintain_order=True).items():
        rows += measure(graphs, chosen, str(run_id[0]), one["score"].to_numpy(), alarm.benign_quantile)
        outcome.lineage.append(("evaluated", str(run_id[0])))
    outcome.rows["metrics"] = [{**row, "dataset": context.facts["dataset"]} for row in rows]


def score_stages(context: StageContext, tensors: GraphTensors, chosen: NDArray[np.int64]) -> dict[str, Scores]:
    """[K] score columns of each trained stage among the inputs, on the same windows."""
    networks: dict[str, Any] = {
        stage: load_checkpoint(folder.checkpoint).build()
        for stage, folder in context.inputs.items()
        if stage != "prepare"
    }
    scores: dict[str, Scores] = {}
    for stage, network in networks.items():
        if stage == "fusion":
            network = Detector(networks["vgae_student"], networks["gat_student"], network).eval()
        with torch.inference_mode():
            parts = [_scores_of(stage, network, batch) for batch in Batches(tensors.batch, chosen, _BATCH)]
        scores[stage] = {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}
    return scores


def _scores_of(stage: str, network: Any, batch: Any) -> dict[str, torch.Tensor]:
    if stage == "fusion":
        return network(batch)._asdict()  # type: ignore[no-any-return]
    if stage.startswith("vgae"):
        return {"score": network.anomaly(reconstruction_errors(batch, network(batch)))}
    return {"score": network(batch).logits.softmax(-1)[:, 1]}


def _score_rows(graphs: GraphSet, chosen: NDArray[np.int64], run_id: str, scores: Scores) -> pl.DataFrame:
    names = [capture.name for capture in graphs.captures]
    columns = graphs.graphs
    return pl.DataFrame(
        {
            "capture": [names[i] for i in graphs.capture[chosen]],
            "start_frame": columns.start_frame[chosen],
            "start_s": columns.start_s[chosen],
            "end_s": columns.end_s[chosen],
            **scores,
        }
    ).insert_column(0, pl.Series("model_run_id", [run_id] * len(chosen)))


def measure(
    graphs: GraphSet, chosen: NDArray[np.int64], run_id: str, score: NDArray[np.float64], quantile: float
) -> list[Row]:
    """Metric rows of one model: validation as a whole, test as a whole and by capture."""
    is_attack = graphs.graphs.is_attack[chosen]
    capture = graphs.capture[chosen]
    validation = np.isin(chosen, graphs.at("validation"))
    benign = score[validation & ~is_attack]
    threshold = threshold_at(benign, quantile)
    known = graphs.known_vehicles()
    everything = {"capture": "all", "vehicle": "all", "attack": "all", "is_known_vehicle": None}
    groups: list[tuple[dict[str, Any], NDArray[np.bool_]]] = [
        ({"split": "validation", **everything}, validation),
        ({"split": "test", **everything}, ~validation),
    ]
    is_known = np.array([info.vehicle in known for info in graphs.captures])[capture]
    for name, inside in (("known vehicles", is_known), ("unknown vehicles", ~is_known)):
        if (inside & ~validation).any():
            about = {**everything, "capture": name, "is_known_vehicle": name == "known vehicles"}
            groups.append(({"split": "test", **about}, inside & ~validation))
    for index in np.unique(capture[~validation]):
        info = graphs.captures[index]
        about = {"capture": info.name, "vehicle": info.vehicle, "attack": info.attack}
        about["is_known_vehicle"] = info.vehicle in known
        groups.append(({"split": "test", **about}, (capture == index) & ~validation))
    rows: list[Row] = [
        {
            **groups[0][0], "model_run_id": run_id, "metric": "threshold", "value": threshold,
            "n": len(benign), "n_attack": 0,
        }
    ]  # fmt: skip
    for about, inside in groups:
        counts = {"n": int(inside.sum()), "n_attack": int(is_attack[inside].sum())}
        metrics = window_metrics(is_attack[inside], score[inside], threshold)
        rows += [
            {**about, **counts, "model_run_id": run_id, "metric": name, "value": value}
            for name, value in metrics.items()
        ]
    return rows
