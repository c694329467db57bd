"""A release on raw frames: its own graph in ONNX Runtime, its own habits and thresholds, and the readers and
features of this code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lake.files import sha256_of
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.habits import load_habits
from pipeline.release.errors import ReleaseError
from pipeline.release.runtimes import OnnxDetector, as_scorer
from pipeline.score import score_capture
from pipeline.scoring import Knowledge, Scorer
from pipeline.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Released:
    """A release ready to score."""

    knowledge: Knowledge
    thresholds: Mapping[str, float]
    detector: OnnxDetector

    def scorer(self) -> Scorer:
        return as_scorer(self.detector)

    def threshold(self, protocol: str) -> float:
        return self.thresholds[protocol]

    def score(self, path: Path, calibrate_s: float | None = None, vehicle: str | None = None) -> pl.DataFrame:
        """A row a window, as `./run score` writes them. Raises CaptureError where the capture cannot be scored."""
        return pl.concat(list(score_capture(self, path, calibrate_s, vehicle)), how="vertical")


def load_release(folder: Path) -> Released:
    """The release in `folder`.

    Raises:
        ReleaseError: a file is not the one of its checksums, or this code builds other features.
    """
    _check_sums(folder)
    features: dict[str, Any] = json.loads((folder / "features.json").read_text())
    for kind, built in (("node_features", NODE_FEATURES), ("edge_features", EDGE_FEATURES)):
        named = tuple(one["name"] for one in features[kind])
        if named != built:
            raise ReleaseError(
                f"{folder} takes the {kind} {', '.join(named)}; this code builds {', '.join(built)}. Use the code of "
                "the commit that release.json names."
            )
    knowledge = Knowledge(
        Vocabulary(tuple(json.loads((folder / "vocabulary.json").read_text())["arbitration_ids"])),
        load_habits(folder / "habits.npz"),
        WindowConfig(size=features["window"]["frames"], stride=features["window"]["stride"]),
        HabitConfig.model_validate(features["habit"]["settings"]),
    )
    return Released(knowledge, features["alarm"]["above"], OnnxDetector((folder / "model.onnx").read_bytes()))


def _check_sums(folder: Path) -> None:
    try:
        lines = (folder / "checksums.sha256").read_text().splitlines()
    except OSError as error:
        raise ReleaseError(f"{folder} is no release: it has no checksums.sha256 ({error.strerror}).") from error
    for digest, name in (line.split("  ", 1) for line in lines):
        path = folder / name
        if not path.is_file() or sha256_of(path) != digest:
            raise ReleaseError(
                f"{path} is {'not the file' if path.is_file() else 'gone, the one'} that was released (SHA-256 "
                f"{digest[:12]}…). Fetch it again from where the release was published."
            )
