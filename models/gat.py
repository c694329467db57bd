"""The classifier: GATv2 layers, jumping knowledge (Xu et al. 2018), mean and max readout, two logits."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.activate import Elu, NormElu
from models.config import GatShape
from models.dropout import Dropout
from models.gatv2 import Gatv2Layer, edges_for_attention
from models.graph_batch import GraphBatch, graph_of_node, segment_max, segment_mean
from models.node_input import NodeInput


class GatOutput(NamedTuple):
    """`logits` [G, 2] (benign, attack) and the pooled `embedding` [G, W] they were read from."""

    logits: Tensor
    embedding: Tensor


class Gat(nn.Module):
    """A graph a window -> is it an attack?"""

    def __init__(self, shape: GatShape, vocabulary: int, node_width: int, edge_width: int) -> None:
        super().__init__()
        self.input = NodeInput(vocabulary, shape.id_width, node_width, edge_width, shape.features)
        width = shape.hidden * shape.heads
        widths = [shape.id_width + node_width, *[width] * shape.layers]
        self.layers = nn.ModuleList(
            Gatv2Layer(before, shape.hidden, shape.heads, edge_width + 1) for before in widths[:-1]
        )
        self.norms = nn.ModuleList(NormElu(width) for _ in range(shape.layers))
        self.dropout = Dropout(shape.dropout)
        self.readout = nn.Linear(2 * width * shape.layers, shape.readout)
        self.elu = Elu()
        self.classify = nn.Linear(shape.readout, 2)

    def forward(self, batch: GraphBatch) -> GatOutput:
        _, states, edge_attr = self.input(batch.node_id, batch.x, batch.edge_attr)
        edges = edges_for_attention(batch.edge_index, edge_attr, batch.x.shape[0])
        kept = []
        for layer, activate in zip(self.layers, self.norms, strict=True):
            states = self.dropout(activate(layer(states, edges)))
            kept.append(states)
        joined = torch.cat(kept, dim=1)
        graph = graph_of_node(batch.ptr, batch.x.shape[0])
        pooled = [pool(joined, graph, batch.n_graphs) for pool in (segment_mean, segment_max)]
        embedding = self.elu(self.readout(torch.cat(pooled, dim=1)).float())
        return GatOutput(self.classify(self.dropout(embedding)).float(), embedding)
