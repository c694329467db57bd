"""Graphs that no recording is likely to hold and a detector in a car must still survive."""

import torch
from torch import Tensor

from models.build import Inputs
from models.graph_batch import GraphBatch

_HUNDRED = 100


def awkward_batches(inputs: Inputs) -> dict[str, GraphBatch]:
    """Batches by what is awkward about them; the same ones each time."""
    random = torch.Generator().manual_seed(20)

    def batch(sizes: list[int], edges: list[tuple[int, int]], scale: float = 1.0, known: bool = True) -> GraphBatch:
        n_nodes = sum(sizes)
        ids = torch.randint(0, inputs.vocabulary, (n_nodes,), generator=random)
        return GraphBatch(
            node_id=ids if known else torch.zeros_like(ids),
            x=scale * torch.randn(n_nodes, inputs.node_width, generator=random),
            edge_index=torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).T.contiguous(),
            edge_attr=scale * torch.randn(len(edges), inputs.edge_width, generator=random),
            ptr=_pointer(sizes),
            y=torch.zeros(0, dtype=torch.int64),
        )

    ring = [(i, (i + 1) % 4) for i in range(4)]
    chain = [(i, i + 1) for i in range(_HUNDRED - 1)]
    largest = torch.finfo(torch.float32).max
    extreme = batch([4], ring)
    return {
        "one node without an edge": batch([1], []),
        "only a self-edge": batch([1], [(0, 0)]),
        "self-edges among others": batch([3], [(0, 0), (0, 1), (1, 1), (1, 2)]),
        "an empty graph first": batch([0, 2, 2], [(0, 1), (2, 3)]),
        "an empty graph between others": batch([2, 0, 2], [(0, 1), (2, 3)]),
        "an empty graph last": batch([2, 2, 0], [(0, 1), (2, 3)]),
        "nothing but an empty graph": batch([0], []),
        "a batch of one": batch([4], ring),
        "a hundred nodes": batch([_HUNDRED], chain),
        "every ID unseen": batch([4], ring, known=False),
        "features a million times too large": batch([4], ring, scale=1e6),
        "the largest and smallest features": extreme._replace(
            x=torch.where(extreme.x > 0, largest, -largest), edge_attr=torch.full_like(extreme.edge_attr, largest)
        ),
        "features that are all zero": batch([4], ring, scale=0.0),
    }


def _pointer(sizes: list[int]) -> Tensor:
    return torch.tensor([0, *sizes]).cumsum(0)
