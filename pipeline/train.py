"""The training stages: teacher or student of the VGAE and the GAT."""

import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.build import Inputs, build_model, count_parameters
from models.config import GatShape, VgaeShape
from models.vgae import reconstruction_errors
from pipeline.batches import Batches, GraphTensors
from pipeline.checkpoint import Checkpoint, CheckpointError, save_checkpoint, weights_of
from pipeline.config import (
    AlarmConfig,
    CurriculumConfig,
    DistillationConfig,
    TrainConfig,
    VgaeLossConfig,
)
from pipeline.context import Monitor, StageContext
from pipeline.curriculum import draw_lesson, window_difficulty
from pipeline.device import choose_device
from pipeline.device_graphs import graph_source
from pipeline.errors import StageError
from pipeline.fit import Fit, fit
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.handshake import load_run
from pipeline.imbalance import class_weights, draw_attacks
from pipeline.learner import StudentLearner
from pipeline.learners import GatLearner, VgaeLearner
from pipeline.lessons import Taught, lessons
from pipeline.runs import Outcome

VGAE_MONITOR = Monitor("validation/loss", "min")
GAT_MONITOR = Monitor("validation/loss", "min")
_SCORE_BATCH = 256
_AHEAD = 2  # batches cut while a step runs, where they travel to a GPU
Select = Callable[[int], NDArray[np.int64]]


def train_vgae(
    context: StageContext, outcome: Outcome, shape: VgaeShape, loss: VgaeLossConfig, train: TrainConfig,
    alarm: AlarmConfig, distillation: DistillationConfig | None = None,
) -> None:  # fmt: skip
    """Fit the VGAE on benign training windows, then its anomaly scale on the same."""
    graphs, tensors = training_graphs(context)
    network: Any = _new_network("vgae", shape, graphs, tensors, context.seed)
    teacher: Any = load_teacher(context, outcome, "vgae_teacher", graphs) if distillation else None
    learner = VgaeLearner(network, loss, train, context.seed, teacher, distillation)
    chosen = graphs.benign_at("train")
    fitted = _fit_lessons(
        learner, context, train, VGAE_MONITOR, tensors, teacher, chosen, graphs.benign_at("validation")
    )
    network = build_model("vgae", shape, model_inputs(graphs))
    network.load_state_dict(fitted.weights)
    with torch.inference_mode():
        network.eval()
        errors = [
            reconstruction_errors(batch, network(batch)) for batch in Batches(tensors.batch, chosen, _SCORE_BATCH)
        ]
    network.anomaly.fit(torch.cat(errors), alarm.benign_quantile)
    keep(context, outcome, network, shape, graphs, fitted, VGAE_MONITOR)


def train_gat(
    context: StageContext, outcome: Outcome, shape: GatShape, train: TrainConfig,
    distillation: DistillationConfig | None = None,
) -> None:  # fmt: skip
    """Fit the GAT on benign and attack windows of the training split."""
    graphs, tensors = training_graphs(context)
    chosen = graphs.at("train")
    network: Any = _new_network("gat", shape, graphs, tensors, context.seed)
    teacher: Any = load_teacher(context, outcome, "gat_teacher", graphs) if distillation else None
    is_attack, rare = graphs.graphs.is_attack[chosen], train.imbalance
    kept_weight = class_weights(is_attack, rare.largest_ratio)
    weight, select = kept_weight, None
    if train.curriculum.enabled:
        weight, select = torch.ones(2), _curriculum(context, outcome, graphs, tensors, chosen, train.curriculum)
    elif rare.attack_share:
        weight = class_weights(is_attack, rare.largest_ratio, rare.attack_share)
        select = partial(
            draw_attacks, chosen=chosen, is_attack=is_attack, attack_share=rare.attack_share, seed=context.seed
        )
    learner = GatLearner(
        network, weight, train, context.seed, teacher, distillation, kept_weight,
        tensors.n_graphs if rare.mining else 0,
    )  # fmt: skip
    fitted = _fit_lessons(
        learner, context, train, GAT_MONITOR, tensors, teacher, chosen, graphs.at("validation"), select
    )
    network = build_model("gat", shape, model_inputs(graphs))
    network.load_state_dict(fitted.weights)
    keep(context, outcome, network, shape, graphs, fitted, GAT_MONITOR)


def _fit_lessons(
    learner: StudentLearner, context: StageContext, train: TrainConfig, monitor: Monitor, tensors: GraphTensors,
    teacher: Any, chosen: NDArray[np.int64], validation: NDArray[np.int64], select: Select | None = None,
) -> Fit:  # fmt: skip
    """`fit`, on batches that are cut on the device where they can be and know what the teacher says of them."""
    kind = choose_device(train.device).kind
    source = graph_source(tensors, kind)
    taught = Taught(teacher, source, chosen) if teacher is not None and Taught.fits(teacher, source) else None
    ahead = 0 if source.device.type == kind else _AHEAD
    return fit(
        learner,
        Batches(lessons(source, taught), chosen, train.batch_size, context.seed, select, ahead),
        Batches(lessons(source), validation, train.batch_size, ahead=ahead),
        train, monitor, context,
    )  # fmt: skip


def _curriculum(
    context: StageContext, outcome: Outcome, graphs: GraphSet, tensors: GraphTensors, chosen: NDArray[np.int64],
    config: CurriculumConfig,
) -> Select:  # fmt: skip
    """What each epoch draws; how hard a benign window is, the VGAE among the inputs says.

    Raises:
        StageError: no VGAE is among them, or a class is missing.
    """
    if "vgae_teacher" not in context.inputs:
        raise StageError(
            "the curriculum asks the VGAE teacher which windows are hard, but this stage does not need that run. "
            "Use --set train.curriculum.enabled=false."
        )
    vgae = load_teacher(context, outcome, "vgae_teacher", graphs, "prepared_from")
    is_attack = graphs.graphs.is_attack[chosen]
    class_weights(is_attack)  # both classes are there
    benign = chosen[~is_attack]
    difficulty = window_difficulty(vgae, Batches(tensors.batch, benign, _SCORE_BATCH))
    return partial(
        draw_lesson, attacks=chosen[is_attack], benign=benign, difficulty=difficulty, count=len(chosen), config=config,
        seed=context.seed,
    )  # fmt: skip


def training_graphs(context: StageContext) -> tuple[GraphSet, GraphTensors]:
    graphs = load_graphs(context.inputs["prepare"].graphs)
    return graphs, GraphTensors(graphs.graphs)


def model_inputs(graphs: GraphSet) -> Inputs:
    return Inputs(len(graphs.vocabulary), len(NODE_FEATURES), len(EDGE_FEATURES))


def _new_network(
    model: str, shape: VgaeShape | GatShape, graphs: GraphSet, tensors: GraphTensors, seed: int
) -> nn.Module:
    """An untrained network whose feature scale is fitted on benign training windows."""
    torch.manual_seed(seed)
    network: Any = build_model(model, shape, model_inputs(graphs))
    benign = tensors.batch(torch.from_numpy(graphs.benign_at("train")))
    network.input.node_scale.fit(benign.x)
    network.input.edge_scale.fit(benign.edge_attr)
    return network  # type: ignore[no-any-return]


def load_teacher(
    context: StageContext, outcome: Outcome, stage: str, graphs: GraphSet, relation: str = "distilled_from"
) -> nn.Module:
    """The network of an earlier run, once it is known to be that run's and trained on these very graphs."""
    checkpoint = load_run(context.journal.root, context.inputs[stage])
    if (checkpoint.data_digest, checkpoint.vocabulary) != (graphs.data_digest, graphs.vocabulary):
        raise CheckpointError(
            f"checkpoint {checkpoint.run_id} was trained on data {checkpoint.data_digest[:12]} with "
            f"{len(checkpoint.vocabulary)} arbitration IDs; these graphs are data {graphs.data_digest[:12]} with "
            f"{len(graphs.vocabulary)}. Train the earlier stage on the same dataset."
        )
    outcome.lineage.append((relation, checkpoint.run_id))
    return checkpoint.build()


def keep(
    context: StageContext, outcome: Outcome, network: nn.Module, shape: Any, graphs: GraphSet, fitted: Fit | None,
    monitor: Monitor,
) -> None:  # fmt: skip
    """Save the best epoch's network and say so in the outcome."""
    checkpoint = Checkpoint(
        run_id=context.folder.run_id,
        model=context.facts["model"],
        role=context.facts["role"],
        shape=shape,
        vocabulary=graphs.vocabulary,
        data_digest=graphs.data_digest,
        config_digest=context.facts["config_digest"],
        weights=weights_of(network),
        parents={stage: folder.run_id for stage, folder in context.inputs.items()},
    )
    paths = save_checkpoint(context.folder.checkpoint, checkpoint)
    outcome.artifacts += [("checkpoint", path) for path in paths]
    outcome.facts.update(
        parameters=count_parameters(network),
    )
    if fitted is not None:  # nothing to learn, no epochs
        outcome.facts.update(monitor=monitor.metric, best_epoch=fitted.best_epoch, best_value=fitted.best_value)
    shutil.rmtree(context.folder.resume, ignore_errors=True)
