"""Batches cut from flat arrays with one gather a column, instead of an object a graph."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.graph_batch import GraphBatch
from pipeline.graphs import GraphArrays

Batch = TypeVar("Batch")


class GraphTensors:
    """The flat arrays as tensors over the same memory."""

    def __init__(self, graphs: GraphArrays) -> None:
        self.node_id = torch.from_numpy(graphs.node_id)
        self.x = torch.from_numpy(graphs.x)
        self.node_ptr = torch.from_numpy(graphs.node_ptr)
        self.edge_index = torch.from_numpy(graphs.edge_index)
        self.edge_attr = torch.from_numpy(graphs.edge_attr)
        self.edge_ptr = torch.from_numpy(graphs.edge_ptr)
        self.y = torch.from_numpy(graphs.is_attack).long()

    def batch(self, chosen: Tensor) -> GraphBatch:
        """The graphs with the given indices [B], in that order, as one disconnected graph."""
        nodes, ptr, _ = _rows(self.node_ptr, chosen)
        edges, _, n_edges = _rows(self.edge_ptr, chosen)
        offset = torch.repeat_interleave(ptr[:-1], n_edges)
        return GraphBatch(
            node_id=self.node_id.index_select(0, nodes).long(),
            x=self.x.index_select(0, nodes),
            edge_index=self.edge_index.index_select(1, edges).long() + offset,
            edge_attr=self.edge_attr.index_select(0, edges),
            ptr=ptr,
            y=self.y.index_select(0, chosen),
        )


def _rows(pointer: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row numbers of the chosen graphs one after another, the new pointer [B + 1], and rows a graph [B]."""
    first = pointer.index_select(0, chosen)
    count = pointer.index_select(0, chosen + 1) - first
    new_pointer = torch.zeros(len(chosen) + 1, dtype=torch.int64)
    torch.cumsum(count, 0, out=new_pointer[1:])
    shift = torch.repeat_interleave(first - new_pointer[:-1], count)
    return shift + torch.arange(int(new_pointer[-1])), new_pointer, count


class Batches(Generic[Batch]):
    """Epochs over some indices; shuffled differently each epoch, but equally for equal seeds.

    The order depends on seed and epoch alone, so a resumed run goes on with the batches it would have had.

    Args:
        cut: gives the batch for a tensor of indices [B], such as `GraphTensors.batch`.
        chosen: [K] the indices an epoch runs over.
    """

    def __init__(
        self,
        cut: Callable[[Tensor], Batch],
        chosen: NDArray[np.int64],
        batch_size: int,
        shuffle_seed: int | None = None,
    ) -> None:
        self.cut = cut
        self.chosen = torch.from_numpy(np.asarray(chosen, dtype=np.int64))
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.chosen) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.chosen
        if self.shuffle_seed is not None:
            generator = torch.Generator().manual_seed(self.shuffle_seed * 100_003 + self.epoch)
            order = order[torch.randperm(len(order), generator=generator)]
        for start in range(0, len(order), self.batch_size):
            yield self.cut(order[start : start + self.batch_size])
