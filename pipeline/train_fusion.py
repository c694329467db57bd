"""The fusion stage: the students' and the habit's word on each training window, and how to weigh it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.detector import Detector
from pipeline.batches import Batches, GraphTensors
from pipeline.config import AlarmConfig, FusionConfig, TrainConfig
from pipeline.context import Monitor, StageContext
from pipeline.fit import Fit, fit
from pipeline.fusion_learners import Batch, build_learner
from pipeline.graph_set import GraphSet
from pipeline.imbalance import class_weights
from pipeline.protocols import KNOWN, PROTOCOLS, ZERO_SHOT
from pipeline.runs import Outcome
from pipeline.thresholds import threshold_at_budget
from pipeline.train import keep, load_teacher, model_inputs, training_graphs

MONITOR = Monitor("validation/reward", "max")
_BATCH = 256


def train_fusion(
    context: StageContext, outcome: Outcome, config: FusionConfig, train: TrainConfig, alarm: AlarmConfig
) -> None:
    """Fit the fusion on what the experts say of the training split, then its thresholds on benign validation."""
    from models.build import build_model

    graphs, tensors = training_graphs(context)
    vgae: Any
    gat: Any
    vgae, gat = (load_teacher(context, outcome, stage, graphs, "fused_from") for stage in config.experts)
    torch.manual_seed(context.seed)
    fusion: Any = build_model("fusion", config.shape, model_inputs(graphs))
    detector = Detector(vgae, gat, fusion).eval()
    benign = graphs.benign_at("validation")
    fusion.gat_margin.copy_(_gat_margin(gat, tensors, benign, alarm.benign_quantile))
    columns = {split: _columns(detector, tensors, graphs, split) for split in ("train", "validation")}
    fitted = _fit(context, fusion, config, train, columns, class_weights(graphs.graphs.is_attack[graphs.at("train")]))
    if fitted is not None:
        fusion.load_state_dict(fitted.weights)
    with torch.inference_mode():
        state, experts, *_ = columns["validation"]
        score = fusion(state, experts)[0].double().numpy()
    is_benign = np.isin(graphs.at("validation"), benign)
    fusion.thresholds.copy_(torch.tensor(thresholds(graphs, benign, score[is_benign], alarm), dtype=torch.float32))
    keep(context, outcome, fusion, config.shape, graphs, fitted, MONITOR)


def thresholds(
    graphs: GraphSet, benign: NDArray[np.int64], score: NDArray[np.float64], alarm: AlarmConfig
) -> list[float]:
    """A threshold for each of `PROTOCOLS`; a calibrated model has the one set without any knowledge of a vehicle.

    Args:
        benign: [W] benign validation graphs; score: [W] their scores.
    """
    found = {}
    for protocol in (KNOWN, ZERO_SHOT):
        inside = graphs.under(protocol)[benign]
        rows = benign[inside]
        columns = graphs.graphs
        found[protocol] = threshold_at_budget(
            score[inside], graphs.capture[rows], columns.start_s[rows], columns.end_s[rows],
            alarm.false_alarms_per_hour, alarm.highest_threshold,
        )  # fmt: skip
    return [found.get(protocol, found[ZERO_SHOT]) for protocol in PROTOCOLS]


def _fit(
    context: StageContext, fusion: Any, config: FusionConfig, train: TrainConfig,
    columns: dict[str, Batch], weight: Tensor,
) -> Fit | None:  # fmt: skip
    learner = build_learner(fusion, config, train, weight, context.seed)
    if learner is None:
        return None

    def batches(split: str, seed: int | None) -> Batches[tuple[Tensor, ...]]:
        count = np.arange(len(columns[split][0]))
        return Batches(lambda at: tuple(c[at] for c in columns[split]), count, config.batch_size, seed)

    settings = train.model_copy(update={"epochs": config.epochs, "patience": config.epochs, "precision": "32"})
    # a replay memory is not part of Lightning's state, and this takes seconds: begun anew after a kill
    return fit(
        learner, batches("train", context.seed), batches("validation", None), settings, MONITOR, context,
        resumable=False,
    )  # fmt: skip


def _gat_margin(gat: Any, tensors: GraphTensors, benign: NDArray[np.int64], quantile: float) -> float:
    """The logit difference that all but 1 - `quantile` of benign windows stay below, 0 at least."""
    with torch.inference_mode():
        logits = torch.cat([gat(batch).logits for batch in Batches(tensors.batch, benign, _BATCH)])
    return max(float(torch.quantile(logits[:, 1] - logits[:, 0], quantile)), 0.0)


def _columns(detector: Detector, tensors: GraphTensors, graphs: GraphSet, split: str) -> Batch:
    """State, experts' scores and label of each window of the split, and whether it is of an unknown vehicle."""
    chosen = graphs.at(split)
    with torch.inference_mode():
        rows = [(*detector.state(batch), batch.y) for batch in Batches(tensors.batch, chosen, _BATCH)]
    state, experts, label = (torch.cat(column).clone() for column in zip(*rows, strict=True))
    return state, experts, label, torch.from_numpy(graphs.under(ZERO_SHOT)[chosen])
