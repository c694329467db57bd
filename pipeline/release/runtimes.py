"""The detector in its two runtimes, called alike."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from models.detector import Detector
from models.fusion import FusionAgent
from models.graph_batch import GraphBatch
from pipeline.release.errors import ReleaseError
from pipeline.release.onnx import INPUTS, OUTPUTS
from pipeline.scoring import Scorer

Outputs = Mapping[str, NDArray[np.float64]]


class OnnxDetector:
    """The exported graph in ONNX Runtime on the CPU."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # it raises its errors as well
        options.intra_op_num_threads = 4  # also on one core: a race between threads should show here
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with _refusing("cannot read the graph"):
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, batch: GraphBatch) -> Outputs:
        feed = {name: getattr(batch, name).numpy() for name in INPUTS}
        sizes = f"{batch.n_graphs} graphs, {len(batch.node_id)} nodes and {batch.edge_index.shape[1]} edges"
        with _refusing(f"fails on a batch of {sizes}"):
            values = self._session.run(list(OUTPUTS), feed)
        return {name: value.astype(np.float64) for name, value in zip(OUTPUTS, values, strict=True)}


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # its errors have no common type; each of them is a reason to refuse
        raise ReleaseError(f"ONNX Runtime {what}: {error}. Nothing was written; please report it.") from error


class TorchDetector:
    """The network itself, and beside its outputs how far the best two Q values lie apart (`q_gap`).

    The gap is infinite where no agent chooses: then no other weight is ever as good.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector.eval()
        self._q: list[torch.Tensor] = []
        if isinstance(detector.fusion, FusionAgent):
            detector.fusion.preference.register_forward_hook(lambda _, __, q: self._q.append(q))

    def __call__(self, batch: GraphBatch) -> Outputs:
        self._q.clear()
        with torch.inference_mode():
            outputs = self._detector(batch)._asdict()
        gap = torch.full((batch.n_graphs,), torch.inf)
        if self._q and self._q[-1].shape[1] > 1:
            best = self._q[-1].topk(2, dim=-1).values
            gap = best[:, 0] - best[:, 1]
        return {name: value.double().numpy() for name, value in {**outputs, "q_gap": gap}.items()}


def as_scorer(detector: OnnxDetector | TorchDetector) -> Scorer:
    """The runtime as evaluation calls a model."""
    return lambda batch: {name: torch.from_numpy(values) for name, values in detector(batch).items()}
