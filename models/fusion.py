"""Fusion: what VGAE, GAT and the habit say of a window, and how much of each to believe.

A Q-network (Mnih et al. 2015) chooses the experts' weights out of a grid. A window's decision has no
consequence for the next, so this is a contextual bandit: with gamma = 0 the target is the reward alone.
Beside it stand simpler ways to the same end, on the same state: a perceptron and a logistic regression that
score at once, fixed weights, and each expert alone.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.anomaly import ERRORS
from models.config import FusionShape
from models.gat import GatOutput
from models.graph_batch import GraphBatch, graph_of_node, segment_mean
from models.habit_expert import EVIDENCE
from models.vgae import VgaeOutput

# The experts, in the order of every column of weights and scores.
EXPERTS = ("vgae", "gat", "habit")
_LEVELS_OFF = 0.1  # margin at which half of the reward is earned
_WIDTHS = (len(ERRORS) + 4, 2 + 4 + 1, len(EVIDENCE))  # what the state holds of each expert, in their order
STATE_WIDTH = sum(_WIDTHS) + len(EXPERTS)


def fusion_state(
    batch: GraphBatch, vgae: VgaeOutput, errors: Tensor, gat: GatOutput, evidence: Tensor, experts: Tensor
) -> Tensor:
    """[G, STATE_WIDTH] what is fused: the VGAE's standardised errors and the moments of its latent, the GAT's
    probabilities, the moments of its embedding and its certainty, the departures from habit, the experts' scores.

    Args:
        errors: [G, len(ERRORS)] of the VGAE, standardised.
    """
    graph = graph_of_node(batch.ptr, batch.x.shape[0])
    latent = segment_mean(vgae.mean, graph, batch.n_graphs)
    probability = gat.logits.softmax(-1)
    entropy = -(probability * probability.clamp(min=1e-9).log()).sum(-1, keepdim=True)
    certainty = 1 - entropy / torch.log(torch.tensor(2.0))
    moments = [_moments(latent), probability, _moments(gat.embedding), certainty]
    return torch.cat([_squashed(errors), *moments, _squashed(evidence), experts], dim=1)


def state_columns(expert: int) -> list[int]:
    """The columns of the state that come from the expert, its score included."""
    first = sum(_WIDTHS[:expert])
    return [*range(first, first + _WIDTHS[expert]), sum(_WIDTHS) + expert]


def _squashed(values: Tensor) -> Tensor:
    return values / (1 + values.abs())


def _moments(values: Tensor) -> Tensor:
    """[G, 4] mean, deviation, largest and smallest of each row."""
    mean = values.mean(1, keepdim=True)
    deviation = (values - mean).square().mean(1, keepdim=True).sqrt()
    return torch.cat([mean, deviation, values.amax(1, keepdim=True), values.amin(1, keepdim=True)], dim=1)


class Fusion(nn.Module):
    """State [G, STATE_WIDTH] and experts' scores [G, 3] -> fused score [G] in [0, 1] and weights [G, 3].

    `gat_margin` is how far the GAT's logit for an attack must lie above that for benign before its score, a
    probability, is 0.5; it is learnt on benign windows, as the VGAE's anomaly scale is. `thresholds` are those
    of the protocols, in the order of `pipeline.protocols.PROTOCOLS`.
    """

    gat_margin: Tensor
    thresholds: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gat_margin", torch.zeros(1))
        self.register_buffer("thresholds", torch.full((3,), 0.5))

    def attack_probability(self, logits: Tensor) -> Tensor:
        """[G] the GAT's score, 0.5 at its margin."""
        return torch.sigmoid(logits[:, 1] - logits[:, 0] - self.gat_margin)

    def forward(self, state: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class Preference(nn.Module):
    """Q values [G, A] -> the same, raised by `lean` times the habit's weight.

    Of weightings that promise about as much, the one that trusts rules is taken: they were not fitted to the
    attacks and vehicles that the promise comes from.
    """

    bonus: Tensor

    def __init__(self, grid: Tensor, lean: float) -> None:
        super().__init__()
        self.register_buffer("bonus", lean * grid[:, EXPERTS.index("habit")])

    def forward(self, values: Tensor) -> Tensor:
        return values + self.bonus


class FusionAgent(Fusion):
    """Q values of a grid of weights; the preferred of them weighs the experts."""

    grid: Tensor

    def __init__(self, shape: FusionShape) -> None:
        super().__init__()
        self.register_buffer("grid", weight_grid(shape.steps))
        self.q = perceptron(shape.hidden, len(self.grid))
        self.preference = Preference(self.grid, shape.lean)

    def forward(self, state: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
        weights = self.grid[self.preference(self.q(state)).argmax(-1)]
        return fused_score(weights, experts), weights


class FusionClassifier(Fusion):
    """A perceptron, or without hidden layers a logistic regression, that scores the state at once: no weights."""

    def __init__(self, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.logit = perceptron(hidden, 1)

    def forward(self, state: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
        return self.logit(state).squeeze(1).sigmoid(), torch.zeros_like(experts)


class FixedFusion(Fusion):
    """The same weights for every window."""

    weights: Tensor

    def __init__(self, weights: tuple[float, float, float]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights))

    def forward(self, state: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
        weights = self.weights.expand_as(experts)
        return fused_score(weights, experts), weights


def weight_grid(steps: int) -> Tensor:
    """[A, 3] all weights of the experts that are multiples of 1 / steps and add up to 1."""
    rows = [(vgae, gat, steps - vgae - gat) for vgae in range(steps + 1) for gat in range(steps + 1 - vgae)]
    return torch.tensor(rows, dtype=torch.float32) / steps


def perceptron(hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Layers from the state to `outputs`."""
    widths = [STATE_WIDTH, *hidden]
    layers: list[nn.Module] = []
    for before, width in pairwise(widths):
        layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def fused_score(weights: Tensor, experts: Tensor) -> Tensor:
    """[G] the experts' weighted mean: the number that decides, in training, evaluation and release."""
    return (weights * experts).sum(-1)


def reward(score: Tensor, is_attack: Tensor) -> Tensor:
    """Which side of 0.5 the fused score lies on, and a little how far: near 1 for a hit, near -1 for a miss.

    It levels off soon, for a sure expert earns no more by its sureness than one that is right by a small margin.
    """
    margin = (2 * score - 1) * torch.where(is_attack > 0, 1.0, -1.0)
    return margin / (margin.abs() + _LEVELS_OFF)
