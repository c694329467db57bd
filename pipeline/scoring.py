"""Scores of a capture's windows by any model, under a protocol: one code for evaluation, `score` and release."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np
import torch
from numpy.typing import NDArray

from models.detector import Detection, Detector
from models.gat import Gat
from models.graph_batch import GraphBatch
from models.habit_expert import habit_evidence, habit_score
from models.vgae import Vgae, reconstruction_errors
from pipeline.batches import Batches, GraphTensors
from pipeline.can_log import CanLog
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_stream import GraphStream
from pipeline.graphs import GraphArrays
from pipeline.habit import Habit
from pipeline.protocols import KNOWN, Protocol, habit_under
from pipeline.vocabulary import NO_VOCABULARY, Vocabulary

_BATCH = 256
Columns = dict[str, NDArray[np.float64]]
Scorer = Callable[[GraphBatch], Mapping[str, torch.Tensor]]


@dataclass(frozen=True)
class Knowledge:
    """What a model brings to a capture beside its weights."""

    vocabulary: Vocabulary
    habits: Mapping[str, Habit]
    window: WindowConfig
    habit: HabitConfig


class ReadyDetector(Interface):
    """What can score a recording, whatever it runs in."""

    @property
    def knowledge(self) -> Knowledge: ...

    def threshold(self, protocol: str) -> float:
        """An alarm lies above it."""

    def scorer(self) -> Scorer:
        """Gives the columns of `models.detector.Detection` for a batch."""


def graph_stream(
    knowledge: Knowledge, protocol: Protocol, head: CanLog, vehicle: str, threads: int | None = None
) -> GraphStream:
    """The stream that builds a capture's graphs under the protocol.

    Args:
        head: the capture, or at least the seconds that the protocol learns its habit from.

    Raises:
        CaptureError: the capture is shorter than its calibration prefix.
    """
    habit = habit_under(protocol, head, vehicle, knowledge.habits, knowledge.window.size, knowledge.habit)
    vocabulary = knowledge.vocabulary if protocol.name == KNOWN else NO_VOCABULARY
    return GraphStream(habit, knowledge.window, knowledge.habit, vocabulary, threads)


def stream_graphs(stream: GraphStream, pieces: Iterable[CanLog]) -> Iterator[GraphArrays]:
    """The graphs of a capture that comes in pieces."""
    waiting: CanLog | None = None
    for piece in pieces:
        if waiting is not None and (graphs := stream.feed(waiting, is_last=False)) is not None:
            yield graphs
        waiting = piece
    if waiting is not None and (graphs := stream.feed(waiting, is_last=True)) is not None:
        yield graphs


def score_graphs(scorer: Scorer, graphs: GraphArrays) -> Columns:
    """[G] each column that the scorer gives, `score` among them."""
    tensors = GraphTensors(graphs)
    with torch.inference_mode():
        parts = [scorer(batch) for batch in Batches(tensors.batch, np.arange(len(graphs)), _BATCH)]
    return {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}


def scorer_of(network: torch.nn.Module) -> Scorer:
    """How a network, or the whole detector, scores a batch."""
    match network:
        case Detector():
            return lambda batch: _named(network(batch))
        case Vgae():
            return lambda batch: {"score": network.anomaly(reconstruction_errors(batch, network(batch)))}
        case Gat():
            return lambda batch: {"score": network(batch).logits.softmax(-1)[:, 1]}
    raise TypeError(f"{type(network).__name__} gives no scores")


def habit_scorer(batch: GraphBatch) -> Mapping[str, torch.Tensor]:
    """The rules alone."""
    return {"score": habit_score(habit_evidence(batch))}


def _named(detection: Detection) -> dict[str, torch.Tensor]:
    return detection._asdict()
