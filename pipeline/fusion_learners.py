"""The Lightning side of fusion.

A batch, computed beforehand, is (state, experts' scores, label, whether the vehicle is unknown).
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.fusion import Fusion, FusionAgent, FusionClassifier, fused_score, reward, state_columns
from pipeline.config import FusionConfig, TrainConfig
from pipeline.learner import Learner

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class FusionLearner(Learner):
    """What all ways to fuse are judged by: the mean reward of validation windows, both classes counting equally."""

    def __init__(self, fusion: Fusion, config: FusionConfig, train: TrainConfig, class_weight: Tensor, seed: int):
        super().__init__(train.model_copy(update={"learning_rate": config.learning_rate}), seed)
        self.network, self.config = fusion, config
        self.register_buffer("class_weight", class_weight)

    def validation_step(self, batch: Batch, number: int) -> None:
        # the same mistakes each time: the epoch that is kept should stand up to them as well
        state, experts, label, _ = self.mistaken(batch, torch.Generator().manual_seed(number))
        score, _weights = self.network(state, experts)
        self.report("validation", "reward", self.earned(score, label).mean(), len(state))

    def mistaken(self, batch: Batch, generator: torch.Generator | None = None) -> Batch:
        """The batch, with some experts wrong about some windows: they say what they say of one of the other class.

        Every expert was trained on the attacks and vehicles that the fusion is trained on, so nothing in them tells
        whom to believe of an attack or a vehicle that one has never met. `blind` is how often each misses an
        attack, `deluded` how often it sees one on an unknown vehicle; one at least is right about each window.
        """
        state, experts, label, is_foreign = batch
        state, experts = state.clone(), experts.clone()
        shares = torch.tensor([self.config.deluded, self.config.blind])
        drawn = torch.rand(experts.shape, generator=generator).to(label.device)
        wrong = (drawn < shares.to(label.device)[label]) & ((label == 1) | is_foreign).unsqueeze(1)
        wrong &= ~wrong.all(1, keepdim=True)
        for kind in range(2):
            others = torch.nonzero(label != kind).squeeze(1)
            if not len(others):
                continue
            for expert in range(experts.shape[1]):
                rows = torch.nonzero(wrong[:, expert] & (label == kind)).squeeze(1)
                source = others[torch.randint(len(others), (len(rows),), generator=generator).to(label.device)]
                columns = torch.tensor(state_columns(expert), device=label.device)
                state[rows.unsqueeze(1), columns] = batch[0][source.unsqueeze(1), columns]
                experts[rows, expert] = batch[1][source, expert]
        return state, experts, label, is_foreign

    def earned(self, score: Tensor, label: Tensor) -> Tensor:
        return reward(score, label) * self.class_weight[label]  # type: ignore[index]


class AgentLearner(FusionLearner):
    """Double DQN (van Hasselt, Guez and Silver 2016) on a grid of weights."""

    def __init__(self, agent: FusionAgent, config: FusionConfig, train: TrainConfig, class_weight: Tensor, seed: int):
        super().__init__(agent, config, train, class_weight, seed)
        self.target = frozen_copy(agent.q)
        self.replay: list[tuple[Tensor, ...]] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        state, experts, label, _foreign = self.mistaken(batch)
        agent: Any = self.network
        explore = torch.rand(len(state), device=state.device) < self._epsilon()
        best = agent.q(state).argmax(-1)
        action = torch.where(explore, torch.randint_like(best, len(agent.grid)), best)
        earned = self.earned(fused_score(agent.grid[action], experts), label)
        drawn_state, drawn_action, drawn_reward = self._remember_and_draw(state, action, earned)
        with torch.no_grad():
            following = agent.q(drawn_state).argmax(-1, keepdim=True)
            future = self.target(drawn_state).gather(1, following).squeeze(1)
        value = agent.q(drawn_state).gather(1, drawn_action.unsqueeze(1)).squeeze(1)
        loss = functional.huber_loss(value, drawn_reward + self.config.gamma * future)
        if self.global_step % self.config.target_every == 0:
            self.target.load_state_dict(agent.q.state_dict())
        self.report("train", "loss", loss.detach(), len(state))
        return self.finite(loss)

    def _epsilon(self) -> float:
        share = self.current_epoch / max(self.config.epochs - 1, 1)
        return self.config.epsilon_start + share * (self.config.epsilon_end - self.config.epsilon_start)

    def _remember_and_draw(self, *seen: Tensor) -> tuple[Tensor, ...]:
        self.replay.append(tuple(column.detach() for column in seen))
        while sum(len(columns[0]) for columns in self.replay) > self.config.replay and len(self.replay) > 1:
            self.replay.pop(0)
        pooled = [torch.cat(column) for column in zip(*self.replay, strict=True)]
        drawn = torch.randint(len(pooled[0]), (self.config.batch_size,), device=pooled[0].device)
        return tuple(column[drawn] for column in pooled)


class ClassifierLearner(FusionLearner):
    """Cross-entropy of the fused score."""

    def training_step(self, batch: Batch, _: int) -> Tensor:
        state, _experts, label, _foreign = self.mistaken(batch)
        logit = self.network.logit(state).squeeze(1)  # type: ignore[operator]
        loss = functional.binary_cross_entropy_with_logits(
            logit,
            label.to(logit.dtype),
            weight=self.class_weight[label],  # type: ignore[index]
        )
        self.report("train", "loss", loss.detach(), len(state))
        return self.finite(loss)


def build_learner(
    fusion: nn.Module, config: FusionConfig, train: TrainConfig, class_weight: Tensor, seed: int
) -> FusionLearner | None:
    """The learner of a way to fuse; None for one that has nothing to learn."""
    match fusion:
        case FusionAgent():
            return AgentLearner(fusion, config, train, class_weight, seed)
        case FusionClassifier():
            return ClassifierLearner(fusion, config, train, class_weight, seed)
    return None


def frozen_copy(network: nn.Module) -> nn.Module:
    """A copy whose weights only change by loading."""
    return copy.deepcopy(network).requires_grad_(False)
