"""A release is enough, with this code, to score raw frames as the lake's evaluation scored them."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lake.files import sha256_of
from pipeline.release.bundle import ReleaseBundle
from pipeline.release.errors import ReleaseError
from pipeline.release.raw_frames import load_release
from pipeline.runs import RunFolder
from tests.release.conftest import SEEDS, Trained


@pytest.mark.parametrize(
    ("protocol", "calibrate_s"), [("known vehicle", None), ("calibrated", 1.0), ("zero-shot", None)]
)
def test_scores_from_raw_frames_are_the_evaluations(
    released: ReleaseBundle, trained: Trained, protocol: str, calibrate_s: float | None
) -> None:
    source = trained.source()
    evaluate = RunFolder(trained.settings.runs, source.runs["evaluate"]["run_id"])
    kept = pl.read_parquet(evaluate.scores).filter(
        (pl.col("model_run_id") == trained.fusion[SEEDS[0]]) & (pl.col("protocol") == protocol)
        & (pl.col("calibration_s").is_null() if calibrate_s is None else pl.col("calibration_s") == calibrate_s)
    )  # fmt: skip
    ready = load_release(released.folder)
    compared = 0
    for file in source.captures:
        expected = kept.filter(pl.col("capture") == file.name)
        is_known = file.vehicle in ready.knowledge.habits
        if not len(expected) or (protocol == "zero-shot" and is_known):
            continue
        found = ready.score(file.path, calibrate_s, file.vehicle if protocol == "known vehicle" else None)
        assert found["protocol"].unique().to_list() == [protocol]
        assert found["threshold"].unique().to_list() == [source.thresholds[protocol]]
        behind = found.filter(~pl.col("is_calibration"))
        assert behind["start_frame"].to_list() == expected["start_frame"].to_list()
        np.testing.assert_allclose(behind["score"], expected["score"], atol=2e-5)
        compared += len(behind)
    assert compared > 0


@pytest.fixture
def own(released: ReleaseBundle, tmp_path: Path) -> Path:
    """A copy of the release that a test may damage."""
    shutil.copytree(released.folder, tmp_path / "own")
    return tmp_path / "own"


@pytest.mark.parametrize("name", ["habits.npz", "model.onnx", "features.json", "vocabulary.json"])
def test_an_altered_file_is_refused(own: Path, name: str) -> None:
    data = (own / name).read_bytes()
    (own / name).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    with pytest.raises(ReleaseError, match=rf"{name} is not the file that was released"):
        load_release(own)
    (own / name).unlink()
    with pytest.raises(ReleaseError, match=rf"{name} is gone, the one that was released"):
        load_release(own)


def test_a_release_of_other_features_is_refused(own: Path) -> None:
    features = json.loads((own / "features.json").read_text())
    features["node_features"].pop()
    (own / "features.json").write_text(json.dumps(features))
    sums = (own / "checksums.sha256").read_text().splitlines()
    renewed = [f"{sha256_of(own / line.split('  ')[1])}  {line.split('  ')[1]}" for line in sums]
    (own / "checksums.sha256").write_text("\n".join(renewed) + "\n")
    with pytest.raises(ReleaseError, match=r"this code builds .* commit that release.json names"):
        load_release(own)


def test_a_folder_that_is_no_release_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is no release"):
        load_release(tmp_path)
