"""Fusion: what the VGAE and the GAT say of a window, and how much of each to believe.

A Q-network (Mnih et al. 2015) chooses the GAT's weight out of a grid. A window's decision has no
consequence for the next, so this is a contextual bandit: with gamma = 0 the target is the reward alone.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.anomaly import ERRORS, AnomalyScale
from models.config import FusionShape
from models.gat import GatOutput
from models.graph_batch import GraphBatch, graph_of_node, segment_mean
from models.vgae import VgaeOutput, reconstruction_errors

STATE_WIDTH = len(ERRORS) + 4 + 2 + 4 + 1


def fusion_state(batch: GraphBatch, vgae: VgaeOutput, gat: GatOutput, scale: AnomalyScale) -> Tensor:
    """[G, STATE_WIDTH] what the agent sees of each window: the VGAE's standardised errors and the moments
    of its latent, the GAT's probabilities, the moments of its embedding and its certainty."""
    errors = scale.standardised(reconstruction_errors(batch, vgae))
    squashed = errors / (1 + errors.abs())
    graph = graph_of_node(batch.ptr, batch.x.shape[0])
    latent = segment_mean(vgae.mean, graph, batch.n_graphs)
    probability = gat.logits.softmax(-1)
    entropy = -(probability * probability.clamp(min=1e-9).log()).sum(-1, keepdim=True)
    certainty = 1 - entropy / torch.log(torch.tensor(2.0))
    return torch.cat([squashed, _moments(latent), probability, _moments(gat.embedding), certainty], dim=1)


def _moments(values: Tensor) -> Tensor:
    """[G, 4] mean, deviation, largest and smallest of each row."""
    mean = values.mean(1, keepdim=True)
    deviation = (values - mean).square().mean(1, keepdim=True).sqrt()
    return torch.cat([mean, deviation, values.amax(1, keepdim=True), values.amin(1, keepdim=True)], dim=1)


class FusionAgent(nn.Module):
    """State [G, STATE_WIDTH] -> Q values [G, actions]; action i weighs the GAT with i / (actions - 1)."""

    weights: Tensor

    def __init__(self, shape: FusionShape) -> None:
        super().__init__()
        widths = [STATE_WIDTH, *shape.hidden]
        layers: list[nn.Module] = []
        for before, width in pairwise(widths):
            layers += [nn.Linear(before, width), nn.LayerNorm(width), nn.ReLU()]
        self.q = nn.Sequential(*layers, nn.Linear(widths[-1], shape.actions))
        self.register_buffer("weights", torch.linspace(0, 1, shape.actions))

    def forward(self, state: Tensor) -> Tensor:
        return self.q(state)  # type: ignore[no-any-return]

    def gat_weight(self, state: Tensor) -> Tensor:
        """[G] the weight the agent gives the GAT."""
        return self.weights[self.q(state).argmax(-1)]


def fused_score(gat_weight: Tensor, anomaly: Tensor, attack_probability: Tensor) -> Tensor:
    """[G] (1 - w) anomaly + w p(attack): the number that decides, in training, evaluation and release."""
    return (1 - gat_weight) * anomaly + gat_weight * attack_probability


def reward(score: Tensor, is_attack: Tensor) -> Tensor:
    """How far the fused score lies on the right side of 0.5: 1 for a sure hit, -1 for a sure miss."""
    return (2 * score - 1) * torch.where(is_attack > 0, 1.0, -1.0)
