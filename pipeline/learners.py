"""Plain networks inside Lightning: what a step minimises and what an epoch reports."""

from typing import Any

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from models.classification import window_losses
from models.corruption import hide_ids, hide_nodes
from models.distillation import EmbeddingProjection, LatentProjection, blend, soft_label_loss
from models.gat import Gat, GatOutput
from models.graph_batch import GraphBatch
from models.vgae import Vgae, VgaeOutput, VgaeTerms, draw_missing_edges, vgae_terms
from pipeline.config import DistillationConfig, TrainConfig, VgaeLossConfig
from pipeline.learner import StudentLearner
from pipeline.lessons import Lesson

_MOST_MINED = 5.0  # times the mean loss; what is harder counts no more, since it may be mislabelled


class VgaeLearner(StudentLearner):
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
        super().__init__(config, seed, teacher, distillation)
        self.network, self.loss_config = network, loss
        if teacher is not None:
            self.projection = LatentProjection(network.to_mean.out_features, teacher.to_mean.out_features)

    def training_step(self, lesson: Lesson, _: int) -> Tensor:
        whole = hide_ids(lesson.graphs, self.train_config.id_dropout)
        network: Any = self.network
        scale = network.input.node_scale
        output = network(hide_nodes(whole, self.loss_config.mask_share, scale.mean))
        output = output._replace(scaled=scale(whole.x))  # a hidden node is to be rebuilt as it was
        parts = self._terms(whole, output)
        loss, terms = self._weighted(parts), parts._asdict()
        taught = self.taught(lesson)
        if taught is not None:
            terms["distilled"] = self.projection(output, *taught)
            loss = blend(loss, terms["distilled"], self.distillation.alpha)
        self.report("train", "loss", loss.detach(), whole.n_graphs)
        return self.finite(loss, terms, lesson.numbers)

    def validation_step(self, lesson: Lesson, _: int) -> None:
        loss = self._weighted(self._terms(lesson.graphs, self.network(lesson.graphs)))
        self.report("validation", "loss", loss, lesson.graphs.n_graphs)

    def _terms(self, batch: GraphBatch, output: VgaeOutput) -> VgaeTerms:
        network: Any = self.network
        return vgae_terms(batch, output, network.edge_logits(output.latent, draw_missing_edges(batch)))

    def _weighted(self, terms: VgaeTerms) -> Tensor:
        weights = self.loss_config
        return terms.weighted(weights.id_weight, weights.edge_weight, weights.kl_weight)


class GatLearner(StudentLearner):
    """Benign and attack windows, classes weighed by their rarity. With a teacher, `alpha` of the loss is
    the divergence from the teacher's softened word.

    Args:
        class_weight: [2] of a training step's windows.
        validation_weight: [2] of the validation loss, which so stays the same measure whatever is drawn in
            training; `class_weight` by default.
        n_graphs: of the whole prepared set; needed where hard windows are mined.
    """

    def __init__(
        self,
        network: Gat,
        class_weight: Tensor,
        config: TrainConfig,
        seed: int,
        teacher: Gat | None = None,
        distillation: DistillationConfig | None = None,
        validation_weight: Tensor | None = None,
        n_graphs: int = 0,
    ) -> None:
        super().__init__(config, seed, teacher, distillation)
        self.network = network
        self.register_buffer("class_weight", class_weight)
        self.register_buffer("validation_weight", class_weight if validation_weight is None else validation_weight)
        self.register_buffer("seen_loss", torch.zeros(n_graphs))  # by graph, in its last step; 0 until then
        self._mined: Tensor | None = None
        if teacher is not None and self.distillation.embedding_weight:
            self.projection = EmbeddingProjection(network.readout.out_features, teacher.readout.out_features)
        self._validation: list[tuple[Tensor, Tensor]] = []

    def on_train_epoch_start(self) -> None:
        super().on_train_epoch_start()
        if self.train_config.imbalance.mining:
            self._mined = mined_weights(self.seen_loss, self.train_config.imbalance.mining)  # type: ignore[arg-type]

    def training_step(self, lesson: Lesson, _: int) -> Tensor:
        batch = hide_ids(lesson.graphs, self.train_config.id_dropout)
        output: GatOutput = self.network(batch)
        by_window = window_losses(output.logits, batch.y, self.train_config.imbalance.focal_gamma)
        weight = self.class_weight[batch.y]  # type: ignore[index]
        if self._mined is not None:
            self.seen_loss[lesson.numbers] = by_window.detach()  # type: ignore[operator]
            weight = weight * self._mined[lesson.numbers]
        loss = (weight * by_window).mean()
        terms = {"classification": loss}
        taught = self.taught(lesson)
        if taught is not None:
            logits, embedding = taught
            terms["distilled"] = soft_label_loss(output.logits, logits, self.distillation.temperature)
            loss = blend(loss, terms["distilled"], self.distillation.alpha)
            if self.distillation.embedding_weight:
                terms["embedding"] = self.projection(output.embedding, embedding)
                loss = loss + self.distillation.embedding_weight * terms["embedding"]
        self.report("train", "loss", loss.detach(), batch.n_graphs)
        return self.finite(loss, terms, lesson.numbers)

    def validation_step(self, lesson: Lesson, _: int) -> None:
        batch = lesson.graphs
        output: GatOutput = self.network(batch)
        weight = self.validation_weight[batch.y]  # type: ignore[index]
        self.report("validation", "loss", (weight * window_losses(output.logits, batch.y)).mean(), batch.n_graphs)
        self._validation.append((output.logits.softmax(-1)[:, 1], batch.y))

    def on_validation_epoch_end(self) -> None:
        score, y = (torch.cat(column).cpu() for column in zip(*self._validation, strict=True))
        self._validation.clear()
        if 0 < y.sum() < len(y):  # AUROC needs both classes; without them the metric has no row
            self.log("validation/auroc", torch.tensor(float(roc_auc_score(y, score))))


def mined_weights(seen_loss: Tensor, strength: float) -> Tensor:
    """[G] 1 on average over the graphs seen; `strength` of a weight follows the graph's own loss."""
    seen = seen_loss > 0
    if not seen.any():
        return torch.ones_like(seen_loss)
    share = (seen_loss / seen_loss[seen].mean()).clamp(max=_MOST_MINED)
    share = torch.where(seen, share / share[seen].mean(), torch.ones_like(share))
    return 1 - strength + strength * share
