"""The attention layer is PyG's GATv2Conv without its self-edge trap."""

import pytest
import torch
from torch import Tensor

from models.attend_at_rest import RestingEdges
from models.gatv2 import Gatv2Layer, LoopedEdges, edges_for_attention, with_loops
from tests.models.graphs import EDGE_WIDTH, batch_of, close

SIZES = {
    "one graph": [(7, 20)],
    "many graphs": [(5, 9), (1, 0), (12, 60), (3, 1)],
    "no edges": [(4, 0), (2, 0)],
    "one node with self-edges": [(1, 3)],
    "repeated edges": [(2, 40)],
}


def layers(in_width: int = 6, edge_width: int = EDGE_WIDTH + 1) -> tuple[Gatv2Layer, torch.nn.Module]:
    """Ours and PyG's with the same weights."""
    from torch_geometric.nn import GATv2Conv

    torch.manual_seed(1)
    ours = Gatv2Layer(in_width, 4, heads=3, edge_width=edge_width)
    torch.nn.init.normal_(ours.bias)
    theirs = GATv2Conv(in_width, 4, heads=3, edge_dim=edge_width, add_self_loops=False)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def inputs(sizes: list[tuple[int, int]]) -> tuple[Tensor, LoopedEdges]:
    batch = batch_of(sizes, seed=4)
    states = torch.randn(len(batch.x), 6, generator=torch.Generator().manual_seed(2)).requires_grad_()
    edges = with_loops(batch.edge_index, batch.edge_attr, len(batch.x))
    return states, edges._replace(attr=edges.attr.detach().requires_grad_())


@pytest.mark.parametrize("sizes", SIZES)
def test_outputs_and_gradients_equal_pygs(sizes: str) -> None:
    """Ours are written out by hand (`models.attend`), PyG's are autograd's."""
    ours, theirs = layers()
    states, edges = inputs(SIZES[sizes])
    results = []
    for layer, arguments in ((ours, (states, edges)), (theirs, (states, edges.pairs, edges.attr))):
        layer.zero_grad()
        states.grad = edges.attr.grad = None
        out = layer(*arguments)
        (out * torch.linspace(-1, 1, out.numel()).reshape(out.shape)).sum().backward()
        gradients = {name: parameter.grad.clone() for name, parameter in layer.named_parameters()}
        results.append((out, gradients, states.grad.clone(), edges.attr.grad.clone()))
    (out, gradients, on_states, on_edges), (out_pyg, gradients_pyg, on_states_pyg, on_edges_pyg) = results
    close(out, out_pyg)
    close(on_states, on_states_pyg)
    close(on_edges, on_edges_pyg)
    assert gradients.keys() == gradients_pyg.keys()
    for name in gradients:
        close(gradients[name], gradients_pyg[name])


@pytest.mark.parametrize("order", ["as it came", "by target"])
@pytest.mark.parametrize("factor", [1.0, 300.0], ids=["small logits", "logits beyond exp's range"])
@pytest.mark.parametrize("sizes", SIZES)
def test_training_scoring_and_export_say_the_same(sizes: str, factor: float, order: str) -> None:
    ours, _ = layers()
    batch = batch_of(SIZES[sizes], seed=4)
    edge_index, attr = batch.edge_index, batch.edge_attr
    if order == "by target":
        by_target = edge_index[1].argsort(stable=True)
        edge_index, attr = edge_index[:, by_target], attr[by_target]
    states = factor * torch.randn(len(batch.x), 6, generator=torch.Generator().manual_seed(2))
    trained = edges_for_attention(edge_index, attr, len(states))
    with torch.no_grad():
        resting = edges_for_attention(edge_index, attr, len(states))
        assert isinstance(resting, RestingEdges)
        assert isinstance(trained, LoopedEdges)
        scored, plain = ours(states, resting), ours._exportable(ours.lin_l(states), ours.lin_r(states), trained)
    assert scored.isfinite().all()
    close(ours(states, trained) / factor, scored / factor)
    close((plain + ours.bias) / factor, scored / factor)


def test_a_real_self_edge_changes_the_output_and_pygs_default_would_lose_it() -> None:
    from torch_geometric.nn import GATv2Conv

    ours, _ = layers(edge_width=3)
    states = torch.randn(3, 6)
    chain = torch.tensor([[0, 1], [1, 2]])
    flood = torch.tensor([[0, 1, 1], [1, 2, 1]])  # the second ID twice in a row
    attr = torch.rand(3, 2)
    plain, flooded = (ours(states, with_loops(edges, attr[: edges.shape[1]], 3)) for edges in (chain, flood))
    assert (plain[1] - flooded[1]).abs().max() > 1e-3
    close(plain[[0, 2]], flooded[[0, 2]])
    trap = GATv2Conv(6, 4, heads=3, edge_dim=2)  # by default it throws the real self-edge away
    close(*(trap(states, edges, attr[: edges.shape[1]]) for edges in (chain, flood)))


def test_an_added_loop_is_told_from_a_real_one() -> None:
    edges, attr = with_loops(torch.tensor([[1], [1]]), torch.zeros(1, 2), 3)
    assert edges.tolist() == [[1, 0, 1, 2], [1, 0, 1, 2]]
    assert attr.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize("scale", [1e4, 1e8])
def test_huge_logits_stay_finite(scale: float) -> None:
    ours, _ = layers()
    states, edges = inputs([(5, 12)])
    out = ours(states * scale, edges._replace(attr=edges.attr * scale))
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in ours.parameters())
