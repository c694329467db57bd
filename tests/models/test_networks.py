"""Networks see each graph by itself, whatever stands beside it in a batch, and stay finite."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.anomaly import ERRORS
from models.build import SHAPES, Inputs, build_model, count_parameters
from models.config import FusionShape, GatShape, VgaeShape
from models.fusion import EXPERTS, STATE_WIDTH
from models.graph_batch import GraphBatch, graph_of_node, segment_max, segment_mean, segment_sum
from models.node_input import FeatureScale
from models.vgae import draw_missing_edges, reconstruction_errors
from tests.models.graphs import INPUTS, batch_of, close, detector, joined, one

MIXED = [(6, 20), (1, 0), (0, 0), (3, 9), (1, 4), (40, 99), (2, 0), (0, 0)]


def per_graph(name: str) -> Callable[[GraphBatch], Tensor]:
    """[G, …] what a part of the detector says of each graph."""
    whole = detector()
    return {
        "logits": lambda batch: whole.gat(batch).logits,
        "embedding": lambda batch: whole.gat(batch).embedding,
        "errors": lambda batch: reconstruction_errors(batch, whole.vgae(batch)),
        "state": lambda batch: torch.cat(whole.state(batch), dim=1),
        "score": lambda batch: torch.stack(list(whole(batch)), dim=1),
    }[name]


@pytest.mark.parametrize("name", ["logits", "embedding", "errors", "state", "score"])
def test_a_batch_of_many_equals_one_by_one(name: str) -> None:
    said, batch = per_graph(name), batch_of(MIXED, seed=3)
    together = said(batch)
    assert len(together) == len(MIXED)
    close(together, torch.cat([said(one(batch, g)) for g in range(len(MIXED))]))


@pytest.mark.parametrize("name", ["logits", "embedding", "errors", "state", "score"])
def test_a_graph_is_told_the_same_beside_extreme_neighbours(name: str) -> None:
    """The lab's fusion state was computed over a batch, so that a window's score hung on its neighbours."""
    said, mine = per_graph(name), batch_of([(6, 20)], seed=1)
    calm, wild = batch_of([(9, 30)] * 4, seed=5), batch_of([(300, 900)] * 4, seed=6, scale=1e6)
    close(said(joined([mine, calm]))[0], said(joined([mine, wild]))[0])
    close(said(joined([wild, mine]))[-1], said(mine)[0])


def test_graphs_without_nodes_or_edges_have_defined_values() -> None:
    batch = batch_of([(0, 0), (1, 0), (0, 0)])
    out = detector()(batch)
    for values in out:
        assert values.shape == (3,)
        assert torch.isfinite(values).all()


EXTREME = {
    "zeros": 0.0, "tiny": 1e-30, "large": 1e6, "the largest": 3e38,
}  # fmt: skip


@pytest.mark.parametrize("scale", EXTREME.values(), ids=list(EXTREME))
def test_every_network_stays_finite_on_extreme_inputs(scale: float) -> None:
    whole = detector()
    batch = batch_of([(5, 12), (1, 1), (3, 0)], seed=2)
    batch = batch._replace(x=batch.x.sign() * scale, edge_attr=batch.edge_attr.sign() * scale)
    for training in (False, True):
        whole.train(training)
        for part in (whole.vgae(batch), whole.gat(batch), whole(batch)):
            for name, values in part._asdict().items():
                assert torch.isfinite(values).all(), name
    scores = whole.eval()(batch)
    for name, values in scores._asdict().items():
        assert ((values >= 0) & (values <= 1)).all(), name


def test_the_score_is_the_weighted_sum_of_its_three_parts() -> None:
    out = detector()(batch_of(MIXED))
    rest = 1 - out.gat_weight - out.habit_weight
    expected = rest * out.anomaly + out.gat_weight * out.attack_probability + out.habit_weight * out.habit_score
    close(out.score, expected)


def test_at_rest_nothing_is_drawn_and_in_training_it_is() -> None:
    whole, batch = detector(), batch_of([(6, 20)])
    first, second = whole(batch), whole(batch)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    whole.train()
    assert not torch.equal(whole.vgae(batch).latent, whole.vgae(batch).latent)


def test_an_edges_direction_and_features_matter() -> None:
    whole, batch = detector(), batch_of([(6, 20)])
    turned = batch._replace(edge_index=batch.edge_index.flip(0))
    other = batch._replace(edge_attr=batch.edge_attr + 1)
    for changed in (turned, other):
        assert not torch.allclose(whole.gat(batch).logits, whole.gat(changed).logits)
        assert not torch.allclose(whole.vgae(batch).mean, whole.vgae(changed).mean)


def test_the_order_of_nodes_and_edges_does_not_matter() -> None:
    whole, batch = detector(), batch_of([(6, 20)])
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    place = torch.argsort(order)
    edges = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    shuffled = batch._replace(
        node_id=batch.node_id[order], x=batch.x[order], edge_index=place[batch.edge_index][:, edges],
        edge_attr=batch.edge_attr[edges],
    )  # fmt: skip
    for a, b in zip(whole(batch), whole(shuffled), strict=True):
        close(a, b)


def test_missing_edges_are_drawn_within_their_graph_and_from_all_of_it() -> None:
    batch = batch_of([(3, 40), (1, 5), (0, 0), (7, 300)], seed=8)
    owner = graph_of_node(batch.ptr, len(batch.x))
    torch.manual_seed(0)
    targets: dict[int, set[int]] = {}
    for _ in range(20):
        drawn = draw_missing_edges(batch)
        assert torch.equal(drawn[0], batch.edge_index[0])
        assert torch.equal(owner[drawn[0]], owner[drawn[1]])
        for source, target in drawn.T.tolist():
            targets.setdefault(int(owner[source]), set()).add(target)
    assert targets == {0: {0, 1, 2}, 1: {3}, 3: set(range(4, 11))}


def test_a_drawn_number_next_to_1_stays_in_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of([(3, 4), (16_777_3, 4)], seed=8)
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.full(*size, 1 - 2**-24))
    drawn = draw_missing_edges(batch)
    owner = graph_of_node(batch.ptr, len(batch.x))
    assert torch.equal(owner[drawn[0]], owner[drawn[1]])


@pytest.mark.parametrize("sizes", [[3, 1, 2], [0, 3, 0, 0, 2, 0], [0], [0, 0], [5]])
def test_nodes_know_their_graph(sizes: list[int]) -> None:
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    expected = [g for g, size in enumerate(sizes) for _ in range(size)]
    assert graph_of_node(ptr, sum(sizes)).tolist() == expected


def test_segments_equal_a_loop() -> None:
    values, index = torch.randn(9, 2), torch.tensor([0, 0, 3, 1, 3, 3, 0, 1, 3])
    rows = [values[index == s] for s in range(5)]
    close(segment_sum(values, index, 5), torch.stack([row.sum(0) for row in rows]))
    none = torch.zeros(2)
    close(segment_mean(values, index, 5), torch.stack([row.mean(0) if len(row) else none for row in rows]))
    close(segment_max(values, index, 5), torch.stack([row.amax(0) if len(row) else none for row in rows]))


def test_features_are_scaled_by_what_they_were_fitted_on() -> None:
    scale, values = FeatureScale(2), torch.tensor([[0.0, 7.0], [2.0, 7.0]])
    scale.fit(values)
    out = scale(torch.tensor([[1.0, 7.0], [1e9, 7.05]]))
    assert out[0].tolist() == [0.0, 0.0]
    assert out[1, 0].item() == 10.0, "clipped"
    assert out[1, 1].item() == pytest.approx(1.0, abs=1e-3), "a feature that never varied has a deviation of 0.05"


def test_a_scale_fitted_on_a_single_row_is_finite() -> None:
    scale = FeatureScale(2)
    scale.fit(torch.tensor([[3.0, 4.0]]))
    assert torch.isfinite(scale(torch.randn(4, 2))).all()


def test_every_shape_is_built_and_counted() -> None:
    for model, shape in (("vgae", VgaeShape()), ("gat", GatShape()), ("fusion", FusionShape())):
        network = build_model(model, shape, INPUTS)
        assert count_parameters(network) == sum(p.numel() for p in network.parameters())
        assert SHAPES[model] is type(shape)
        with pytest.raises(ValueError, match="no model"):
            build_model("oracle", shape, INPUTS)
    with pytest.raises(ValueError, match="no model 'gat' with a VgaeShape"):
        build_model("gat", VgaeShape(), Inputs(1, 1, 1))


def test_the_state_has_the_width_the_agent_takes() -> None:
    batch = batch_of(MIXED)
    whole = detector()
    state, experts = whole.state(batch)
    assert state.shape == (len(MIXED), STATE_WIDTH)
    assert experts.shape == (len(MIXED), len(EXPERTS))
    assert len(ERRORS) == reconstruction_errors(batch, whole.vgae(batch)).shape[1]
