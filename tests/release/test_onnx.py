from typing import Any

import numpy as np
import onnx
import pytest
import torch

from models.config import FusionShape
from models.detector import Detector
from models.fusion import EXPERTS, FixedFusion
from pipeline.release.awkward import awkward_batches
from pipeline.release.errors import ReleaseError
from pipeline.release.onnx import check_reductions, export_detector, strip
from pipeline.release.parity import compare
from pipeline.release.runtimes import OnnxDetector, TorchDetector
from tests.release.conftest import INPUTS, untrained

BATCHES = awkward_batches(INPUTS)


@pytest.fixture(scope="module")
def exported(detector: Detector) -> bytes:
    return export_detector(detector, BATCHES["an empty graph between others"], {"kdgat.run_id": "a run"})


@pytest.mark.parametrize("name", BATCHES)
def test_awkward_graphs_give_what_the_network_gives(name: str, detector: Detector, exported: bytes) -> None:
    batch = BATCHES[name]
    comparison = compare(name, TorchDetector(detector)(batch), OnnxDetector(exported)(batch), threshold=0.5)
    assert comparison.equal, comparison
    assert comparison.windows == batch.n_graphs


def test_one_expert_alone_is_fixed_weights() -> None:
    """So that of these four ways to fuse, which are one graph with other numbers in it, one is exported."""
    found = {method: untrained(FusionShape(method=method)).fusion for method in ("fixed", *EXPERTS)}
    assert {type(fusion) for fusion in found.values()} == {FixedFusion}
    shapes = [{name: value.shape for name, value in one.state_dict().items()} for one in found.values()]
    assert all(one == shapes[0] for one in shapes)


@pytest.mark.parametrize("method", ["mlp", "logistic", "fixed"])
def test_every_way_to_fuse_can_be_exported(method: str) -> None:
    network = untrained(FusionShape(method=method, hidden=(8,)))
    runtime = OnnxDetector(export_detector(network, BATCHES["an empty graph between others"], {}))
    for name, batch in BATCHES.items():
        comparison = compare(name, TorchDetector(network)(batch), runtime(batch), threshold=0.5)
        assert comparison.equal, comparison


def test_a_crowded_batch_gives_the_same_scores_each_time(detector: Detector, exported: bytes) -> None:
    # as many edges as it took for sums that race between two threads to show each time
    batch, n_edges = BATCHES["a hundred nodes"], 400_000
    random = torch.Generator().manual_seed(1)
    batch = batch._replace(
        edge_index=torch.randint(0, 100, (2, n_edges), generator=random),
        edge_attr=torch.randn(n_edges, INPUTS.edge_width, generator=random),
    )
    runtime = OnnxDetector(exported)
    scores = [runtime(batch)["score"] for _ in range(5)]
    np.testing.assert_allclose(scores, np.broadcast_to(TorchDetector(detector)(batch)["score"], (5, 1)), atol=1e-5)


def test_equal_weights_give_equal_bytes_whatever_the_example(detector: Detector, exported: bytes) -> None:
    again = export_detector(detector, BATCHES["an empty graph last"], {"kdgat.run_id": "a run"})
    assert again == exported


def test_the_graph_names_no_file_of_this_machine(exported: bytes) -> None:
    assert b".py" not in exported
    model = onnx.load_from_string(exported)
    assert [one.key for one in model.metadata_props] == ["kdgat.run_id"]
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


def scatter(op_type: str, **attributes: Any) -> onnx.ModelProto:
    node = onnx.helper.make_node(op_type, ["x", "i", "u"], ["y"], name="a_sum", doc_string="File /projects/x.py")
    node.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in attributes.items())
    value = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None])
    graph = onnx.helper.make_graph([node], "g", [], [value], value_info=[value])
    return onnx.helper.make_model(graph)


def test_a_sum_that_would_race_is_refused() -> None:
    with pytest.raises(ReleaseError, match="a_sum is a ScatterND"):
        check_reductions(scatter("ScatterND", reduction="add"))
    check_reductions(scatter("ScatterElements", reduction="add"))


def test_stripping_leaves_no_note_of_the_exporter() -> None:
    model = scatter("ScatterElements")
    strip(model)
    assert b"/projects" not in model.SerializeToString()
    assert not model.graph.value_info
