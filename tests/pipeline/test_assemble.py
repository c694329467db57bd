"""Three checkpoints make a detector, each in its place; its thresholds are those the fusion was trained with."""

import pytest
import torch

from models.build import build_model
from models.config import FusionShape, GatShape, VgaeShape
from pipeline.assemble import EXPERTS, PARTS, assemble, thresholds_of
from pipeline.checkpoint import Checkpoint, CheckpointError, weights_of
from pipeline.protocols import PROTOCOLS
from pipeline.vocabulary import Vocabulary

SHAPES = {
    "vgae_student": VgaeShape(hidden=(4,), heads=1, latent=3, id_width=2),
    "gat_student": GatShape(hidden=4, layers=1, heads=1, id_width=2, readout=4),
    "fusion": FusionShape(hidden=(4,), steps=4),
}


def checkpoint(part: str) -> Checkpoint:
    """An untrained network as a run of the stage would keep it."""
    model = part.removesuffix("_student")
    empty = Checkpoint(f"small-{part}", model, "student", SHAPES[part], Vocabulary((0x100,)), "data", "config", {})
    network = build_model(model, SHAPES[part], empty.inputs)
    return Checkpoint(**{**vars(empty), "weights": weights_of(network)})


@pytest.fixture
def parts() -> dict[str, Checkpoint]:
    return {part: checkpoint(part) for part in PARTS}


def test_each_network_is_the_one_its_checkpoint_holds(parts: dict[str, Checkpoint]) -> None:
    detector = assemble(parts)
    assert not detector.training
    for part, network in zip(PARTS, (detector.vgae, detector.gat, detector.fusion), strict=True):
        found, expected = network.state_dict(), parts[part].weights
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected), part


def test_checkpoints_in_each_others_places_are_refused_by_name(parts: dict[str, Checkpoint]) -> None:
    vgae, gat = EXPERTS
    swapped = {**parts, vgae: parts[gat], gat: parts[vgae]}
    with pytest.raises(CheckpointError, match=r"vgae_student: a gat \(small-gat_student\), gat_student: a vgae .*Rest"):
        assemble(swapped)


def test_thresholds_are_read_by_protocol(parts: dict[str, Checkpoint]) -> None:
    fusion = parts["fusion"]
    fusion.weights["thresholds"] = torch.tensor([0.25, 0.5, 0.75])
    assert thresholds_of(fusion) == dict(zip(PROTOCOLS, (0.25, 0.5, 0.75), strict=True))
