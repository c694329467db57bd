"""What is hidden while training: whole graphs' IDs, or single nodes."""

import torch

from models.corruption import UNKNOWN_ID, hide_ids, hide_nodes
from models.graph_batch import graph_of_node
from pipeline.vocabulary import UNSEEN
from tests.models.graphs import NODE_WIDTH, batch_of

BATCH = batch_of([(7, 20)] * 400, seed=3)
BATCH = BATCH._replace(node_id=BATCH.node_id + 1)


def test_a_graph_hides_all_its_ids_or_none() -> None:
    torch.manual_seed(0)
    hidden = hide_ids(BATCH, 0.3)
    is_hidden = hidden.node_id == UNKNOWN_ID
    by_graph = is_hidden.view(400, 7)
    assert (by_graph.all(1) == by_graph.any(1)).all()
    assert 0.2 < by_graph.any(1).float().mean() < 0.4
    assert torch.equal(hidden.node_id[~is_hidden], BATCH.node_id[~is_hidden])
    assert torch.equal(hidden.x, BATCH.x)
    assert (graph_of_node(hidden.ptr, len(hidden.x)).view(400, 7) == torch.arange(400).view(400, 1)).all()
    assert UNKNOWN_ID == UNSEEN


def test_a_hidden_node_looks_like_any_other() -> None:
    torch.manual_seed(0)
    ordinary = torch.arange(NODE_WIDTH).float()
    hidden = hide_nodes(BATCH, 0.15, ordinary)
    is_hidden = hidden.node_id == UNKNOWN_ID
    assert 0.12 < is_hidden.float().mean() < 0.18
    assert (hidden.x[is_hidden] == ordinary).all()
    assert torch.equal(hidden.x[~is_hidden], BATCH.x[~is_hidden])
    assert not torch.equal(hidden.x, BATCH.x)


def test_nothing_is_hidden_by_default() -> None:
    assert hide_ids(BATCH, 0.0) is BATCH
    assert hide_nodes(BATCH, 0.0, torch.zeros(NODE_WIDTH)) is BATCH
