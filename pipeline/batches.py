"""Batches cut from flat arrays with one gather a column, instead of an object a graph."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.graph_batch import GraphBatch
from pipeline.graphs import GraphArrays
from pipeline.prefetch import prefetched

Batch = TypeVar("Batch")
Index = NDArray[np.int64]


class GraphTensors:
    """Batches of tensors out of flat arrays, which may be memory-mapped.

    NumPy gathers: on stretches this short torch's own gathers take twice as long, and on a busy machine
    their threads wait for each other.
    """

    device = torch.device("cpu")

    def __init__(self, graphs: GraphArrays) -> None:
        self.node_id = np.asarray(graphs.node_id)
        self.x = np.asarray(graphs.x)
        self.node_ptr = np.asarray(graphs.node_ptr)
        self.source, self.target = np.asarray(graphs.edge_index)
        self.edge_attr = np.asarray(graphs.edge_attr)
        self.edge_ptr = np.asarray(graphs.edge_ptr)
        self.y = graphs.is_attack.astype(np.int64)

    @property
    def n_graphs(self) -> int:
        return len(self.y)

    @property
    def n_nodes(self) -> int:
        return len(self.node_id)

    @property
    def n_bytes(self) -> int:
        """Memory that all columns take."""
        return sum(int(column.nbytes) for column in vars(self).values())

    def count_nodes(self, chosen: Tensor) -> int:
        return _count(self.node_ptr, chosen.numpy())

    def count_edges(self, chosen: Tensor) -> int:
        return _count(self.edge_ptr, chosen.numpy())

    def node_rows(self, chosen: Tensor) -> Tensor:
        """[N] the rows, among all nodes, of the chosen graphs' nodes."""
        return torch.from_numpy(_rows(self.node_ptr, chosen.numpy())[0])

    def batch(self, chosen: Tensor) -> GraphBatch:
        """The graphs with the given indices [B], in that order, as one disconnected graph."""
        graphs = chosen.numpy()
        nodes, ptr, _ = _rows(self.node_ptr, graphs)
        edges, _, n_edges = _rows(self.edge_ptr, graphs)
        offset = np.repeat(ptr[:-1], n_edges)
        edge_index = np.empty((2, len(edges)), dtype=np.int64)
        np.add(self.source.take(edges), offset, out=edge_index[0])
        np.add(self.target.take(edges), offset, out=edge_index[1])
        return GraphBatch(
            node_id=torch.from_numpy(self.node_id.take(nodes).astype(np.int64)),
            x=torch.from_numpy(self.x.take(nodes, axis=0)),
            edge_index=torch.from_numpy(edge_index),
            edge_attr=torch.from_numpy(self.edge_attr.take(edges, axis=0)),
            ptr=torch.from_numpy(ptr),
            y=torch.from_numpy(self.y.take(graphs)),
        )


def _count(pointer: Index, chosen: Index) -> int:
    return int((pointer[chosen + 1] - pointer[chosen]).sum())


def _rows(pointer: Index, chosen: Index) -> tuple[Index, Index, Index]:
    """Row numbers of the chosen graphs one after another, the new pointer [B + 1], and rows a graph [B]."""
    first = pointer[chosen]
    count = pointer[chosen + 1] - first
    new_pointer = np.zeros(len(chosen) + 1, dtype=np.int64)
    np.cumsum(count, out=new_pointer[1:])
    rows = np.repeat(first - new_pointer[:-1], count)
    rows += np.arange(len(rows))
    return rows, new_pointer, count


class Batches(Generic[Batch]):
    """Epochs over some indices; shuffled differently each epoch, but equally for equal seeds.

    The order depends on seed and epoch alone, so a resumed run goes on with the batches it would have had.

    Args:
        cut: gives the batch for a tensor of indices [B], such as `GraphTensors.batch`.
        chosen: [K] the indices an epoch runs over.
        select: gives the K indices of an epoch by its number, where they are not the same every time.
        ahead: cut this many batches in a thread of their own while a step runs; for batches that still have to
            travel to an accelerator. On a CPU it gains nothing: the cut is a hundredth of a step.
    """

    def __init__(
        self,
        cut: Callable[[Tensor], Batch],
        chosen: Index,
        batch_size: int,
        shuffle_seed: int | None = None,
        select: Callable[[int], Index] | None = None,
        ahead: int = 0,
    ) -> None:
        self.cut = cut
        self.chosen = torch.from_numpy(np.asarray(chosen, dtype=np.int64))
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.select = select
        self.ahead = ahead
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.chosen) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.chosen if self.select is None else torch.from_numpy(self.select(self.epoch))
        if self.shuffle_seed is not None:
            generator = torch.Generator().manual_seed(self.shuffle_seed * 100_003 + self.epoch)
            order = order[torch.randperm(len(order), generator=generator)]
        batches = (self.cut(order[start : start + self.batch_size]) for start in range(0, len(order), self.batch_size))
        # A generator: its order is made when the first batch is asked for, by when `epoch` is the right one.
        yield from prefetched(batches, self.ahead) if self.ahead else batches
