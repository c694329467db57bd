"""How fast graphs become batches, beside PyG's DataLoader over the same graphs in the same run."""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.graph_batch import GraphBatch
from pipeline.batches import Batches, GraphTensors
from pipeline.graphs import GraphArrays
from tests.bench.sample import sample_graphs

_BATCH = 128
_REPEATS = 4


def data_list(graphs: GraphArrays) -> list[Any]:
    """The graphs as PyG objects, one a window."""
    from torch_geometric.data import Data

    objects = []
    for g in range(len(graphs)):
        nodes = slice(int(graphs.node_ptr[g]), int(graphs.node_ptr[g + 1]))
        edges = slice(int(graphs.edge_ptr[g]), int(graphs.edge_ptr[g + 1]))
        objects.append(
            Data(
                x=torch.from_numpy(graphs.x[nodes]),
                node_id=torch.from_numpy(graphs.node_id[nodes]).long(),
                edge_index=torch.from_numpy(graphs.edge_index[:, edges]).long(),
                edge_attr=torch.from_numpy(graphs.edge_attr[edges]),
                y=torch.tensor([int(graphs.is_attack[g])]),
            )
        )
    return objects


def equal(ours: GraphBatch, theirs: Any) -> bool:
    """Whether a batch of ours is PyG's, tensor for tensor, of the same types."""
    pairs: list[tuple[Tensor, Tensor]] = [
        (ours.node_id, theirs.node_id), (ours.x, theirs.x), (ours.edge_index, theirs.edge_index),
        (ours.edge_attr, theirs.edge_attr), (ours.ptr, theirs.ptr), (ours.y, theirs.y),
    ]  # fmt: skip
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


def main() -> dict[str, Any]:
    """Graphs a second of both over one epoch, each the best of several turns taken in alternation."""
    from torch_geometric.loader import DataLoader

    graphs, _ = sample_graphs()
    ours = Batches(GraphTensors(graphs).batch, np.arange(len(graphs)), _BATCH, shuffle_seed=1)
    shuffled = [graph for batch in Batches(lambda at: at, np.arange(len(graphs)), _BATCH, 1) for graph in batch]
    objects = data_list(graphs)
    theirs = DataLoader([objects[g] for g in shuffled], batch_size=_BATCH)
    are_equal = all(equal(a, b) for a, b in zip(ours, theirs, strict=True))
    ours_s, theirs_s = [], []
    for _ in range(_REPEATS):
        for batches, seconds in ((ours, ours_s), (theirs, theirs_s)):
            started = time.perf_counter()
            for _ in batches:
                pass
            seconds.append(time.perf_counter() - started)
    fast, slow = len(graphs) / min(ours_s), len(graphs) / min(theirs_s)
    return {
        "graphs": len(graphs),
        "batch_size": _BATCH,
        "batches_equal": are_equal,
        "graphs_per_s": round(fast),
        "graphs_per_s_pyg": round(slow),
        "ratio": round(fast / slow, 1),
        "bar": {"ratio": 5, "batches_equal": True},
    }
