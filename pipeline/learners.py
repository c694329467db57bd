"""Plain networks inside Lightning: what a step minimises and what an epoch reports."""

import copy
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from models.distillation import LatentProjection, blend, soft_label_loss
from models.fusion import FusionAgent, fused_score, reward
from models.gat import Gat, GatOutput
from models.graph_batch import GraphBatch
from models.vgae import Vgae, VgaeOutput, draw_missing_edges, vgae_loss
from pipeline.config import DistillationConfig, FusionConfig, TrainConfig, VgaeLossConfig
from pipeline.errors import StageError


class Learner(pl.LightningModule):
    """A network with an AdamW optimiser; subclasses say what a step's loss is."""

    network: nn.Module

    def __init__(self, config: TrainConfig, seed: int) -> None:
        super().__init__()
        self.train_config, self.seed = config, seed

    def on_train_epoch_start(self) -> None:
        # Dropout and noise depend on seed and epoch alone, so that a resumed run equals an undisturbed one.
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)
        batches: Any = self.trainer.train_dataloader
        batches.epoch = self.current_epoch

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            (parameter for parameter in self.parameters() if parameter.requires_grad),
            lr=self.train_config.learning_rate,
            weight_decay=self.train_config.weight_decay,
        )

    def report(self, split: str, name: str, value: Tensor, n: int) -> None:
        self.log(f"{split}/{name}", value, on_step=False, on_epoch=True, batch_size=n, prog_bar=False)

    def finite(self, loss: Tensor) -> Tensor:
        """The loss, once it is known to be a number; NaN weights must not train on in silence."""
        if not torch.isfinite(loss):
            raise StageError(
                f"the loss became {loss.item()} in epoch {self.current_epoch}. "
                "Lower train.learning_rate or train.gradient_clip; the last complete epoch is kept."
            )
        return loss


class VgaeLearner(Learner):
    """Benign windows only. With a teacher, `alpha` of the loss is the distance to the teacher's latent
    space and reconstruction."""

    def __init__(
        self,
        network: Vgae,
        loss: VgaeLossConfig,
        config: TrainConfig,
        seed: int,
        teacher: Vgae | None = None,
        distillation: DistillationConfig | None = None,
    ) -> None:
        super().__init__(config, seed)
        self.network, self.loss_config = network, loss
        self._teacher = frozen(teacher)
        self.distillation = distillation
        if teacher is not None:
            self.projection = LatentProjection(network.to_mean.out_features, teacher.to_mean.out_features)

    def training_step(self, batch: GraphBatch, _: int) -> Tensor:
        output = self.network(batch)
        loss = self._task_loss(batch, output)
        if self._teacher is not None and self.distillation is not None:
            with torch.no_grad():
                taught = self._teacher(self.device)(batch)
            loss = blend(loss, self.projection(output, taught), self.distillation.alpha)
        self.report("train", "loss", loss.detach(), batch.n_graphs)
        return self.finite(loss)

    def validation_step(self, batch: GraphBatch, _: int) -> None:
        self.report("validation", "loss", self._task_loss(batch, self.network(batch)), batch.n_graphs)

    def _task_loss(self, batch: GraphBatch, output: VgaeOutput) -> Tensor:
        network: Any = self.network
        missing = network.edge_logits(output.latent, draw_missing_edges(batch))
        weights = self.loss_config
        return vgae_loss(batch, output, missing, weights.id_weight, weights.edge_weight, weights.kl_weight)


class GatLearner(Learner):
    """Benign and attack windows, classes weighed by their rarity. With a teacher, `alpha` of the loss is
    the divergence from the teacher's softened word."""

    def __init__(
        self,
        network: Gat,
        class_weight: Tensor,
        config: TrainConfig,
        seed: int,
        teacher: Gat | None = None,
        distillation: DistillationConfig | None = None,
    ) -> None:
        super().__init__(config, seed)
        self.network = network
        self.register_buffer("class_weight", class_weight)
        self._teacher = frozen(teacher)
        self.distillation = distillation
        self._validation: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: GraphBatch, _: int) -> Tensor:
        output: GatOutput = self.network(batch)
        loss = self._task_loss(batch, output)
        if self._teacher is not None and self.distillation is not None:
            with torch.no_grad():
                taught: GatOutput = self._teacher(self.device)(batch)
            distilled = soft_label_loss(output.logits, taught.logits, self.distillation.temperature)
            loss = blend(loss, distilled, self.distillation.alpha)
        self.report("train", "loss", loss.detach(), batch.n_graphs)
        return self.finite(loss)

    def validation_step(self, batch: GraphBatch, _: int) -> None:
        output: GatOutput = self.network(batch)
        self.report("validation", "loss", self._task_loss(batch, output), batch.n_graphs)
        self._validation.append((output.logits.softmax(-1)[:, 1].cpu(), batch.y.cpu()))

    def on_validation_epoch_end(self) -> None:
        score, y = (torch.cat(column) for column in zip(*self._validation, strict=True))
        self._validation.clear()
        if 0 < y.sum() < len(y):  # AUROC needs both classes; without them the metric has no row
            self.log("validation/auroc", torch.tensor(float(roc_auc_score(y, score))))

    def _task_loss(self, batch: GraphBatch, output: GatOutput) -> Tensor:
        return functional.cross_entropy(output.logits, batch.y, weight=self.class_weight)  # type: ignore[arg-type]


class FusionLearner(Learner):
    """Double DQN (van Hasselt, Guez and Silver 2016) on states computed beforehand; a batch is
    (state, anomaly, attack probability, label)."""

    def __init__(self, agent: FusionAgent, config: FusionConfig, train: TrainConfig, class_weight: Tensor, seed: int):
        super().__init__(train.model_copy(update={"learning_rate": config.learning_rate}), seed)
        self.network, self.config = agent, config
        self.target = frozen_copy(agent)
        self.register_buffer("class_weight", class_weight)
        self.replay: list[tuple[Tensor, ...]] = []

    def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
        state, anomaly, probability, label = batch
        agent: Any = self.network
        explore = torch.rand(len(state), device=state.device) < self._epsilon()
        best = agent(state).argmax(-1)
        action = torch.where(explore, torch.randint_like(best, len(agent.weights)), best)
        score = fused_score(agent.weights[action], anomaly, probability)
        earned = reward(score, label) * self.class_weight[label]  # type: ignore[index]
        drawn_state, drawn_action, drawn_reward = self._remember_and_draw(state, action, earned)
        with torch.no_grad():
            following = agent(drawn_state).argmax(-1, keepdim=True)
            future = self.target(drawn_state).gather(1, following).squeeze(1)
        value = agent(drawn_state).gather(1, drawn_action.unsqueeze(1)).squeeze(1)
        loss = functional.huber_loss(value, drawn_reward + self.config.gamma * future)
        if self.global_step % self.config.target_every == 0:
            self.target.load_state_dict(agent.state_dict())
        self.report("train", "loss", loss.detach(), len(state))
        return self.finite(loss)

    def validation_step(self, batch: tuple[Tensor, ...], _: int) -> None:
        state, anomaly, probability, label = batch
        agent: Any = self.network
        score = fused_score(agent.gat_weight(state), anomaly, probability)
        earned = reward(score, label) * self.class_weight[label]  # type: ignore[index]
        self.report("validation", "reward", earned.mean(), len(state))

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


def frozen(network: nn.Module | None) -> Callable[[torch.device], nn.Module] | None:
    """A teacher that is no part of the learner: not trained, not saved with the student's weights."""
    if network is None:
        return None
    network.requires_grad_(False).eval()
    return lambda device: network.to(device)


def frozen_copy(agent: FusionAgent) -> nn.Module:
    """A copy whose weights only change by loading."""
    return copy.deepcopy(agent).requires_grad_(False)
