"""GATv2's attention without a derivative, for scoring on a processor: the same numbers in half the time.

Edges sorted by target make a node's sum over its edges one pass (`embedding_bag` over stretches of rows), and
loops need neither edges nor gathering. Training uses `attend`, export the plain operations in `gatv2`.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.attend import by_head

_IN_RANGE = 60.0  # exp() of it, and a sum of many, are far from float32's ends


class RestingEdges(NamedTuple):
    """Edges sorted by target, beside a loop at each node that is not listed.

    Attributes:
        source, target: [E] int64.
        attr: [E, D] float32, as of real edges.
        start: [N + 1] int64; edges start[n]:start[n + 1] lead to node n.
    """

    source: Tensor
    target: Tensor
    attr: Tensor
    start: Tensor


def resting_edges(edge_index: Tensor, edge_attr: Tensor, n_nodes: int) -> RestingEdges:
    """The edges, sorted where they are not: graphs are built in this order, a batch from elsewhere may not be."""
    source, target = edge_index[0], edge_index[1]
    if bool((target[1:] < target[:-1]).any()):
        order = target.argsort(stable=True)
        source, target, edge_attr = source[order], target[order], edge_attr[order]
    start = target.new_zeros(n_nodes + 1)
    torch.cumsum(torch.bincount(target, minlength=n_nodes), 0, out=start[1:])
    return RestingEdges(source, target, edge_attr, start)


def attend_at_rest(
    values: Tensor, received: Tensor, edges: RestingEdges, edge_weight: Tensor, attention: Tensor, slope: float
) -> Tensor:
    """[N, H * C] what `attend.Attend` gives for the same edges with their loops, whose last feature is 1."""
    real, loop = edge_weight[:, :-1], edge_weight[:, -1]
    heads = by_head(attention)
    score = received.index_select(0, edges.target).add_(values.index_select(0, edges.source)).addmm_(edges.attr, real.T)
    logit = functional.leaky_relu_(score, slope) @ heads
    own = functional.leaky_relu_((values + received).add_(loop), slope) @ heads
    if bool(logit.abs().gt(_IN_RANGE).any()) or bool(own.abs().gt(_IN_RANGE).any()):
        spread = edges.target.unsqueeze(-1).expand_as(logit)
        largest = own.scatter_reduce(0, spread, logit, "amax")
        logit, own = logit - largest.index_select(0, edges.target), own - largest
    weight, own = logit.exp_(), own.exp_()
    total = own.index_add(0, edges.target, weight)
    width = attention.shape[1]
    sums = []
    for head, sent in enumerate(torch.split(values, width, dim=1)):
        sent = sent.contiguous()
        summed = functional.embedding_bag(
            edges.source, sent, edges.start, mode="sum", include_last_offset=True,
            per_sample_weights=weight[:, head].contiguous(),
        )  # fmt: skip
        sums.append(summed.addcmul_(sent, own[:, head : head + 1]).div_(total[:, head : head + 1]))
    return sums[0] if len(sums) == 1 else torch.cat(sums, dim=1)
