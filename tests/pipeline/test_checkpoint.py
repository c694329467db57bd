"""A checkpoint is loaded as what it is, or refused in words that name both sides."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from models.build import Inputs, build_model
from models.config import FusionShape, GatShape, VgaeShape
from pipeline.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    load_into,
    save_checkpoint,
    weights_of,
)
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.runs import RunFolder
from pipeline.vocabulary import Vocabulary
from tests.pipeline.conftest import Place

WIDTHS = (len(NODE_FEATURES), len(EDGE_FEATURES))
SMALL = VgaeShape(hidden=(8,), heads=1, latent=4, id_width=4)


def checkpoint(shape: VgaeShape | GatShape | FusionShape = SMALL, ids: int = 5, model: str = "vgae") -> Checkpoint:
    network = build_model(model, shape, Inputs(ids + 1, *WIDTHS))
    vocabulary = Vocabulary(tuple(range(0x100, 0x100 + ids)))
    return Checkpoint(
        f"a-{model}-run", model, "teacher", shape, vocabulary, "data" * 16, "conf" * 16, weights_of(network)
    )


@pytest.mark.parametrize(
    ("model", "shape"),
    [("vgae", SMALL), ("gat", GatShape(hidden=4, layers=2, heads=2)), ("fusion", FusionShape(hidden=(8,), steps=2))],
)
def test_it_comes_back_as_it_was_saved(tmp_path: Path, model: str, shape: VgaeShape | GatShape | FusionShape) -> None:
    kept = checkpoint(shape, model=model)
    assert {path.name for path in save_checkpoint(tmp_path, kept)} == {"checkpoint.json", "weights.safetensors"}
    read = load_checkpoint(tmp_path)
    for name in ("run_id", "model", "role", "shape", "vocabulary", "data_digest", "config_digest"):
        assert getattr(read, name) == getattr(kept, name)
    network = read.build()
    assert not network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, kept.weights[name]), name


def test_the_labs_founding_failure_is_a_typed_error_that_names_both(tmp_path: Path) -> None:
    """A teacher's 2049 x 64 embedding into a student's 2032 x 32 network."""
    teacher = checkpoint(VgaeShape(hidden=(32,), heads=1, latent=8, id_width=64), ids=2048)
    save_checkpoint(tmp_path, teacher)
    student = build_model("vgae", VgaeShape(hidden=(32,), heads=1, latent=8, id_width=32), Inputs(2032, *WIDTHS))
    before = weights_of(student)
    with pytest.raises(CheckpointError) as refused:
        load_into(student, load_checkpoint(tmp_path))
    said = str(refused.value)
    assert "checkpoint a-vgae-run (vgae teacher, 2049 arbitration IDs) does not fit the Vgae asked for" in said
    assert "input.embedding.weight: checkpoint (2049, 64), network (2032, 32)" in said
    assert "Build the network from the checkpoint's own config, or name a run of the shape you need" in said
    for name, tensor in student.state_dict().items():
        assert torch.equal(tensor, before[name]), "a refused load changes nothing"


def test_another_architecture_is_refused_with_what_each_lacks() -> None:
    gat = build_model("gat", GatShape(hidden=4, layers=1, heads=1), Inputs(6, *WIDTHS))
    with pytest.raises(CheckpointError, match=r"does not fit the Gat asked for:[\s\S]*network has none"):
        load_into(gat, checkpoint())


def damaged(folder: Path, **changes: object) -> Path:
    """The checkpoint in `folder` with another card; None takes a key away."""
    card = json.loads((folder / "checkpoint.json").read_text())
    card = {key: value for key, value in {**card, **changes}.items() if value is not None}
    (folder / "checkpoint.json").write_text(json.dumps(card))
    return folder


@pytest.mark.parametrize("at", [0, 8, 200, -1])
def test_altered_weights_are_refused(tmp_path: Path, at: int) -> None:
    save_checkpoint(tmp_path, checkpoint())
    path = tmp_path / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"weights.safetensors is not the file its card describes .* restore it"):
        load_checkpoint(tmp_path)


def test_weights_of_another_run_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", checkpoint())
    save_checkpoint(tmp_path / "b", checkpoint())
    shutil.copy(tmp_path / "b" / "weights.safetensors", tmp_path / "a")
    with pytest.raises(CheckpointError, match="is not the file its card describes"):
        load_checkpoint(tmp_path / "a")


@pytest.mark.parametrize("length", [0, 4, 100])
def test_truncated_or_missing_files_are_refused(tmp_path: Path, length: int) -> None:
    for name in ("weights.safetensors", "checkpoint.json"):
        save_checkpoint(tmp_path, checkpoint())
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(CheckpointError, match=r"restore it|Restore"):
            load_checkpoint(tmp_path)
        path.unlink()
        with pytest.raises(CheckpointError, match=r"restore it|Train the run it belongs to"):
            load_checkpoint(tmp_path)


CARDS = {
    "features of another time": (
        {"node_features": ["speed"]},
        "was trained on the node_features speed; this code builds",
    ),
    "edge features of another time": ({"edge_features": []}, "was trained on the edge_features"),
    "another vocabulary": ({"vocabulary": [1, 2]}, "the vocabulary is not the one its digest names"),
    "an unknown model": ({"model": "oracle"}, "is no checkpoint's card"),
    "an unknown shape": ({"shape": {"hidden": "wide"}}, "is no checkpoint's card"),
    "another model's shape": ({"shape": {"steps": 2}}, "is no checkpoint's card"),
    "no role": ({"role": None}, "is no checkpoint's card"),
    "no run": ({"run_id": None}, "is no checkpoint's card"),
    "no vocabulary": ({"vocabulary": None}, "is no checkpoint's card"),
    "no data digest": ({"data_digest": None}, "is no checkpoint's card"),
    "words for a vocabulary": ({"vocabulary": "abc"}, "checkpoint.json"),
}


@pytest.mark.parametrize("what", CARDS)
def test_a_card_that_is_not_whole_is_refused(tmp_path: Path, what: str) -> None:
    changes, words = CARDS[what]
    save_checkpoint(tmp_path, checkpoint())
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(damaged(tmp_path, **changes))
    assert words in str(refused.value)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, checkpoint())
    torch.save({"a": torch.ones(1)}, tmp_path / "weights.safetensors")
    from lake.files import sha256_of

    damaged(tmp_path, weights_sha256=sha256_of(tmp_path / "weights.safetensors"))
    with pytest.raises(CheckpointError, match=r"is no safetensors file .* Restore it"):
        load_checkpoint(tmp_path)


def test_a_student_is_not_distilled_from_a_teacher_of_other_data(place: Place) -> None:
    """The teacher's folder is exchanged behind the lake's back for one trained on other graphs."""
    place.train("window.size=50", "window.stride=50", stage="prepare")
    place.train(stage="prepare")
    (other,) = place.train(stage="gat_teacher")
    place.train("window.size=50", "window.stride=50", stage="gat_teacher")
    rows = place.rows("SELECT run_id FROM runs WHERE stage = 'gat_teacher'")
    (mine,) = [row["run_id"] for row in rows if row["run_id"] != other.run_id]
    folders = [RunFolder(place.settings.runs, run_id).checkpoint for run_id in (other.run_id, mine)]
    card = json.loads((folders[0] / "checkpoint.json").read_text())
    shutil.rmtree(folders[1])
    shutil.copytree(*folders)
    damaged(folders[1], data_digest="f" * 64)
    assert card["data_digest"] != "f" * 64
    with pytest.raises(
        CheckpointError, match=r"does not fit the run .* it has .* the data ffffffffffff .* the lake says"
    ):
        place.train("window.size=50", "window.stride=50", stage="gat_student")
