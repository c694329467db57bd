"""The frozen shape of each network, without importing torch, so that a login node stays quick."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

Share = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class Config(BaseModel):
    """A value read from a file or a command line: frozen, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VgaeShape(Config):
    """Widths of the graph encoder's layers, of the latent space, and of the ID embedding."""

    hidden: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (40, 24)
    heads: PositiveInt = 2
    latent: PositiveInt = 16
    id_width: PositiveInt = 8
    dropout: Dropout = 0.1


class GatShape(Config):
    """`layers` attention layers of `heads` x `hidden` channels, read out by one hidden layer."""

    hidden: PositiveInt = 16
    layers: PositiveInt = 2
    heads: PositiveInt = 4
    id_width: PositiveInt = 8
    readout: PositiveInt = 48
    dropout: Dropout = 0.1


class FusionShape(Config):
    """Q-network over the state of a window; action i weighs the GAT with i / (actions - 1)."""

    hidden: tuple[PositiveInt, ...] = (64, 64)
    actions: Annotated[int, Field(ge=2, le=101)] = 21
