"""What a training step is given: graphs, which ones they are, and what the teacher says of them.

A teacher at rest says the same of a window in every epoch, so it is asked once, before the first.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.gat import Gat
from models.graph_batch import GraphBatch
from models.vgae import Vgae
from pipeline.batches import Batches, GraphTensors
from pipeline.device_graphs import DeviceGraphs

Source = GraphTensors | DeviceGraphs
_ASK = 256  # graphs at a time
_MOST_BYTES = 2**31  # of what a teacher said; beyond, it is asked again in each step


class Lesson(NamedTuple):
    """A batch to learn from.

    Attributes:
        numbers: [G] int64, which graphs of the set these are.
        taught: the teacher's word, where it was asked beforehand; see `word_of`.
    """

    graphs: GraphBatch
    numbers: Tensor
    taught: tuple[Tensor, ...] | None = None


def word_of(teacher: Any, batch: GraphBatch) -> tuple[Tensor, Tensor]:
    """What a student learns of: a VGAE's latent means and rebuilt features by node, a GAT's logits and embedding
    by graph."""
    with torch.no_grad():
        said = teacher(batch)
    return (said.mean, said.features) if isinstance(teacher, Vgae) else (said.logits, said.embedding)


def lessons(source: Source, taught: "Taught | None" = None) -> Callable[[Tensor], Lesson]:
    """Cuts the lesson of the graphs with the given indices."""

    def cut(chosen: Tensor) -> Lesson:
        batch = source.batch(chosen)
        return Lesson(batch, chosen.to(batch.y.device), taught.of(chosen) if taught else None)

    return cut


class Taught:
    """The teacher's word on some graphs, by graph for a GAT and by node for a VGAE."""

    def __init__(self, teacher: Gat | Vgae, source: Source, chosen: NDArray[np.int64]) -> None:
        """Asks the teacher, which moves to where the graphs are."""
        self.by_node, self.source = isinstance(teacher, Vgae), source
        n_rows = source.n_nodes if self.by_node else source.n_graphs
        columns: list[Tensor] = []
        for lesson in Batches(lessons(source), chosen, _ASK):
            word = word_of(teacher.to(lesson.graphs.x.device).eval(), lesson.graphs)
            rows = self._rows(lesson.numbers.cpu())
            columns = columns or [said.new_zeros(n_rows, said.shape[1]) for said in word]
            for column, said in zip(columns, word, strict=True):
                column[rows] = said
        self.columns = columns

    @staticmethod
    def fits(teacher: Gat | Vgae, source: Source) -> bool:
        """Whether what the teacher says of all graphs is small enough to keep."""
        if isinstance(teacher, Vgae):
            return 4 * (teacher.to_mean.out_features + teacher.to_features.out_features) * source.n_nodes <= _MOST_BYTES
        return 4 * (teacher.readout.out_features + 2) * source.n_graphs <= _MOST_BYTES

    def of(self, chosen: Tensor) -> tuple[Tensor, ...]:
        rows = self._rows(chosen)
        return tuple(column.index_select(0, rows) for column in self.columns)

    def _rows(self, chosen: Tensor) -> Tensor:
        return self.source.node_rows(chosen) if self.by_node else chosen.to(self.source.device)
