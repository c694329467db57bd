"""The anomaly detector: a variational graph autoencoder (Kipf and Welling 2016) over windows.

It learns what benign windows look like: node features, which ID a node has, and which IDs follow which.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.activate import Elu, NormElu
from models.anomaly import AnomalyScale
from models.config import VgaeShape
from models.dropout import Dropout
from models.gatv2 import Gatv2Layer, edges_for_attention
from models.graph_batch import GraphBatch, graph_of_node, segment_max, segment_mean
from models.node_input import NodeInput

_LOG_VARIANCE = 10.0  # beyond this exp() overflows half precision (the lab's NaN runs)


class VgaeOutput(NamedTuple):
    """`mean`, `log_variance` and the drawn `latent` [N, L]; `features` [N, F] rebuilt and `scaled` as they
    were, `id_logits` [N, C], `edge_logits` [E] of the edges that are there."""

    mean: Tensor
    log_variance: Tensor
    latent: Tensor
    scaled: Tensor
    features: Tensor
    id_logits: Tensor
    edge_logits: Tensor


class Vgae(nn.Module):
    """A graph a window -> the same graph through a narrow latent space; at rest the latent is its mean."""

    def __init__(self, shape: VgaeShape, vocabulary: int, node_width: int, edge_width: int) -> None:
        super().__init__()
        self.input = NodeInput(vocabulary, shape.id_width, node_width, edge_width, shape.features)
        widths = [shape.id_width + node_width, *(width * shape.heads for width in shape.hidden)]
        self.layers = nn.ModuleList(
            Gatv2Layer(before, width, shape.heads, edge_width + 1)
            for before, width in zip(widths[:-1], shape.hidden, strict=True)
        )
        self.norms = nn.ModuleList(NormElu(width) for width in widths[1:])
        self.dropout = Dropout(shape.dropout)
        self.to_mean = nn.Linear(widths[-1], shape.latent)
        self.to_log_variance = nn.Linear(widths[-1], shape.latent)
        self.decode = nn.Sequential(nn.Linear(shape.latent, shape.hidden[-1]), Elu())
        self.to_features = nn.Linear(shape.hidden[-1], node_width)
        self.to_id = nn.Linear(shape.hidden[-1], min(shape.id_classes or vocabulary, vocabulary))
        self.edge_source = nn.Linear(shape.latent, shape.latent)
        self.anomaly = AnomalyScale()

    def forward(self, batch: GraphBatch) -> VgaeOutput:
        scaled, states, edge_attr = self.input(batch.node_id, batch.x, batch.edge_attr)
        edges = edges_for_attention(batch.edge_index, edge_attr, batch.x.shape[0])
        for layer, activate in zip(self.layers, self.norms, strict=True):
            states = self.dropout(activate(layer(states, edges)))
        # float32 from here on, whatever the precision of the products: exp() and squares overflow half precision
        mean = self.to_mean(states).float()
        log_variance = self.to_log_variance(states).float().clamp(-_LOG_VARIANCE, _LOG_VARIANCE)
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        decoded = self.decode(latent)
        features, id_logits = self.to_features(decoded).float(), self.to_id(decoded).float()
        edge_logits = self.edge_logits(latent, batch.edge_index)
        return VgaeOutput(mean, log_variance, latent, scaled, features, id_logits, edge_logits)

    def edge_logits(self, latent: Tensor, edge_index: Tensor) -> Tensor:
        """[E] how likely the second node's frame follows the first's; bilinear, since edges have a direction."""
        source: Tensor = self.edge_source(latent).float().index_select(0, edge_index[0])
        return (source * latent.index_select(0, edge_index[1])).sum(-1)


def reconstruction_errors(batch: GraphBatch, output: VgaeOutput) -> Tensor:
    """[G, len(anomaly.ERRORS)]: mean and largest squared feature error of a graph's nodes, mean negative
    log-likelihood of its IDs and of its edges."""
    n_graphs = batch.n_graphs
    graph = graph_of_node(batch.ptr, batch.x.shape[0])
    width = output.scaled.shape[1]
    # a product with a vector is a quarter of the time of a mean over rows this short
    feature = (output.features - output.scaled).square() @ output.scaled.new_full((width,), 1 / width)
    # cross_entropy's own kernel does not export; a gather of log-probabilities does.
    id_error = -output.id_logits.log_softmax(-1).gather(1, id_class(batch, output).unsqueeze(1)).squeeze(1)
    edge_error = functional.softplus(-output.edge_logits)
    return torch.stack(
        [
            segment_mean(feature, graph, n_graphs),
            segment_max(feature, graph, n_graphs),
            segment_mean(id_error, graph, n_graphs),
            segment_mean(edge_error, graph[batch.edge_index[0]], n_graphs),
        ],
        dim=1,
    )


def id_class(batch: GraphBatch, output: VgaeOutput) -> Tensor:
    """[N] what `id_logits` tell apart: IDs, or where there are fewer classes their remainders."""
    return batch.node_id % output.id_logits.shape[1]


class VgaeTerms(NamedTuple):
    """The parts of the loss, each a mean over nodes or edges and not yet weighted."""

    feature: Tensor
    identity: Tensor
    edge: Tensor
    kl: Tensor

    def weighted(self, id_weight: float, edge_weight: float, kl_weight: float) -> Tensor:
        """Feature error + weighted ID, edge and KL terms."""
        return self.feature + id_weight * self.identity + edge_weight * self.edge + kl_weight * self.kl


def vgae_terms(batch: GraphBatch, output: VgaeOutput, missing_edge_logits: Tensor) -> VgaeTerms:
    """How badly the output tells the batch.

    Args:
        missing_edge_logits: [M] logits of pairs drawn as not being edges.
    """
    return VgaeTerms(
        feature=(output.features - output.scaled).square().mean(),
        identity=functional.cross_entropy(output.id_logits, id_class(batch, output)),
        edge=functional.softplus(-output.edge_logits).mean() + functional.softplus(missing_edge_logits).mean(),
        kl=-0.5 * (1 + output.log_variance - output.mean.square() - output.log_variance.exp()).mean(),
    )


def draw_missing_edges(batch: GraphBatch) -> Tensor:
    """[2, E] for each edge a pair with its source and a random target of the same graph."""
    graph = graph_of_node(batch.ptr, batch.x.shape[0])[batch.edge_index[0]]
    size = (batch.ptr[1:] - batch.ptr[:-1])[graph]
    drawn = (torch.rand(size.shape, device=size.device) * size).long().clamp(max=batch.x.shape[0] - 1)
    return torch.stack([batch.edge_index[0], batch.ptr[graph] + torch.minimum(drawn, size - 1)])
