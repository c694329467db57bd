"""The whole detector as it is scored and released: VGAE, GAT and agent, one pass from graphs to scores."""

from typing import NamedTuple

from torch import Tensor, nn

from models.fusion import AnomalyScale, FusionAgent, fused_score, fusion_state
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
    """`scale` turns the VGAE's errors into an anomaly score; `agent` weighs it against the GAT."""

    def __init__(self, vgae: Vgae, gat: Gat, agent: FusionAgent, scale: AnomalyScale) -> None:
        super().__init__()
        self.vgae, self.gat, self.agent, self.scale = vgae, gat, agent, scale

    def forward(self, batch: GraphBatch) -> Detection:
        vgae, gat = self.vgae(batch), self.gat(batch)
        anomaly = self.scale(reconstruction_errors(batch, vgae))
        probability = gat.logits.softmax(-1)[:, 1]
        weight = self.agent.gat_weight(fusion_state(batch, vgae, gat, self.scale))
        return Detection(fused_score(weight, anomaly, probability), anomaly, probability, weight)
