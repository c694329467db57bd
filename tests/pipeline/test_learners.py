"""What each learner minimises, whom it leaves alone, and what its result may depend on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.build import build_model
from pipeline.checkpoint import load_checkpoint
from pipeline.config import DistillationConfig, TrainConfig, VgaeLossConfig
from pipeline.graph_set import load_graphs
from pipeline.learners import GatLearner, VgaeLearner
from pipeline.lessons import Lesson
from pipeline.runs import RunFolder
from tests.models.graphs import GAT, INPUTS, VGAE, batch_of
from tests.pipeline.conftest import Place

BATCH = batch_of([(6, 20), (4, 9), (5, 5), (3, 2)], seed=1)
NUMBERS = torch.tensor([3, 1, 0, 2])
STEP = TrainConfig(learning_rate=0.05, device="cpu")


def steps(learner: Any, n: int = 3, batch: Any = BATCH) -> list[float]:
    """Losses of n plain optimiser steps, without a trainer."""
    learner.report = lambda *_: None
    optimizer = learner.configure_optimizers()
    losses = []
    for number in range(n):
        torch.manual_seed(number)
        loss = learner.training_step(Lesson(batch, NUMBERS), number)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def student(kind: str, distillation: DistillationConfig | None) -> tuple[Any, Any]:
    """A learner of that kind, and its teacher."""
    torch.manual_seed(0)
    shape = VGAE if kind == "vgae" else GAT
    teacher: Any = build_model(kind, shape, INPUTS)
    network: Any = build_model(kind, shape, INPUTS)
    taught = (teacher, distillation) if distillation else (None, None)
    if kind == "vgae":
        return VgaeLearner(network, VgaeLossConfig(), STEP, 0, *taught), teacher
    return GatLearner(network, torch.ones(2), STEP, 0, *taught), teacher


@pytest.mark.parametrize("kind", ["vgae", "gat"])
def test_a_student_learns_from_its_teacher_and_leaves_it_as_it_was(kind: str) -> None:
    learner, teacher = student(kind, DistillationConfig())
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    weights = {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}
    steps(learner)
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    assert not teacher.training
    assert any(not torch.equal(tensor, weights[name]) for name, tensor in learner.network.state_dict().items())
    assert not [name for name in learner.state_dict() if "teacher" in name], "a student's state holds no teacher"
    parameters = {id(p) for group in learner.configure_optimizers().param_groups for p in group["params"]}
    assert not parameters & {id(p) for p in teacher.parameters()}


def test_with_alpha_1_labels_teach_a_gat_nothing_and_with_0_the_teacher_does() -> None:
    turned = BATCH._replace(y=1 - BATCH.y)
    for alpha, is_equal in ((1.0, True), (0.0, False)):
        losses = [steps(student("gat", DistillationConfig(alpha=alpha))[0], batch=batch) for batch in (BATCH, turned)]
        assert (losses[0] == losses[1]) is is_equal
    alone, taught = student("gat", None)[0], student("gat", DistillationConfig(alpha=0.0))[0]
    assert steps(alone) == pytest.approx(steps(taught))


def test_a_distilled_vgae_comes_nearer_to_its_teacher() -> None:
    learner, teacher = student("vgae", DistillationConfig(alpha=1.0))
    with torch.no_grad():
        goal = teacher(BATCH).features
        learner.network.eval()
        far = (learner.network(BATCH).features - goal).square().mean()
        learner.network.train()
    steps(learner, 60)
    with torch.no_grad():
        near = (learner.network.eval()(BATCH).features - goal).square().mean()
    assert near < far / 3


@pytest.mark.parametrize("stage", ["vgae_teacher", "vgae_student", "gat_student", "fusion"])
def test_a_result_depends_on_seed_and_inputs_and_not_on_what_the_process_drew_before(
    stage: str, trained: Place, tmp_path: Path, run_ids: dict[str, str]
) -> None:
    """A stage run by itself gives the very weights it gave within the whole experiment."""
    import shutil

    for folder in ("lake", "runs"):
        shutil.copytree(trained.root / folder, tmp_path / folder)
    for folder in (tmp_path / "lake").glob(f"*/{run_ids[stage]}"):
        shutil.rmtree(folder)
    shutil.rmtree(RunFolder(tmp_path / "runs", run_ids[stage]).path)
    torch.manual_seed(12345)
    torch.rand(77)
    again = Place(tmp_path, trained.data)
    assert [run.run_id for run in again.train(stage=stage)] == [run_ids[stage]]
    first, second = (
        load_checkpoint(RunFolder(place.settings.runs, run_ids[stage]).checkpoint).weights for place in (trained, again)
    )
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_another_seed_gives_other_weights(place: Place) -> None:
    place.train(stage="prepare")
    runs = place.train("seeds=[1, 2]", stage="gat_teacher")
    first, second = (load_checkpoint(RunFolder(place.settings.runs, run.run_id).checkpoint).weights for run in runs)
    assert not torch.equal(first["classify.weight"], second["classify.weight"])


def test_the_scales_and_the_vgae_see_benign_training_windows_only(trained: Place, run_ids: dict[str, str]) -> None:
    graphs = load_graphs(RunFolder(trained.settings.runs, run_ids["prepare"]).graphs)
    chosen = graphs.benign_at("train")
    assert 0 < len(chosen) < len(graphs.at("train"))
    assert not graphs.graphs.is_attack[chosen].any()
    nodes = np.concatenate([graphs.graphs.x[graphs.graphs.node_ptr[g] : graphs.graphs.node_ptr[g + 1]] for g in chosen])
    for stage in ("vgae_teacher", "gat_teacher", "vgae_student", "gat_student"):
        weights = load_checkpoint(RunFolder(trained.settings.runs, run_ids[stage]).checkpoint).weights
        np.testing.assert_allclose(weights["input.node_scale.mean"], nodes.mean(0), rtol=1e-4, atol=1e-5)
        expected = np.maximum(nodes.std(0), 0.05)
        np.testing.assert_allclose(weights["input.node_scale.deviation"], expected, rtol=1e-4, atol=1e-5)
