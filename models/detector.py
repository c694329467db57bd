"""The whole detector as it is scored and released: VGAE, GAT and agent, one pass from graphs to scores."""

from typing import NamedTuple

from torch import Tensor, nn

from models.fusion import FusionAgent, fused_score, fusion_state
from models.gat import Gat
from models.graph_batch import GraphBatch
from models.vgae import Vgae, reconstruction_errors


class Detection(NamedTuple):
    """[G] each, in [0, 1]: the fused score and what it was fused from."""

    score: Tensor
    anomaly: Tensor
    attack_probability: Tensor
    gat_weight: Tensor


class Detector(nn.Module):
    """`agent` weighs the VGAE's anomaly score against the GAT's probability of an attack."""

    def __init__(self, vgae: Vgae, gat: Gat, agent: FusionAgent) -> None:
        super().__init__()
        self.vgae, self.gat, self.agent = vgae, gat, agent

    def forward(self, batch: GraphBatch) -> Detection:
        vgae, gat = self.vgae(batch), self.gat(batch)
        anomaly = self.vgae.anomaly(reconstruction_errors(batch, vgae))
        probability = gat.logits.softmax(-1)[:, 1]
        weight = self.agent.gat_weight(fusion_state(batch, vgae, gat, self.vgae.anomaly))
        return Detection(fused_score(weight, anomaly, probability), anomaly, probability, weight)
