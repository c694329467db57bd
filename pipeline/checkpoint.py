"""Weights with their config, vocabulary and digests together; loaded by what they are, never by luck.

The lab's founding failure was a teacher's 2049 x 64 embedding loaded into a student's 2032 x 32 model.
Here a checkpoint builds its own network, and whoever expects another gets a typed error that names both.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lake.files import sha256_of, whole_file, write_json
from models.build import SHAPES, Inputs, Shape, build_model
from pipeline.errors import StageError
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.vocabulary import Vocabulary

FILES = _CARD, _WEIGHTS = "checkpoint.json", "weights.safetensors"
_KEYS = {
    "run_id", "model", "role", "shape", "vocabulary", "vocabulary_digest", "node_features", "edge_features",
    "data_digest", "config_digest", "weights_sha256",
}  # fmt: skip


class CheckpointError(StageError):
    """A checkpoint is missing, damaged, or does not fit what it is loaded into."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and all that says what it is; `parents` are the runs it was trained from, by stage."""

    run_id: str
    model: str
    role: str
    shape: Shape
    vocabulary: Vocabulary
    data_digest: str
    config_digest: str
    weights: dict[str, Tensor]
    parents: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> Inputs:
        return Inputs(len(self.vocabulary), len(NODE_FEATURES), len(EDGE_FEATURES))

    def build(self) -> nn.Module:
        """The network with these weights, ready to score."""
        network = build_model(self.model, self.shape, self.inputs)
        load_into(network, self)
        return network.eval()


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> list[Path]:
    """Write the weights and then the card that names their digest; gives the files written."""
    weights = folder / _WEIGHTS
    with whole_file(weights) as staged:
        save_file({name: tensor.contiguous() for name, tensor in checkpoint.weights.items()}, staged)
    card = {
        "run_id": checkpoint.run_id,
        "model": checkpoint.model,
        "role": checkpoint.role,
        "shape": checkpoint.shape.model_dump(),
        "vocabulary": list(checkpoint.vocabulary.arbitration_ids),
        "vocabulary_digest": checkpoint.vocabulary.digest,
        "node_features": NODE_FEATURES,
        "edge_features": EDGE_FEATURES,
        "data_digest": checkpoint.data_digest,
        "config_digest": checkpoint.config_digest,
        "parents": checkpoint.parents,
        "weights_sha256": sha256_of(weights),
    }
    write_json(folder / _CARD, card)
    return [weights, folder / _CARD]


def load_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`.

    Raises:
        CheckpointError: it is missing, its weights are not the ones its card names, or it was trained on
            features that this code does not build.
    """
    card = _read_card(folder)
    weights = folder / _WEIGHTS
    if not weights.exists() or sha256_of(weights) != card["weights_sha256"]:
        raise CheckpointError(
            f"{weights} is not the file its card describes (SHA-256 {card['weights_sha256'][:12]}…). "
            "It was cut off or replaced; restore it, or train the run again with --set repeat=1."
        )
    for name, features in (("node_features", NODE_FEATURES), ("edge_features", EDGE_FEATURES)):
        if tuple(card[name]) != features:
            raise CheckpointError(
                f"checkpoint {card['run_id']} was trained on the {name} {', '.join(card[name])}; this code "
                f"builds {', '.join(features)}. Check out the commit of that run, or train again."
            )
    vocabulary = Vocabulary(tuple(card["vocabulary"]))
    if vocabulary.digest != card["vocabulary_digest"]:
        raise CheckpointError(f"{folder / _CARD}: the vocabulary is not the one its digest names. Restore the file.")
    try:
        tensors = load_file(weights)
    except SafetensorError as error:
        raise CheckpointError(f"{weights} is no safetensors file ({error}). Restore it.") from error
    return Checkpoint(
        run_id=card["run_id"],
        model=card["model"],
        role=card["role"],
        shape=card["shape"],
        vocabulary=vocabulary,
        data_digest=card["data_digest"],
        config_digest=card["config_digest"],
        weights=tensors,
        parents=card.get("parents", {}),
    )


def load_into(network: nn.Module, checkpoint: Checkpoint) -> None:
    """Give `network` the checkpoint's weights.

    Raises:
        CheckpointError: a tensor is missing, not known, or of another shape; every difference is named.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in checkpoint.weights.items()}
    if expected != found:
        differing = [
            f"  {name}: checkpoint {found.get(name, 'has none')}, network {expected.get(name, 'has none')}"
            for name in sorted(expected | found)
            if expected.get(name) != found.get(name)
        ]
        raise CheckpointError(
            f"checkpoint {checkpoint.run_id} ({checkpoint.model} {checkpoint.role}, {len(checkpoint.vocabulary)} "
            f"arbitration IDs) does not fit the {type(network).__name__} asked for:\n"
            + "\n".join(differing[:8])
            + "\nBuild the network from the checkpoint's own config, or name a run of the shape you need."
        )
    network.load_state_dict(checkpoint.weights)


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """The network's parameters and buffers, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def _read_card(folder: Path) -> dict[str, Any]:
    """The card's values, its shape as the type of its model."""
    try:
        card: dict[str, Any] = json.loads((folder / _CARD).read_text())
        card["shape"] = SHAPES[card["model"]].model_validate(card["shape"])
        if missing := _KEYS - card.keys():
            raise KeyError(*sorted(missing))
    except OSError as error:
        raise CheckpointError(f"{folder} holds no checkpoint ({error}). Train the run it belongs to.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / _CARD} is no checkpoint's card ({error!r}). Restore the file.") from error
    return card
