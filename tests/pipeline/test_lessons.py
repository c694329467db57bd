"""Lessons: the teacher's kept word is its word; batches cut on a device are those cut on the host."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.build import Inputs, build_model
from models.config import GatShape, VgaeShape
from pipeline.batches import Batches, GraphTensors
from pipeline.config import DistillationConfig, TrainConfig, VgaeLossConfig
from pipeline.device_graphs import DeviceGraphs
from pipeline.learners import GatLearner, VgaeLearner
from pipeline.lessons import Taught, lessons
from pipeline.prefetch import prefetched
from tests.models.graphs import close
from tests.pipeline.test_batches import ORDERS, graphs  # noqa: F401 -- a fixture

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("order", ORDERS)
def test_a_batch_cut_on_a_device_is_the_hosts_tensor_for_tensor(graphs: Any, order: str, device: str) -> None:  # noqa: F811
    host = GraphTensors(graphs)
    there = DeviceGraphs(host, torch.device(device))
    chosen = torch.from_numpy(ORDERS[order])
    for a, b in zip(there.batch(chosen), host.batch(chosen), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a.cpu(), b)
    assert torch.equal(there.node_rows(chosen).cpu(), host.node_rows(chosen))


def network(kind: str, graphs: Any, wide: bool) -> Any:  # noqa: F811
    inputs = Inputs(500, graphs.x.shape[1], graphs.edge_attr.shape[1])
    size = 8 if wide else 4
    shape = (
        VgaeShape(hidden=(size,), latent=size, id_width=2)
        if kind == "vgae"
        else GatShape(hidden=size, layers=1, heads=1, id_width=2, readout=size)
    )
    torch.manual_seed(size)
    return build_model(kind, shape, inputs)


@pytest.mark.parametrize("kind", ["vgae", "gat"])
def test_what_a_teacher_said_beforehand_is_what_it_says_in_the_step(kind: str, graphs: Any) -> None:  # noqa: F811
    source, teacher = GraphTensors(graphs), network(kind, graphs, wide=True)
    chosen = np.random.default_rng(1).permutation(600)[:300]
    assert Taught.fits(teacher, source)
    taught = Taught(teacher, source, chosen)
    asked = torch.from_numpy(chosen[[7, 250, 3, 3]])
    config, distillation = TrainConfig(device="cpu"), DistillationConfig(embedding_weight=0.3)
    student = network(kind, graphs, wide=False)
    learner: Any = (
        VgaeLearner(student, VgaeLossConfig(), config, 0, teacher, distillation)
        if kind == "vgae"
        else GatLearner(student, torch.ones(2), config, 0, teacher, distillation)
    )
    kept, fresh = (learner.taught(lessons(source, one)(asked)) for one in (taught, None))
    for a, b in zip(kept, fresh, strict=True):
        close(a, b)
        assert a.abs().max() > 0
    losses = []
    learner.report = lambda *_: None
    for one in (taught, None):
        torch.manual_seed(0)
        losses.append(learner.training_step(lessons(source, one)(asked), 0))
    close(*losses)
    assert any("projection" in name for name in learner.state_dict())


def test_without_distillation_nobody_is_asked(graphs: Any) -> None:  # noqa: F811
    learner = GatLearner(network("gat", graphs, wide=False), torch.ones(2), TrainConfig(), 0)
    assert learner.taught(lessons(GraphTensors(graphs))(torch.arange(3))) is None


def test_prefetched_items_are_the_same_in_the_same_order(graphs: Any) -> None:  # noqa: F811
    plain, ahead = (Batches(GraphTensors(graphs).batch, np.arange(630), 64, 5, ahead=n) for n in (0, 3))
    for a, b in zip(plain, ahead, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_an_error_while_prefetching_comes_where_its_item_would(tmp_path: Path) -> None:
    def items() -> Any:
        yield from (1, 2)
        raise ValueError("the third")

    taken = []
    with pytest.raises(ValueError, match="the third"):
        taken.extend(prefetched(items(), 1))
    stopped = []

    def endless() -> Any:
        try:
            while True:
                yield 1
        finally:
            stopped.append(True)

    source = endless()
    some = prefetched(source, 2)
    assert [next(some), next(some)] == [1, 1]
    some.close()  # joins the thread, or hangs
    source.close()
    assert stopped == [True]
