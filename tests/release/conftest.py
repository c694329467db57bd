"""A trained small experiment of two seeds, its snapshot, and the release of one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import torch

from lake.snapshot import take_snapshot
from models.build import Inputs, build_model
from models.config import FusionShape, GatShape, VgaeShape
from models.detector import Detector
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.release.bundle import ReleaseBundle, release
from pipeline.release.source import Source, find_source
from pipeline.settings import Settings
from tests.pipeline.conftest import Place
from tests.release.recordings import write_recordings

SEEDS = (7, 8)


@dataclass(frozen=True)
class Trained:
    """Where the experiment lies, and its fusion run by seed."""

    settings: Settings
    fusion: Mapping[int, str]

    def source(self) -> Source:
        return find_source(self.fusion[SEEDS[0]], self.settings)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = Place(tmp_path_factory.mktemp("to release"), write_recordings(tmp_path_factory.mktemp("data")))
    runs = place.train(f"seeds={list(SEEDS)}", "alarm.calibrations_s=[1.0]")  # the recordings are short
    take_snapshot(place.settings.lake)
    return Trained(place.settings, {run.seed: run.run_id for run in runs if run.stage.name == "fusion"})


@pytest.fixture(scope="session")
def released(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> ReleaseBundle:
    out = tmp_path_factory.mktemp("releases") / "first"
    return release(trained.fusion[SEEDS[0]], out, trained.settings, lambda line: None)


@pytest.fixture(scope="session")
def detector() -> Detector:
    """A small untrained detector."""
    return untrained(FusionShape(hidden=(8,), steps=4))


def untrained(fusion: FusionShape) -> Detector:
    """A small detector at rest, fused that way."""
    torch.manual_seed(3)
    shapes = {
        "vgae": VgaeShape(hidden=(6,), heads=1, latent=4, id_width=2),
        "gat": GatShape(hidden=4, layers=1, heads=1, id_width=2, readout=4),
        "fusion": fusion,
    }
    networks = [build_model(name, shape, INPUTS) for name, shape in shapes.items()]
    return Detector(*networks).eval()  # type: ignore[arg-type]


INPUTS = Inputs(vocabulary=20, node_width=len(NODE_FEATURES), edge_width=len(EDGE_FEATURES))
