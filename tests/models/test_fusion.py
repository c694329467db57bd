"""Ways to fuse: weights that add up, a score in [0, 1], and a state whose columns are each one expert's."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from models.build import build_model, count_parameters
from models.config import FusionShape
from models.fusion import EXPERTS, STATE_WIDTH, Fusion, fused_score, state_columns, weight_grid
from tests.models.graphs import INPUTS, batch_of, detector

METHODS = ("dqn", "mlp", "logistic", "fixed", *EXPERTS)


def fusion(method: str, **options: object) -> Fusion:
    torch.manual_seed(0)
    return build_model("fusion", FusionShape(method=method, hidden=(9,), **options), INPUTS).eval()  # type: ignore


def said(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(2)
    return torch.randn(n, STATE_WIDTH, generator=random), torch.rand(n, len(EXPERTS), generator=random)


@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_the_grid_holds_each_choice_of_weights_once(steps: int) -> None:
    grid = weight_grid(steps)
    assert len(grid) == (steps + 1) * (steps + 2) // 2
    assert len({tuple(row) for row in grid.tolist()}) == len(grid)
    torch.testing.assert_close(grid.sum(1), torch.ones(len(grid)))
    assert ((grid >= 0) & (grid <= 1)).all()
    for expert in range(len(EXPERTS)):
        assert [float(place == expert) for place in range(len(EXPERTS))] in grid.tolist(), "an expert alone"


@pytest.mark.parametrize("method", METHODS)
def test_a_score_lies_between_0_and_1_and_weights_add_up(method: str) -> None:
    network = fusion(method)
    state, experts = said()
    score, weights = network(state, experts)
    assert score.shape == (64,)
    assert ((score >= 0) & (score <= 1)).all()
    has_weights = method not in ("mlp", "logistic")
    torch.testing.assert_close(weights.sum(1), torch.full((64,), float(has_weights)))
    if has_weights:
        torch.testing.assert_close(score, (weights * experts).sum(1))


def test_an_expert_alone_is_that_expert() -> None:
    state, experts = said()
    for place, name in enumerate(EXPERTS):
        assert torch.equal(fusion(name)(state, experts)[0], experts[:, place])


def test_fixed_weights_are_those_given_and_must_add_up() -> None:
    state, experts = said()
    score, weights = fusion("fixed", weights=(0.5, 0.3, 0.2))(state, experts)
    torch.testing.assert_close(weights[0], torch.tensor([0.5, 0.3, 0.2]))
    torch.testing.assert_close(score, experts @ torch.tensor([0.5, 0.3, 0.2]))
    with pytest.raises(ValidationError, match=r"weights add up to 0\.8, not 1"):
        FusionShape(method="fixed", weights=(0.5, 0.3, 0.0))


def test_the_agent_takes_the_weights_of_its_best_action() -> None:
    agent = fusion("dqn", steps=3)
    state, experts = said()
    weights = agent(state, experts)[1]
    expected = agent.grid[agent.preference(agent.q(state)).argmax(-1)]  # type: ignore[operator, index]
    assert torch.equal(weights, expected)
    assert len(weights.unique(dim=0)) > 1, "it does not always choose the same"


def test_only_what_learns_has_parameters() -> None:
    counts = {method: count_parameters(fusion(method)) for method in METHODS}
    assert counts["logistic"] == STATE_WIDTH + 1
    assert counts["mlp"] > counts["logistic"]
    assert {counts[name] for name in ("fixed", *EXPERTS)} == {0}


def test_a_gat_at_its_margin_says_a_half() -> None:
    network = fusion("gat")
    network.gat_margin.fill_(3.0)
    logits = torch.tensor([[1.0, 4.0], [0.0, 0.0], [0.0, 9.0]])
    assert network.attack_probability(logits).tolist() == pytest.approx([0.5, 0.0474, 0.9975], abs=1e-4)


def test_the_fused_score_goes_from_one_expert_to_the_others() -> None:
    experts = torch.tensor([[0.2, 1.0, 0.6]] * 4)
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.25, 0.25]])
    assert fused_score(weights, experts).tolist() == pytest.approx([0.2, 1.0, 0.6, 0.5])


def test_each_column_of_the_state_belongs_to_one_expert() -> None:
    columns = [state_columns(expert) for expert in range(len(EXPERTS))]
    assert sorted(column for own in columns for column in own) == list(range(STATE_WIDTH))
    for expert, own in enumerate(columns):
        assert own[-1] == STATE_WIDTH - len(EXPERTS) + expert, "its score, in the order of EXPERTS"


def test_what_one_expert_says_moves_its_columns_alone() -> None:
    """What blinding swaps must be all that an expert says, and nothing that another says."""
    whole, batch = detector(), batch_of([(6, 20), (3, 9)], seed=3)
    before, _ = whole.state(batch)
    with torch.no_grad():
        for expert, part in ((0, whole.vgae.to_mean), (1, whole.gat.classify)):
            part.bias.add_(torch.linspace(0.5, 1.5, len(part.bias)))
            after, _ = whole.state(batch)
            moved = set(torch.nonzero(((before - after).abs() > 1e-6).any(0)).squeeze(1).tolist())
            assert moved
            assert moved <= set(state_columns(expert))
            before = after


def test_of_weightings_that_promise_alike_the_habits_is_preferred() -> None:
    agent: Any = build_model("fusion", FusionShape(steps=2, lean=0.5), INPUTS)
    habit = agent.grid[:, EXPERTS.index("habit")]
    alike = torch.zeros(1, len(agent.grid))
    assert habit[agent.preference(alike).argmax()] == 1
    other = int(habit.argmin())
    for promise, taken in ((0.4, 1.0), (0.6, 0.0)):
        alike[0, other] = promise
        assert habit[agent.preference(alike).argmax()] == taken
