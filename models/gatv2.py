"""The attention layer: GATv2 (Brody, Alon and Yahav, "How attentive are graph attention networks?", 2022).

Own plain operations instead of PyG's layer, for two reasons. PyG removes real self-edges before it adds
loops, and in a CAN graph a self-edge, the same ID twice in a row, is the signature of a flood. And plain
operations export to ONNX for graphs without an edge. Parameter names and numbers equal PyG's
`GATv2Conv(add_self_loops=False)`; a test compares them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.graph_batch import segment_sum


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

    def forward(self, states: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """Every node should have an edge into it (see `with_loops`); one without gets the bias alone."""
        source, target = edge_index[0], edge_index[1]
        values = self.lin_l(states)
        sent = values.index_select(0, source)  # its gradient is one index_add; that of values[source] is slow
        score = sent + self.lin_r(states).index_select(0, target) + self.lin_edge(edge_attr)
        score = functional.leaky_relu(score, 0.2).reshape(-1, self.heads, self.out_width)
        logit = (score * self.att).sum(-1)
        weight = _softmax_by_target(logit, target, states.shape[0])
        messages = sent.reshape(-1, self.heads, self.out_width) * weight.unsqueeze(-1)
        gathered = segment_sum(messages.flatten(1), target, states.shape[0])
        return gathered + self.bias


def with_loops(edge_index: Tensor, edge_attr: Tensor, n_nodes: int) -> tuple[Tensor, Tensor]:
    """The edges with one loop more a node, told from real self-edges by a last feature of 1.

    Returns:
        [2, E + N] edges and [E + N, D + 1] features.
    """
    loops = torch.arange(n_nodes, device=edge_index.device)
    real = torch.cat([edge_attr, edge_attr.new_zeros((edge_attr.shape[0], 1))], dim=1)
    added = torch.cat([edge_attr.new_zeros((n_nodes, edge_attr.shape[1])), edge_attr.new_ones((n_nodes, 1))], dim=1)
    return torch.cat([edge_index, torch.stack([loops, loops])], dim=1), torch.cat([real, added])


def _softmax_by_target(logit: Tensor, target: Tensor, n_nodes: int) -> Tensor:
    """[E, H] softmax over the edges that share a target."""
    # The largest logit only keeps exp() in range, so no gradient flows through it.
    spread = target.unsqueeze(-1).expand_as(logit)
    largest = logit.new_full((n_nodes, logit.shape[1]), -1e30)
    largest = largest.scatter_reduce(0, spread, logit.detach(), "amax", include_self=True)
    exp = (logit - largest.index_select(0, target)).exp()
    return exp / (segment_sum(exp, target, n_nodes).index_select(0, target) + 1e-16)
