"""The frozen shape of each network, without importing torch, so that a login node stays quick."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


Features = Literal["all", "window"]  # what a network sees of a node: all, or nothing that needs a habit


class Config(BaseModel):
    """A value read from a file or a command line: frozen, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VgaeShape(Config):
    """Widths of the graph encoder's layers, of the latent space, and of the ID embedding.

    `id_classes` is what the decoder tells apart: 0 every ID, which over hundreds costs more than all else.
    """

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 20)
    heads: PositiveInt = 2
    latent: PositiveInt = 16
    id_width: PositiveInt = 6
    id_classes: Annotated[int, Field(ge=0)] = 0
    dropout: Dropout = 0.1
    features: Features = "all"


class GatShape(Config):
    """`layers` attention layers of `heads` x `hidden` channels, read out by one hidden layer."""

    hidden: PositiveInt = 16
    layers: PositiveInt = 2
    heads: PositiveInt = 4
    id_width: PositiveInt = 6
    readout: PositiveInt = 40
    dropout: Dropout = 0.1
    features: Features = "all"


class FusionShape(Config):
    """How experts are fused: `dqn` chooses among weights in steps of 1 / `steps`; `mlp` and `logistic` score at
    once; `fixed` takes `weights` (VGAE, GAT, habit); the others are an expert alone."""

    method: Literal["dqn", "mlp", "logistic", "fixed", "vgae", "gat", "habit"] = "dqn"
    hidden: tuple[PositiveInt, ...] = (64, 64)
    steps: Annotated[int, Field(ge=1, le=12)] = 5
    lean: Annotated[float, Field(ge=0)] = 0.8  # reward that a weighting must promise more, to be taken for the habit's
    weights: tuple[Share, Share, Share] = (0.25, 0.25, 0.5)

    @model_validator(mode="after")
    def _weights_add_up(self) -> "FusionShape":
        if abs(sum(self.weights) - 1) > 1e-6:
            raise ValueError(f"weights add up to {sum(self.weights):g}, not 1")
        return self
