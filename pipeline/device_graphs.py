"""All graphs on the accelerator, batches cut there: a step copies its indices across and nothing else."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from models.graph_batch import GraphBatch
from pipeline.batches import GraphTensors

_SHARE_OF_FREE = 0.5  # of the device's free memory that the graphs may take; the rest is the training's


class DeviceGraphs:
    """The same batches as `GraphTensors`, tensor for tensor, made on `device`."""

    def __init__(self, graphs: GraphTensors, device: torch.device) -> None:
        self.host, self.device = graphs, device
        self.n_graphs, self.n_nodes = graphs.n_graphs, graphs.n_nodes

        def put(column: NDArray[Any]) -> Tensor:
            return torch.from_numpy(column).to(device)

        self.node_id, self.x, self.edge_attr = put(graphs.node_id), put(graphs.x), put(graphs.edge_attr)
        self.source, self.target, self.y = put(graphs.source), put(graphs.target), put(graphs.y)
        self.node_ptr, self.edge_ptr = put(graphs.node_ptr), put(graphs.edge_ptr)

    def batch(self, chosen: Tensor) -> GraphBatch:
        """The graphs with the given indices [B], which lie on the host, in that order."""
        at = chosen.to(self.device, non_blocking=True)
        nodes, ptr, _ = self._rows(self.node_ptr, at, self.host.count_nodes(chosen))
        edges, _, n_edges = self._rows(self.edge_ptr, at, self.host.count_edges(chosen))
        offset = torch.repeat_interleave(ptr[:-1], n_edges, output_size=len(edges))
        ends = [end.index_select(0, edges).long() + offset for end in (self.source, self.target)]
        return GraphBatch(
            node_id=self.node_id.index_select(0, nodes).long(),
            x=self.x.index_select(0, nodes),
            edge_index=torch.stack(ends),
            edge_attr=self.edge_attr.index_select(0, edges),
            ptr=ptr,
            y=self.y.index_select(0, at),
        )

    def node_rows(self, chosen: Tensor) -> Tensor:
        """[N] the rows, among all nodes, of the chosen graphs' nodes."""
        return self._rows(self.node_ptr, chosen.to(self.device), self.host.count_nodes(chosen))[0]

    def _rows(self, pointer: Tensor, at: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
        """As `batches._rows`; `total` is known on the host, so that nothing waits for the device."""
        first = pointer.index_select(0, at)
        count = pointer.index_select(0, at + 1) - first
        new_pointer = torch.nn.functional.pad(count.cumsum(0), (1, 0))
        rows = torch.repeat_interleave(first - new_pointer[:-1], count, output_size=total)
        return rows + torch.arange(total, device=self.device), new_pointer, count


def graph_source(graphs: GraphTensors, kind: str) -> GraphTensors | DeviceGraphs:
    """Where batches are cut: on the GPU where the graphs fit beside the training, else on the host."""
    if kind == "cpu":
        return graphs
    free, _ = torch.cuda.mem_get_info()
    return DeviceGraphs(graphs, torch.device("cuda")) if graphs.n_bytes < _SHARE_OF_FREE * free else graphs
