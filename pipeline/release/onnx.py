"""The whole detector as one ONNX graph, with nothing in it of the machine that made it."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from onnxscript import opset20
from torch import Tensor, nn

from models.detector import Detection, Detector
from models.graph_batch import GraphBatch
from pipeline.release.errors import ReleaseError

OPSET = 20
INPUTS = ("node_id", "x", "edge_index", "edge_attr", "ptr")
OUTPUTS = Detection._fields
# The one axis of each input and output that varies, and its name in the file.
_INPUT_AXIS = {
    "node_id": (0, "nodes"), "x": (0, "nodes"), "edge_index": (1, "edges"), "edge_attr": (0, "edges"),
    "ptr": (0, "graphs_plus_1"),
}  # fmt: skip
_CHATTY = ("torch.onnx", "onnx_ir", "onnxscript")


class _FlatInputs(nn.Module):
    """The detector with tensors for arguments, which is what an ONNX graph has.

    A graph of one node and one edge is appended to every batch and its outputs dropped: ONNX Runtime gives
    reductions over no rows the wrong shape, and so would refuse a window without an edge.
    """

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, node_id: Tensor, x: Tensor, edge_index: Tensor, edge_attr: Tensor, ptr: Tensor) -> Detection:
        n_nodes = ptr[-1:]
        padded = GraphBatch(
            node_id=torch.cat([node_id, node_id.new_zeros(1)]),
            x=torch.cat([x, x.new_zeros((1, x.shape[1]))]),
            edge_index=torch.cat([edge_index, n_nodes.expand(2).unsqueeze(1)], dim=1),
            edge_attr=torch.cat([edge_attr, edge_attr.new_zeros((1, edge_attr.shape[1]))]),
            ptr=torch.cat([ptr, n_nodes + 1]),
            y=ptr[:0],  # labels are not known
        )
        return Detection(*(output[:-1] for output in self.detector(padded)))


def export_detector(detector: Detector, example: GraphBatch, metadata: Mapping[str, str]) -> bytes:
    """The detector as a serialised ONNX model; equal weights and metadata give equal bytes.

    Args:
        example: a batch of two graphs or more; its sizes do not stay in the graph.
    """
    axes = {name: {axis: torch.export.Dim.DYNAMIC} for name, (axis, _) in _INPUT_AXIS.items()}
    with _quiet_exporter():
        program: Any = torch.onnx.export(
            _FlatInputs(detector).eval(),
            tuple(getattr(example, name) for name in INPUTS),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=axes,
            input_names=INPUTS,
            output_names=OUTPUTS,
            external_data=False,
            verbose=False,
            custom_translation_table={torch.ops.aten.index_add.default: _index_add},
        )
    model = program.model_proto
    check_reductions(model)
    strip(model)
    _name_axes(model)
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _index_add(self: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    """aten::index_add without ONNX's ScatterND, see `check_reductions`."""
    if alpha != 1:
        raise ValueError(f"index_add with alpha={alpha} is not used by these networks and not translated")
    others: Any = opset20.Constant(value_ints=[axis for axis in range(len(source.shape)) if axis != dim])
    spread = opset20.Expand(opset20.Unsqueeze(index, others), opset20.Shape(source))
    return opset20.ScatterElements(self, spread, source, axis=dim, reduction="add")


def check_reductions(model: onnx.ModelProto) -> None:
    """Raises ReleaseError where a sum is a ScatterND: ONNX Runtime adds to one row from several threads
    without a lock, and gives another score now and then on a machine with many cores."""
    for node in model.graph.node:
        if node.op_type == "ScatterND":
            raise ReleaseError(
                f"{node.name} is a ScatterND, whose sums race in ONNX Runtime. A network uses an operation that "
                "pipeline/release/onnx.py does not translate yet; write it with segment_sum, or translate it there."
            )


def strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes: each node carries a stack trace with the paths of the machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]  # shapes found on the way; int8 quantisation stumbles over them


def _name_axes(model: onnx.ModelProto) -> None:
    for value in model.graph.input:
        axis, name = _INPUT_AXIS[value.name]
        value.type.tensor_type.shape.dim[axis].dim_param = name
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[0].dim_param = "graphs"


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter warns of an absent torchvision and of its own internals; errors still come through."""
    levels = {name: logging.getLogger(name).level for name in _CHATTY}
    try:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
