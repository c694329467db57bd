"""What a fusion learns, whichever way it fuses, and what mistaken experts make of a batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.build import build_model
from models.config import FusionShape
from models.fusion import EXPERTS, STATE_WIDTH, state_columns
from pipeline.batches import Batches
from pipeline.config import FusionConfig, TrainConfig
from pipeline.fit import Fit, fit
from pipeline.fusion_learners import AgentLearner, ClassifierLearner, build_learner
from pipeline.train_fusion import MONITOR
from tests.models.graphs import INPUTS
from tests.pipeline.test_fit import context

STEP = TrainConfig(learning_rate=0.05, device="cpu")
WINDOWS, EPOCHS = 512, 12


def network(**shape: Any) -> Any:
    torch.manual_seed(0)
    return build_model("fusion", FusionShape(hidden=(16,), **shape), INPUTS)


def learnt(root: Path, fusion: Any, columns: tuple[Tensor, ...], **options: Any) -> Fit:
    config = FusionConfig(epochs=EPOCHS, batch_size=64, learning_rate=0.02, epsilon_start=1.0, **options)
    train = TrainConfig(epochs=EPOCHS, device="cpu", patience=EPOCHS)
    cut = lambda at: tuple(column[at] for column in columns)  # noqa: E731
    learner = build_learner(fusion, config, train, torch.ones(2), 0)
    assert learner is not None
    chosen = np.arange(WINDOWS)
    return fit(
        learner, Batches(cut, chosen, 64, 0), Batches(cut, chosen, 64), train, MONITOR, context(root), resumable=False
    )


def said(good: str | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """State, experts, labels, all of unknown vehicles; the expert named has the answer, the others say a half."""
    random = torch.Generator().manual_seed(0)
    label = torch.randint(0, 2, (WINDOWS,), generator=random)
    state = torch.randn(WINDOWS, STATE_WIDTH, generator=random)
    experts = torch.full((WINDOWS, len(EXPERTS)), 0.5)
    if good is not None:
        experts[:, EXPERTS.index(good)] = label.float()
        state[:, state_columns(EXPERTS.index(good))[-1]] = label.float()
    return state, experts, label, torch.ones(WINDOWS, dtype=torch.bool)


@pytest.mark.parametrize("good", EXPERTS)
def test_the_agent_learns_whom_to_believe(tmp_path: Path, good: str) -> None:
    agent, columns = network(steps=2, lean=0.0), said(good)
    fitted = learnt(tmp_path, agent, columns, blind=NEVER, deluded=NEVER)
    agent.load_state_dict(fitted.weights)
    weights = agent(*columns[:2])[1]
    assert (weights[:, EXPERTS.index(good)] == 1).float().mean() > 0.95
    assert fitted.best_value > 0.85, "the reward levels off at 1 / 1.1"


@pytest.mark.parametrize("method", ["mlp", "logistic"])
def test_a_classifier_learns_the_label(tmp_path: Path, method: str) -> None:
    fusion, columns = network(method=method), said("gat")
    fusion.load_state_dict(learnt(tmp_path, fusion, columns, blind=NEVER, deluded=NEVER).weights)
    score = fusion(*columns[:2])[0]
    assert ((score > 0.5) == (columns[2] == 1)).float().mean() > 0.9


@pytest.mark.parametrize("method", ["dqn", "mlp", "logistic", "fixed", *EXPERTS])
def test_what_has_nothing_to_learn_has_no_learner(method: str) -> None:
    learner = build_learner(network(method=method), FusionConfig(), STEP, torch.ones(2), 0)
    kinds = {"dqn": AgentLearner, "mlp": ClassifierLearner, "logistic": ClassifierLearner}
    assert type(learner) is kinds.get(method, type(None))


def test_the_replay_memory_is_bounded() -> None:
    learner = AgentLearner(network(steps=2), FusionConfig(replay=100, batch_size=8), STEP, torch.ones(2), 0)
    for number in range(20):
        learner._remember_and_draw(torch.full((30, 2), float(number)), torch.zeros(30))
    assert sum(len(columns[0]) for columns in learner.replay) <= 100
    assert learner.replay[-1][0][0, 0] == 19, "the newest stays"


NEVER = (0.0, 0.0, 0.0)


def mistaken(blind: float, deluded: float, columns: tuple[Tensor, ...], seed: int = 3) -> tuple[Tensor, ...]:
    config = FusionConfig(blind=(blind,) * 3, deluded=(deluded,) * 3)
    learner = AgentLearner(network(steps=2), config, STEP, torch.ones(2), 0)
    copies = tuple(column.clone() for column in columns)
    return learner.mistaken(copies, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "blind", "deluded"), [(1, 0.5, 0.0), (0, 0.0, 0.5)])
def test_a_mistaken_expert_says_all_that_it_says_of_one_window_of_the_other_class(
    kind: int, blind: float, deluded: float
) -> None:
    state, experts, label, foreign = said()
    experts = torch.rand(WINDOWS, len(EXPERTS), generator=torch.Generator().manual_seed(4))
    for expert in range(len(EXPERTS)):
        state[:, state_columns(expert)[-1]] = experts[:, expert]
    new_state, new_experts, new_label, _ = mistaken(blind, deluded, (state, experts, label, foreign))
    assert torch.equal(new_label, label)
    changed = torch.stack([(new_state != state)[:, state_columns(k)].any(1) for k in range(len(EXPERTS))], dim=1)
    other = label != kind
    assert not changed[other].any(), "the other class stays as it is"
    assert 0.3 < changed[~other].float().mean() < 0.5, "some are wrong, as many as was asked less those put back"
    assert not changed.all(1).any(), "somebody is right about each window"
    for expert in range(len(EXPERTS)):
        own = state_columns(expert)
        told = {tuple(row) for row in state[other][:, own].tolist()}
        assert {tuple(row) for row in new_state[changed[:, expert]][:, own].tolist()} <= told
        assert torch.equal(new_state[:, own[-1]], new_experts[:, expert]), "score and state tell the same"
        assert torch.equal(new_state[~changed[:, expert]][:, own], state[~changed[:, expert]][:, own])


@pytest.mark.parametrize("labels", ["no attack", "no benign window", "asked for none"])
def test_nobody_is_mistaken_without_cause(labels: str) -> None:
    state, experts, label, foreign = said("gat")
    label = {"no attack": torch.zeros_like(label), "no benign window": torch.ones_like(label)}.get(labels, label)
    share = 0.0 if labels == "asked for none" else 0.9
    found = mistaken(share, share, (state, experts, label, foreign))
    assert all(torch.equal(a, b) for a, b in zip(found, (state, experts, label, foreign), strict=True))


def test_nobody_sees_an_attack_in_a_known_vehicles_benign_window() -> None:
    state, experts, label, foreign = said("gat")
    found = mistaken(0.0, 0.9, (state, experts, label, ~foreign))
    assert torch.equal(found[0], state)


def test_validation_makes_the_same_mistakes_each_time() -> None:
    columns = said("gat")
    first, again = (mistaken(0.5, 0.5, columns, seed=7) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_blinding_teaches_an_agent_to_believe_the_expert_that_sees_an_attack(tmp_path: Path) -> None:
    """All three see every attack of training. Of one that only the habit sees, a sighted agent need not know."""
    state, _, label, foreign = said()
    experts = torch.where(label > 0, 0.95, 0.05).unsqueeze(1).repeat(1, 3)
    for expert in range(3):
        state[:, state_columns(expert)] = experts[:, expert : expert + 1]
    agent = network(steps=2, lean=0.0)
    agent.load_state_dict(
        learnt(tmp_path, agent, (state, experts, label, foreign), blind=(0.4, 0.4, 0.4), deluded=NEVER).weights
    )
    new = torch.full((1, STATE_WIDTH), 0.05)
    new[:, state_columns(2)] = 0.95
    score, weights = agent(new, torch.tensor([[0.05, 0.05, 0.95]]))
    assert weights[0, 2] >= 0.5
    assert score.item() >= 0.5
