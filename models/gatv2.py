"""The attention layer: GATv2 (Brody, Alon and Yahav, "How attentive are graph attention networks?", 2022).

Own plain operations instead of PyG's layer, for two reasons. PyG removes real self-edges before it adds
loops, and in a CAN graph a self-edge, the same ID twice in a row, is the signature of a flood. And plain
operations export to ONNX for graphs without an edge. Parameter names and numbers equal PyG's
`GATv2Conv(add_self_loops=False)`; a test compares them.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.activate import is_at_rest
from models.attend import Attend, Ends
from models.attend_at_rest import RestingEdges, attend_at_rest, resting_edges
from models.graph_batch import segment_sum

_SLOPE = 0.2  # of LeakyReLU, as PyG has it


class Gatv2Layer(nn.Module):
    """Node states [N, in] -> [N, heads * out].

    e(s, t) = a . LeakyReLU(W_l h_s + W_r h_t + W_e f_st), softmax over the edges into t, values W_l h_s.
    """

    def __init__(self, in_width: int, out_width: int, heads: int, edge_width: int) -> None:
        super().__init__()
        self.heads, self.out_width = heads, out_width
        self.lin_l = nn.Linear(in_width, heads * out_width)
        self.lin_r = nn.Linear(in_width, heads * out_width)
        self.lin_edge = nn.Linear(edge_width, heads * out_width, bias=False)
        self.att = nn.Parameter(torch.empty(1, heads, out_width))
        self.bias = nn.Parameter(torch.zeros(heads * out_width))
        for linear in (self.lin_l, self.lin_r, self.lin_edge):
            nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(self.lin_l.bias)
        nn.init.zeros_(self.lin_r.bias)
        nn.init.xavier_uniform_(self.att)

    def forward(self, states: Tensor, edges: "LoopedEdges | RestingEdges") -> Tensor:
        # Whatever the precision of the products, scores, softmax and sums are float32: half overflows at 65,504.
        values, received = self.lin_l(states).float(), self.lin_r(states).float()
        edge_weight, attention = self.lin_edge.weight, self.att[0]
        if isinstance(edges, RestingEdges):
            with torch.autocast(states.device.type, enabled=False):
                summed = attend_at_rest(values, received, edges, edge_weight, attention, _SLOPE)
        elif torch.compiler.is_compiling():
            summed = self._exportable(values, received, edges)
        else:
            ends = Ends(edges.pairs[0], edges.pairs[1], len(states))
            with torch.autocast(states.device.type, enabled=False):
                summed = Attend.apply(values, received, edges.attr, edge_weight, attention, ends, _SLOPE)  # type: ignore[no-untyped-call]
        return summed + self.bias

    def _exportable(self, values: Tensor, received: Tensor, edges: "LoopedEdges") -> Tensor:
        """The attention in plain operations, each of which ONNX has."""
        source, target = edges.pairs[0], edges.pairs[1]
        sent = values.index_select(0, source)
        score = sent + received.index_select(0, target) + self.lin_edge(edges.attr)
        score = functional.leaky_relu(score, _SLOPE).reshape(-1, self.heads, self.out_width)
        weight = _softmax_by_target((score * self.att).sum(-1), target, values.shape[0])
        messages = sent.reshape(-1, self.heads, self.out_width) * weight.unsqueeze(-1)
        return segment_sum(messages.flatten(1), target, values.shape[0])


class LoopedEdges(NamedTuple):
    """Edges whose last N are a loop at each of the N nodes; only `with_loops` makes them.

    Attributes:
        pairs: [2, E + N] int64.
        attr: [E + N, D + 1] float32; the last feature is 1 for an added loop.
    """

    pairs: Tensor
    attr: Tensor


def edges_for_attention(edge_index: Tensor, edge_attr: Tensor, n_nodes: int) -> "LoopedEdges | RestingEdges":
    """The edges as the layers want them: listed with their loops, or to score on a processor sorted by target."""
    make = resting_edges if is_at_rest(edge_index) else with_loops
    return make(edge_index, edge_attr, n_nodes)


def with_loops(edge_index: Tensor, edge_attr: Tensor, n_nodes: int) -> LoopedEdges:
    """The edges with one loop more a node, told from real self-edges by a last feature of 1."""
    loops = torch.arange(n_nodes, device=edge_index.device)
    real = torch.cat([edge_attr, edge_attr.new_zeros((edge_attr.shape[0], 1))], dim=1)
    added = torch.cat([edge_attr.new_zeros((n_nodes, edge_attr.shape[1])), edge_attr.new_ones((n_nodes, 1))], dim=1)
    return LoopedEdges(torch.cat([edge_index, torch.stack([loops, loops])], dim=1), torch.cat([real, added]))


def _softmax_by_target(logit: Tensor, target: Tensor, n_nodes: int) -> Tensor:
    """[E, H] softmax over the edges that share a target."""
    # The largest logit only keeps exp() in range, so no gradient flows through it.
    spread = target.unsqueeze(-1).expand_as(logit)
    largest = logit.new_full((n_nodes, logit.shape[1]), -1e30)
    largest = largest.scatter_reduce(0, spread, logit.detach(), "amax", include_self=True)
    exp = (logit - largest.index_select(0, target)).exp()
    return exp / (segment_sum(exp, target, n_nodes).index_select(0, target) + 1e-16)
