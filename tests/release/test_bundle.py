import contextlib
import hashlib
import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import numpy_helper

from lake.append import append
from lake.errors import LakeError
from lake.files import sha256_of
from lake.read import query
from lake.schema import RUNS
from lake.snapshot import load_snapshot, take_snapshot
from pipeline.__main__ import main
from pipeline.checkpoint import CheckpointError
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.release.bundle import ReleaseBundle, release, write_folder
from pipeline.release.errors import ReleaseError
from pipeline.release.onnx import OUTPUTS
from pipeline.runs import RunFolder
from pipeline.settings import Settings
from tests.release.conftest import SEEDS, Trained

FILES = {
    "model.onnx", "habits.npz", "README.md", "features.json", "vocabulary.json", "metrics.json", "parity.json",
    "release.json", "checksums.sha256",
}  # fmt: skip


def read(bundle: ReleaseBundle, name: str) -> Any:
    return json.loads((bundle.folder / f"{name}.json").read_text())


def quiet(line: str) -> None:
    pass


def test_a_release_is_these_files_and_their_checksums(released: ReleaseBundle) -> None:
    assert {path.name for path in released.folder.iterdir()} == FILES
    lines = [line.split("  ") for line in (released.folder / "checksums.sha256").read_text().splitlines()]
    assert {name: digest for digest, name in lines} == {
        name: sha256_of(released.folder / name) for name in FILES - {"checksums.sha256"}
    }


def test_the_graph_says_what_it_is(released: ReleaseBundle, trained: Trained) -> None:
    model = onnx.load(released.folder / "model.onnx")
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert shapes == {
        "node_id": ["nodes"], "x": ["nodes", len(NODE_FEATURES)], "edge_index": [2, "edges"],
        "edge_attr": ["edges", len(EDGE_FEATURES)],
        "ptr": ["graphs_plus_1"], **{name: ["graphs"] for name in OUTPUTS},
    }  # fmt: skip
    assert [one.version for one in model.opset_import if not one.domain] == [20]
    facts = {one.key: one.value for one in model.metadata_props}
    source = trained.source()
    assert facts["kdgat.run_id"] == source.run_id
    assert facts["kdgat.gat_student_run_id"] == source.runs["gat_student"]["run_id"]
    assert facts["kdgat.vocabulary_digest"] == source.checkpoints["fusion"].vocabulary.digest
    assert json.loads(facts["kdgat.thresholds"]) == source.thresholds
    assert facts["kdgat.habits_sha256"] == sha256_of(released.folder / "habits.npz")
    assert facts["kdgat.window_frames"] == "100"


def test_nothing_in_a_release_tells_where_it_was_made(
    released: ReleaseBundle, trained: Trained, repository: Path
) -> None:
    places = {str(repository), str(trained.settings.lake.parent), str(Path.home()), sys.prefix, "site-packages", '.py"'}
    for path in released.folder.iterdir():
        content = path.read_bytes()
        assert not [place for place in places if len(place) > 3 and place.encode() in content], path.name


def test_every_test_window_and_every_awkward_graph_was_compared(released: ReleaseBundle, trained: Trained) -> None:
    """Under every protocol as many windows as the lake kept scores of."""
    parity = read(released, "parity")
    evaluate = RunFolder(trained.settings.runs, trained.source().runs["evaluate"]["run_id"])
    scores = pl.read_parquet(evaluate.scores).filter(pl.col("model_run_id") == trained.fusion[SEEDS[0]])
    counted = scores.group_by("protocol", "calibration_s").len()
    kept = {row["protocol"] + (f", {row['calibration_s']:g} s" if row["calibration_s"] else ""): row["len"]
            for row in counted.iter_rows(named=True)}  # fmt: skip
    assert {one["graphs"]: one["windows"] for one in parity["test_windows"]} == kept
    assert kept.keys() == {"known vehicle", "calibrated, 1 s", "zero-shot"}
    assert max(one["score"] for one in parity["test_windows"]) <= 1e-5
    names = " ".join(one["graphs"] for one in parity["awkward_graphs"])
    for case in ("one node without an edge", "only a self-edge", "empty graph", "batch of one", "hundred", "unseen"):
        assert case in names
    assert parity["metrics"]["rows"] == len(trained.source().metrics)


def test_its_numbers_walk_back_to_the_lake(released: ReleaseBundle, trained: Trained) -> None:
    metrics, about = read(released, "metrics"), read(released, "release")
    snapshot = load_snapshot(trained.settings.lake, metrics["snapshot_id"])
    named = metrics["parameters"]
    where = " AND ".join(f"{column} = '{value}'" for column, value in named.items())
    sql = f"SELECT * FROM metrics WHERE {where} ORDER BY ALL"
    assert metrics["rows"] == query(trained.settings.lake, sql, snapshot).to_pylist()
    for run in about["runs"].values():
        (row,) = query(trained.settings.lake, f"SELECT * FROM runs WHERE run_id = '{run['run_id']}'").to_pylist()
        assert {name: row[name] for name in ("config_digest", "code_commit", "data_digest")}.items() <= run.items()
    assert {file["run_id"] for file in about["files"] if file["kind"] == "checkpoint"} == {
        about["runs"][stage]["run_id"] for stage in ("vgae_student", "gat_student", "fusion")
    }


def test_the_lake_is_left_as_it_was(released: ReleaseBundle, trained: Trained) -> None:

    assert take_snapshot(trained.settings.lake).snapshot_id == read(released, "release")["snapshot_id"]


def test_the_cards_example_runs(released: ReleaseBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    example, _ = re.findall(r"```python\n(.*?)```", (released.folder / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(released.folder)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(example.replace('json.load(open("features.json"))', 'json.loads(Path("features.json").read_text())'),
             {"Path": Path})  # fmt: skip
    assert said.getvalue().strip() in ("[ True]", "[False]")


def test_the_cards_example_from_raw_frames_runs(
    released: ReleaseBundle, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, example = re.findall(r"```python\n(.*?)```", (released.folder / "README.md").read_text(), re.DOTALL)
    capture = trained.source().captures[0].path
    monkeypatch.chdir(released.folder)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(example.replace('"capture.csv"', repr(str(capture))), {})
    assert len(said.getvalue().splitlines()) == 60


def altered(released: ReleaseBundle, change: Callable[[onnx.ModelProto], None]) -> Callable[..., bytes]:
    """An exporter whose graph is the right one with a change."""
    model = onnx.load(released.folder / "model.onnx")
    change(model)
    return lambda *_: model.SerializeToString()


def first_weights_doubled(model: onnx.ModelProto) -> None:
    tensor = next(one for one in model.graph.initializer if one.name.endswith("classify.weight"))
    tensor.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(tensor), tensor.name))


def largest_becomes_smallest(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.op_type == "ArgMax")
    node.op_type = "ArgMin"


def a_score_that_is_not_a_number(model: onnx.ModelProto) -> None:
    name = next(node for node in model.graph.node if "score" in node.output)
    name.output[list(name.output).index("score")] = "finite"
    model.graph.initializer.append(numpy_helper.from_array(np.array([np.nan], np.float32), "nan"))
    model.graph.node.append(onnx.helper.make_node("Add", ["finite", "nan"], ["score"]))


@pytest.mark.parametrize(
    "change", [first_weights_doubled, largest_becomes_smallest, a_score_that_is_not_a_number],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_a_graph_that_is_not_the_network_is_refused(
    trained: Trained, released: ReleaseBundle, tmp_path: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    with pytest.raises(ReleaseError, match="does not equal the network"):
        release(trained.fusion[SEEDS[0]], tmp_path / "out", trained.settings, quiet, altered(released, change))
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_onnx_runtime_cannot_run_is_refused(
    trained: Trained, released: ReleaseBundle, tmp_path: Path
) -> None:
    def loses_an_axis(model: onnx.ModelProto) -> None:
        next(node for node in model.graph.node if node.op_type == "Unsqueeze").op_type = "Squeeze"

    with pytest.raises(ReleaseError, match="ONNX Runtime"):
        release(trained.fusion[SEEDS[0]], tmp_path / "out", trained.settings, quiet, altered(released, loses_an_axis))
    assert list(tmp_path.iterdir()) == []


def copied(trained: Trained, tmp_path: Path) -> Settings:
    """A copy of lake and runs that a test may damage."""
    for name in ("lake", "runs"):
        shutil.copytree(getattr(trained.settings, name), tmp_path / name)
    return replace(trained.settings, lake=tmp_path / "lake", runs=tmp_path / "runs")


def test_weights_that_are_not_the_recorded_ones_are_refused(trained: Trained, tmp_path: Path) -> None:
    settings = copied(trained, tmp_path)
    folder = RunFolder(settings.runs, trained.source().runs["gat_student"]["run_id"]).checkpoint
    weights = folder / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    card = json.loads((folder / "checkpoint.json").read_text())
    card["weights_sha256"] = hashlib.sha256(data).hexdigest()  # the card agrees, the lake does not
    (folder / "checkpoint.json").write_text(json.dumps(card))
    with pytest.raises((ReleaseError, CheckpointError), match="is not the file that the lake recorded"):
        release(trained.fusion[SEEDS[0]], tmp_path / "out", settings, quiet)
    assert not (tmp_path / "out").exists()


def test_a_run_without_its_files_is_refused(trained: Trained, tmp_path: Path) -> None:
    settings = copied(trained, tmp_path)
    shutil.rmtree(RunFolder(settings.runs, trained.source().runs["prepare"]["run_id"]).graphs)
    with pytest.raises(ReleaseError, match="is gone"):
        release(trained.fusion[SEEDS[0]], tmp_path / "out", settings, quiet)


def test_an_existing_folder_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for out in (tmp_path, tmp_path / "mine"):
        with pytest.raises(ReleaseError, match="exists already"):
            release(trained.fusion[SEEDS[0]], out, trained.settings, quiet)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_mistyped_run_is_answered_with_the_nearest(trained: Trained, tmp_path: Path) -> None:
    run_id = trained.fusion[SEEDS[1]]
    with pytest.raises(ReleaseError, match=f"did you mean '{run_id}'"):
        release(run_id[:-2], tmp_path / "out", trained.settings, quiet)


def test_another_stages_run_is_answered_with_fusion_runs(trained: Trained, tmp_path: Path) -> None:
    student = trained.source().runs["vgae_student"]["run_id"]
    with pytest.raises(ReleaseError, match=rf"(?s)a run of vgae_student.*{trained.fusion[SEEDS[0]]}"):
        release(student, tmp_path / "out", trained.settings, quiet)


def test_a_lake_without_a_snapshot_is_refused(trained: Trained, tmp_path: Path) -> None:
    settings = copied(trained, tmp_path)
    shutil.rmtree(settings.lake / "snapshots")
    with pytest.raises(LakeError, match="lake snapshot"):
        release(trained.fusion[SEEDS[0]], tmp_path / "out", settings, quiet)


def test_a_run_newer_than_the_snapshot_is_refused(trained: Trained, tmp_path: Path) -> None:
    settings = copied(trained, tmp_path)
    (row,) = query(settings.lake, f"SELECT * FROM runs WHERE run_id = '{trained.fusion[7]}'").to_pylist()
    append(settings.lake, RUNS, "newer-fusion-s1", "001-ended", [row])
    with pytest.raises(ReleaseError, match=r"is not in the latest snapshot.*\./run lake snapshot"):
        release("newer-fusion-s1", tmp_path / "out", settings, quiet)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"status": "failed", "reason": "disk full"}, r"is failed, not complete \(disk full\)"), ({}, "never evaluated")],
)
def test_an_unfinished_run_is_refused(trained: Trained, tmp_path: Path, change: dict[str, str], said: str) -> None:
    settings = copied(trained, tmp_path)
    (row,) = query(settings.lake, f"SELECT * FROM runs WHERE run_id = '{trained.fusion[7]}'").to_pylist()
    append(settings.lake, RUNS, "newer-fusion-s1", "001-ended", [{**row, **change}])
    take_snapshot(settings.lake)
    with pytest.raises(ReleaseError, match=said):
        release("newer-fusion-s1", tmp_path / "out", settings, quiet)


def test_a_folder_that_cannot_be_finished_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="null"):
        write_folder(tmp_path / "out", {"a.txt": b"a", "b\0.txt": b"b"})
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_to_do_without_a_traceback(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KDGAT_LAKE", str(trained.settings.lake))
    monkeypatch.setenv("KDGAT_RUNS", str(trained.settings.runs))
    assert main(["release", "no-such-run", "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().err
    assert "Complete fusion runs: small-fusion" in printed
    assert "Traceback" not in printed
