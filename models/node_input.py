"""The first layer of every network: scaled features beside an embedding of the arbitration ID."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.config import Features
from models.habit_expert import HABIT_EDGE_FEATURES, HABIT_FEATURES

_CLIP = 10.0  # standard deviations; an injected value may be hundreds away and would drown the rest


class FeatureScale(nn.Module):
    """(x - mean) / deviation, clipped; both learnt on benign training nodes and kept with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, values: Tensor) -> None:
        """Learn from [N, width] values; a feature that never varies keeps a deviation of 0.05."""
        self.mean.copy_(values.mean(0))
        self.deviation.copy_(values.std(0, correction=0).clamp(min=0.05))

    def forward(self, values: Tensor) -> Tensor:
        factor = self.deviation.reciprocal()
        return torch.addcmul(-self.mean * factor, values, factor).clamp(-_CLIP, _CLIP)


class NodeInput(nn.Module):
    """[N] IDs and [N, F] features -> [N, id_width + F], and the [E, D] edge features scaled.

    Args:
        features: `window` hides the features that are measured against a habit.
    """

    def __init__(
        self, vocabulary: int, id_width: int, node_width: int, edge_width: int, features: Features = "all"
    ) -> None:
        super().__init__()
        self.features = features
        self.embedding = nn.Embedding(vocabulary, id_width)
        self.node_scale = FeatureScale(node_width)
        self.edge_scale = FeatureScale(edge_width)

    def forward(self, node_id: Tensor, x: Tensor, edge_attr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled node features, network input, scaled edge features."""
        scaled, edges = self.node_scale(x), self.edge_scale(edge_attr)
        if self.features == "window":
            scaled = functional.pad(scaled[:, : -len(HABIT_FEATURES)], (0, len(HABIT_FEATURES)))
            edges = functional.pad(edges[:, :-HABIT_EDGE_FEATURES], (0, HABIT_EDGE_FEATURES))
        return scaled, torch.cat([self.embedding(node_id), scaled], dim=1), edges
