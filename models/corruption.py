"""What a network is not shown while it trains: some nodes, or which IDs a car has."""

import torch
from torch import Tensor

from models.graph_batch import GraphBatch, graph_of_node

UNKNOWN_ID = 0  # the vocabulary's index of an ID that was never seen


def hide_ids(batch: GraphBatch, share: float) -> GraphBatch:
    """The batch with all IDs of this share of its graphs unknown, as those of another car would be."""
    if share == 0:
        return batch
    hidden = torch.rand(batch.n_graphs, device=batch.ptr.device) < share
    of_node = hidden.index_select(0, graph_of_node(batch.ptr, batch.x.shape[0]))
    return batch._replace(node_id=batch.node_id.masked_fill(of_node, UNKNOWN_ID))


def hide_nodes(batch: GraphBatch, share: float, ordinary: Tensor) -> GraphBatch:
    """The batch with the ID and the features of this share of its nodes hidden.

    Args:
        ordinary: [F] what a hidden node's features are set to, the mean of benign nodes.
    """
    if share == 0:
        return batch
    hidden = torch.rand(batch.x.shape[0], device=batch.x.device) < share
    features = torch.where(hidden.unsqueeze(1), ordinary, batch.x)
    return batch._replace(node_id=batch.node_id.masked_fill(hidden, UNKNOWN_ID), x=features)
