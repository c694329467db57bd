"""What is learnt does not depend on what is tested on: exchanged test captures change no byte of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.checkpoint import load_checkpoint
from pipeline.graph_set import load_graphs
from pipeline.runs import RunFolder
from tests.pipeline.conftest import Place

SET = Path("can-train-and-test/set_01")
TEST = SET / "test_01_known_vehicle_known_attack" / "DoS-3.csv"
TRAINING = SET / "train_01_attack_free" / "accessory-1.csv"
STAGES = ("vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion")


def strange(n: int) -> str:
    """Frames of IDs, times and payloads that no car of the set has, half of them attacks."""
    random = np.random.default_rng(8)
    rows = []
    for k in range(n):
        payload = random.bytes(8).hex().upper()
        rows.append(f"{1_700_000_000 + k * 0.0007:.6f},{random.integers(0, 0x7FF):03X},{payload},{k % 200 // 100}")
    return "\n".join(["timestamp,arbitration_id,data_field,attack", *rows, ""])


@pytest.fixture(scope="module")
def exchanged(trained: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The small experiment, trained with a test capture that is nothing like the one it had."""
    root = tmp_path_factory.mktemp("exchanged")
    shutil.copytree(trained.data, root / "data")
    assert (root / "data" / TEST).read_text().startswith("timestamp,arbitration_id,data_field,attack")
    (root / "data" / TEST).write_text(strange(5_000))
    place = Place(root, root / "data")
    place.train()
    return place


def run_of(place: Place, stage: str) -> RunFolder:
    (row,) = place.rows(f"SELECT run_id FROM runs WHERE stage = '{stage}'")
    return RunFolder(place.settings.runs, row["run_id"])


def test_the_two_were_evaluated_on_other_windows(trained: Place, exchanged: Place) -> None:
    counts = [
        place.rows("SELECT DISTINCT n FROM metrics WHERE capture LIKE '%DoS-3' AND protocol = 'known vehicle'")
        for place in (trained, exchanged)
    ]
    assert counts == [[{"n": 60}], [{"n": 50}]]


@pytest.mark.parametrize("kind", ["*.npy", "habits.npz"])
def test_training_graphs_and_habits_are_the_same_bytes(trained: Place, exchanged: Place, kind: str) -> None:
    files = [sorted(run_of(place, "prepare").graphs.glob(kind)) for place in (trained, exchanged)]
    assert len(files[0]) == len(files[1]) > 0
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_the_vocabulary_is_the_same(trained: Place, exchanged: Place) -> None:
    one, other = (load_graphs(run_of(place, "prepare").graphs) for place in (trained, exchanged))
    assert one.vocabulary == other.vocabulary
    assert one.data_digest != other.data_digest


@pytest.mark.parametrize("stage", STAGES)
def test_weights_scales_margins_and_thresholds_are_the_same(trained: Place, exchanged: Place, stage: str) -> None:
    one, other = (load_checkpoint(run_of(place, stage).checkpoint).weights for place in (trained, exchanged))
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    if stage == "fusion":
        assert {"thresholds", "gat_margin"} <= one.keys()


def test_thresholds_of_every_model_are_the_same(trained: Place, exchanged: Place) -> None:
    sql = """
        SELECT stage, protocol, m.value, m.n FROM metrics m JOIN runs r ON r.run_id = m.model_run_id
        WHERE m.metric = 'threshold' ORDER BY ALL
    """
    assert trained.rows(sql) == exchanged.rows(sql)
    assert len(trained.rows(sql)) >= 3 * len(STAGES)


def test_another_training_capture_would_have_been_noticed(trained: Place, tmp_path: Path) -> None:
    """The comparison can fail: one benign payload changed in training changes the habits."""
    shutil.copytree(trained.data, tmp_path / "data")
    path = tmp_path / "data" / TRAINING
    header, first, *rows = path.read_text().splitlines()
    fields = first.split(",")
    fields[2] = "AB" * (len(fields[2]) // 2)
    path.write_text("\n".join([header, ",".join(fields), *rows, ""]))
    place = Place(tmp_path, tmp_path / "data")
    place.train(stage="prepare")
    one, other = ((run_of(p, "prepare").graphs / "habits.npz").read_bytes() for p in (trained, place))
    assert one != other
