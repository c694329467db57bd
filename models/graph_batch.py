"""What every network takes: a batch of graphs as one disconnected graph."""

from typing import NamedTuple

import torch
from torch import Tensor


class GraphBatch(NamedTuple):
    """`G` graphs with `N` nodes and `E` edges in all.

    Attributes:
        node_id: [N] int64, index in the vocabulary, 0 for an unseen ID.
        x: [N, F] float32, node features.
        edge_index: [2, E] int64, source and target, counted over the batch.
        edge_attr: [E, D] float32, edge features.
        ptr: [G + 1] int64; graph g owns the nodes ptr[g]:ptr[g + 1].
        y: [G] int64, 1 for an attack; empty where labels are not known.
    """

    node_id: Tensor
    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor
    ptr: Tensor
    y: Tensor

    @property
    def n_graphs(self) -> int:
        return self.ptr.shape[0] - 1


def graph_of_node(ptr: Tensor, n_nodes: int) -> Tensor:
    """[N] the graph of each node.

    A running sum of marks at the graphs' first nodes: plain ops that export to ONNX, with `G` taken from
    the shape of `ptr`, so that empty graphs at the end of a batch are counted too.
    """
    marks = torch.zeros(n_nodes + 1, dtype=torch.int64, device=ptr.device)
    inner = ptr[1:-1]
    marks = marks.index_add(0, inner, torch.ones_like(inner))
    return marks.cumsum(0)[:n_nodes]


def segment_sum(values: Tensor, index: Tensor, n_segments: int) -> Tensor:
    """[S, …] sum of the rows of `values` with each index, at least float32; 0 for a segment without rows."""
    values = _wide(values)
    return values.new_zeros((n_segments, *values.shape[1:])).index_add(0, index, values)


def segment_mean(values: Tensor, index: Tensor, n_segments: int) -> Tensor:
    """[S, …] mean of the rows with each index, at least float32; 0 for a segment without rows."""
    values = _wide(values)
    ones = values.new_ones(values.shape[0])
    count = segment_sum(ones, index, n_segments).clamp(min=1)
    return segment_sum(values, index, n_segments) / count.reshape(-1, *[1] * (values.dim() - 1))


def segment_max(values: Tensor, index: Tensor, n_segments: int, empty: float = 0.0) -> Tensor:
    """[S, …] maximum of the rows with each index, at least float32; `empty` for a segment without rows."""
    values = _wide(values)
    lowest = values.new_full((n_segments, *values.shape[1:]), -1e30)
    spread = index.reshape(-1, *[1] * (values.dim() - 1)).expand_as(values)
    found = lowest.scatter_reduce(0, spread, values, "amax", include_self=True)
    return torch.where(found > -1e29, found, torch.full_like(found, empty))


def _wide(values: Tensor) -> Tensor:
    """Half precision as float32: a sum of 65,504 ones is already its end, and eight bits forget the small ones."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
