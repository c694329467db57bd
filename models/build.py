"""Config -> network: the one place that branches on an architecture's name."""

from dataclasses import dataclass

from torch import nn

from models.config import FusionShape, GatShape, VgaeShape
from models.fusion import EXPERTS, FixedFusion, Fusion, FusionAgent, FusionClassifier
from models.gat import Gat
from models.vgae import Vgae

Shape = VgaeShape | GatShape | FusionShape
SHAPES: dict[str, type[Shape]] = {"vgae": VgaeShape, "gat": GatShape, "fusion": FusionShape}


@dataclass(frozen=True)
class Inputs:
    """Widths a network takes from the data: known IDs (the unseen one included), node and edge features."""

    vocabulary: int
    node_width: int
    edge_width: int


def build_model(model: str, shape: Shape, inputs: Inputs) -> nn.Module:
    """The untrained network.

    Raises:
        ValueError: no such model, or the shape is another model's.
    """
    widths = (inputs.vocabulary, inputs.node_width, inputs.edge_width)
    match model, shape:
        case "vgae", VgaeShape():
            return Vgae(shape, *widths)
        case "gat", GatShape():
            return Gat(shape, *widths)
        case "fusion", FusionShape():
            return _build_fusion(shape)
    raise ValueError(f"no model {model!r} with a {type(shape).__name__}; models: {', '.join(SHAPES)}")


def _build_fusion(shape: FusionShape) -> Fusion:
    match shape.method:
        case "dqn":
            return FusionAgent(shape)
        case "mlp":
            return FusionClassifier(shape.hidden)
        case "logistic":
            return FusionClassifier(())
        case "fixed":
            return FixedFusion(shape.weights)
    first, second, third = (float(name == shape.method) for name in EXPERTS)
    return FixedFusion((first, second, third))


def count_parameters(model: nn.Module) -> int:
    """Trainable parameters of the network as built, embedding included."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
