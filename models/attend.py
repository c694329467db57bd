"""GATv2's attention with its derivative written out: the same numbers as the plain operations in half the time.

Autograd keeps and walks through a dozen tensors as large as all edges times all channels; by hand three are enough.
Training uses this; scoring and export use the plain operations in `gatv2`.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Ends(NamedTuple):
    """Sources and targets [E] of edges whose last `n_nodes` are a loop at each node, in the nodes' order.

    Loops need no gathering: their end of a sum or a copy is the nodes' tensor itself.
    """

    source: Tensor
    target: Tensor
    n_nodes: int

    @property
    def n_real(self) -> int:
        return len(self.source) - self.n_nodes

    def at(self, nodes: Tensor, index: Tensor) -> Tensor:
        """[E, W] the row of each edge's node."""
        rows = nodes.new_empty(len(index), nodes.shape[1])
        torch.index_select(nodes, 0, index[: self.n_real], out=rows[: self.n_real])
        rows[self.n_real :] = nodes
        return rows

    def summed(self, edges: Tensor, index: Tensor) -> Tensor:
        """[N, W] sum of the edges' rows of each node."""
        return edges[self.n_real :].clone().index_add_(0, index[: self.n_real], edges[: self.n_real])

    def softmax(self, logit: Tensor) -> Tensor:
        """[E, H] softmax over the edges that share a target, in place of `logit`."""
        spread = self.target[: self.n_real].unsqueeze(-1).expand(-1, logit.shape[1])
        largest = logit[self.n_real :].clone().scatter_reduce_(0, spread, logit[: self.n_real], "amax")
        exp = logit.sub_(self.at(largest, self.target)).exp_()
        return exp.div_(self.at(self.summed(exp, self.target), self.target))


class Attend(torch.autograd.Function):
    """[N, H * C] sums over each node's incoming edges of softmax(a . LeakyReLU(sent + received + edge)) * sent.

    Args, of `apply`:
        values, received: [N, H * C] what each node sends, and what it adds as a target.
        edge_attr, edge_weight: [E, D] and [H * C, D]; their product is an edge's own term.
        attention: [H, C] the vector a of each head.
        slope: of LeakyReLU below zero.
    """

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, received: Tensor, edge_attr: Tensor, edge_weight: Tensor, attention: Tensor,
        ends: Ends, slope: float,
    ) -> Tensor:  # fmt: skip
        sent = ends.at(values, ends.source)
        score = ends.at(received, ends.target).add_(sent).addmm_(edge_attr, edge_weight.T)
        active = functional.leaky_relu_(score, slope)
        weight = ends.softmax(active @ by_head(attention))
        ctx.save_for_backward(sent, active, weight, edge_attr, edge_weight, attention)
        ctx.ends, ctx.slope = ends, slope
        return ends.summed(_each_head(sent, weight), ends.target)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        sent, active, weight, edge_attr, edge_weight, attention = ctx.saved_tensors
        ends: Ends = ctx.ends
        heads, width = attention.shape
        arrived = ends.at(gradients[0], ends.target)
        # softmax: dL/dlogit = w (dL/dw - sum over the target's edges of w dL/dw)
        pulled = ((arrived * sent) @ by_head(torch.ones_like(attention))).mul_(weight)
        on_logit = pulled.addcmul(weight, ends.at(ends.summed(pulled, ends.target), ends.target), value=-1)
        on_attention = (active.T @ on_logit).view(heads, width, heads).diagonal(dim1=0, dim2=2).T
        on_active = on_logit @ by_head(attention).T
        on_score = torch.ops.aten.leaky_relu_backward(on_active, active, ctx.slope, True)
        on_sent = _each_head(arrived, weight).add_(on_score)
        return (
            ends.summed(on_sent, ends.source), ends.summed(on_score, ends.target),
            on_score @ edge_weight if ctx.needs_input_grad[2] else None, on_score.T @ edge_attr, on_attention,
            None, None,
        )  # fmt: skip


def by_head(attention: Tensor) -> Tensor:
    """[H * C, H] so that a product with it is each head's dot product: quicker than a product and a sum."""
    heads, width = attention.shape
    spread = attention.new_zeros(heads, width, heads)
    spread.diagonal(dim1=0, dim2=2).copy_(attention.T)
    return spread.view(heads * width, heads)


def _each_head(rows: Tensor, weight: Tensor) -> Tensor:
    """[E, H * C] rows times the [E, H] weight of each head."""
    edges, heads = weight.shape
    return (rows.view(edges, heads, rows.shape[1] // heads) * weight.unsqueeze(-1)).view_as(rows)
