"""Small batches for the networks, plain and awkward."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.build import Inputs, build_model
from models.config import FusionShape, GatShape, VgaeShape
from models.detector import Detector
from models.graph_batch import GraphBatch
from models.habit_expert import HABIT_FEATURES

VOCABULARY, NODE_WIDTH, EDGE_WIDTH = 12, 5 + len(HABIT_FEATURES), 3
INPUTS = Inputs(VOCABULARY, NODE_WIDTH, EDGE_WIDTH)
VGAE = VgaeShape(hidden=(8, 6), heads=2, latent=5, id_width=3, dropout=0.3)
GAT = GatShape(hidden=4, layers=3, heads=2, id_width=3, readout=7, dropout=0.3)
FUSION = FusionShape(hidden=(9,), steps=4)


def batch_of(sizes: Sequence[tuple[int, int]], seed: int = 0, scale: float = 1.0) -> GraphBatch:
    """A batch of random graphs, each given as (nodes, edges)."""
    random = torch.Generator().manual_seed(seed)
    nodes, edges = [n for n, _ in sizes], [e for _, e in sizes]
    ptr = torch.tensor([0, *nodes]).cumsum(0)
    pairs = [
        torch.randint(int(first), int(first) + n, (2, e), generator=random)
        if n
        else torch.zeros(2, 0, dtype=torch.long)
        for first, n, e in zip(ptr[:-1], nodes, edges, strict=True)
    ]
    return GraphBatch(
        node_id=torch.randint(0, VOCABULARY, (sum(nodes),), generator=random),
        x=torch.randn(sum(nodes), NODE_WIDTH, generator=random) * scale,
        edge_index=torch.cat(pairs, dim=1),
        edge_attr=torch.randn(sum(edges), EDGE_WIDTH, generator=random) * scale,
        ptr=ptr,
        y=torch.randint(0, 2, (len(sizes),), generator=random),
    )


def one(batch: GraphBatch, g: int) -> GraphBatch:
    """The g-th graph of a batch, alone."""
    first, last = int(batch.ptr[g]), int(batch.ptr[g + 1])
    inside = (batch.edge_index[0] >= first) & (batch.edge_index[0] < last)
    return GraphBatch(
        batch.node_id[first:last], batch.x[first:last], batch.edge_index[:, inside] - first, batch.edge_attr[inside],
        torch.tensor([0, last - first]), batch.y[g : g + 1],
    )  # fmt: skip


def joined(graphs: Sequence[GraphBatch]) -> GraphBatch:
    """Batches put behind each other as one."""
    ptr, edges = [torch.zeros(1, dtype=torch.long)], []
    for graph in graphs:
        edges.append(graph.edge_index + ptr[-1][-1])
        ptr.append(graph.ptr[1:] + ptr[-1][-1])
    cat = lambda name, dim=0: torch.cat([getattr(graph, name) for graph in graphs], dim)  # noqa: E731
    return GraphBatch(cat("node_id"), cat("x"), torch.cat(edges, 1), cat("edge_attr"), torch.cat(ptr), cat("y"))


def detector(seed: int = 0) -> Detector:
    """An untrained detector at rest."""
    torch.manual_seed(seed)
    parts = [build_model("vgae", VGAE, INPUTS), build_model("gat", GAT, INPUTS), build_model("fusion", FUSION, INPUTS)]
    return Detector(*parts).eval()  # type: ignore[arg-type]


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
