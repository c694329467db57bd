"""The first layer of every network: scaled features beside an embedding of the arbitration ID."""

import torch
from torch import Tensor, nn

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
        return ((values - self.mean) / self.deviation).clamp(-_CLIP, _CLIP)


class NodeInput(nn.Module):
    """[N] IDs and [N, F] features -> [N, id_width + F], and the [E, D] edge features scaled."""

    def __init__(self, vocabulary: int, id_width: int, node_width: int, edge_width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, id_width)
        self.node_scale = FeatureScale(node_width)
        self.edge_scale = FeatureScale(edge_width)

    def forward(self, node_id: Tensor, x: Tensor, edge_attr: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled node features, network input, scaled edge features."""
        scaled = self.node_scale(x)
        return scaled, torch.cat([self.embedding(node_id), scaled], dim=1), self.edge_scale(edge_attr)
