"""The whole detector as it is scored and released: experts and their fusion, one pass from graphs to scores."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.fusion import Fusion, fusion_state
from models.gat import Gat
from models.graph_batch import GraphBatch
from models.habit_expert import habit_evidence, habit_score
from models.vgae import Vgae, reconstruction_errors


class Detection(NamedTuple):
    """[G] each, in [0, 1]: the fused score, the experts' own, and the weights of two of the three experts."""

    score: Tensor
    anomaly: Tensor
    attack_probability: Tensor
    habit_score: Tensor
    gat_weight: Tensor
    habit_weight: Tensor


class Detector(nn.Module):
    """`fusion` weighs the VGAE's anomaly score, the GAT's probability of an attack and departures from habit."""

    def __init__(self, vgae: Vgae, gat: Gat, fusion: Fusion) -> None:
        super().__init__()
        self.vgae, self.gat, self.fusion = vgae, gat, fusion

    def forward(self, batch: GraphBatch) -> Detection:
        state, experts = self.state(batch)
        score, weights = self.fusion(state, experts)
        anomaly, probability, habit = experts.unbind(1)
        return Detection(score, anomaly, probability, habit, weights[:, 1], weights[:, 2])

    def state(self, batch: GraphBatch) -> tuple[Tensor, Tensor]:
        """What is fused: [G, STATE_WIDTH] state and [G, 3] experts' scores."""
        vgae, gat = self.vgae(batch), self.gat(batch)
        evidence = habit_evidence(batch)
        errors = reconstruction_errors(batch, vgae)
        anomaly = self.vgae.anomaly(errors)
        probability = self.fusion.attack_probability(gat.logits)
        experts = torch.stack([anomaly, probability, habit_score(evidence)], dim=1)
        return fusion_state(batch, vgae, self.vgae.anomaly.standardised(errors), gat, evidence, experts), experts
