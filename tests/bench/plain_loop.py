"""The peer of `./run bench train`: a GATv2 classifier the way the documents of PyG and Lightning write one.

Shapes, initial widths, losses, optimiser and batch size are those of our student; the layers, the pooling, the
data loader and the training loop are theirs, with their defaults.
"""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATv2Conv, global_max_pool, global_mean_pool

from models.config import GatShape
from models.node_input import FeatureScale


class PygGat(nn.Module):
    """`models.gat.Gat` out of PyG's layers."""

    def __init__(self, shape: GatShape, vocabulary: int, node_width: int, edge_width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, shape.id_width)
        self.node_scale, self.edge_scale = FeatureScale(node_width), FeatureScale(edge_width)
        width = shape.hidden * shape.heads
        widths = [shape.id_width + node_width, *[width] * shape.layers]
        self.layers = nn.ModuleList(
            GATv2Conv(before, shape.hidden, heads=shape.heads, edge_dim=edge_width) for before in widths[:-1]
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(shape.layers))
        self.dropout = nn.Dropout(shape.dropout)
        self.readout = nn.Linear(2 * width * shape.layers, shape.readout)
        self.classify = nn.Linear(shape.readout, 2)

    def forward(self, data: Any) -> Tensor:
        states = torch.cat([self.embedding(data.node_id), self.node_scale(data.x)], dim=1)
        edge_attr = self.edge_scale(data.edge_attr)
        kept = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            states = self.dropout(functional.elu(norm(layer(states, data.edge_index, edge_attr))))
            kept.append(states)
        joined = torch.cat(kept, dim=1)
        pooled = torch.cat([global_mean_pool(joined, data.batch), global_max_pool(joined, data.batch)], dim=1)
        return self.classify(self.dropout(functional.elu(self.readout(pooled))))


class PlainLearner(pl.LightningModule):
    """Steps, losses logged an epoch, the optimiser; with a teacher, its word in every step."""

    def __init__(
        self, network: PygGat, class_weight: Tensor, learning_rate: float, weight_decay: float,
        teacher: PygGat | None = None, alpha: float = 0.0, temperature: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network, self.teacher = network, teacher
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.alpha, self.temperature = alpha, temperature
        self.register_buffer("class_weight", class_weight)
        if teacher is not None:
            teacher.eval().requires_grad_(False)

    def training_step(self, data: Any, _: int) -> Tensor:
        logits = self.network(data)
        loss = self._loss(logits, data.y)
        if self.teacher is not None:
            with torch.no_grad():
                taught = self.teacher(data)
            soft = functional.kl_div(
                functional.log_softmax(logits / self.temperature, -1),
                functional.log_softmax(taught / self.temperature, -1),
                log_target=True, reduction="batchmean",
            )  # fmt: skip
            loss = (1 - self.alpha) * loss + self.alpha * self.temperature**2 * soft
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=data.num_graphs)
        return loss

    def validation_step(self, data: Any, _: int) -> None:
        loss = self._loss(self.network(data), data.y)
        self.log("validation/loss", loss, batch_size=data.num_graphs)

    def _loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """As ours: the mean over windows of weight times cross-entropy."""
        by_window = functional.cross_entropy(logits, label, reduction="none")
        return (self.class_weight[label] * by_window).mean()  # type: ignore[index]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)
