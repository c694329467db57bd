"""A detector kept in a folder: found by three names, and refused where a file is not the one kept."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.assemble import PARTS
from pipeline.detector_folder import DetectorError, KeptDetector, find_detector, load_detector, save_detector
from pipeline.protocols import PROTOCOLS
from pipeline.runs import RunFolder
from pipeline.settings import Settings
from tests.pipeline.conftest import Place
from tests.pipeline.test_habit import equal


@pytest.fixture
def kept(trained: Place, run_ids: dict[str, str]) -> KeptDetector:
    return find_detector(run_ids["fusion"], trained.settings)


def test_a_runs_detector_is_its_students_and_its_fusion(
    kept: KeptDetector, trained: Place, run_ids: dict[str, str]
) -> None:
    assert {part: checkpoint.run_id for part, checkpoint in kept.checkpoints.items()} == {
        part: run_ids[part] for part in PARTS
    }
    assert kept.run_id == run_ids["fusion"]
    assert set(kept.knowledge.habits) == {"Chevrolet Impala 2011"}
    detector = kept.build()
    assert not detector.training
    assert [kept.threshold(name) for name in PROTOCOLS] == detector.fusion.thresholds.double().tolist()


def test_it_comes_back_from_its_folder_as_it_was(kept: KeptDetector, tmp_path: Path) -> None:
    written = save_detector(tmp_path / "kept", kept)
    assert sorted(written) == sorted(path for path in (tmp_path / "kept").rglob("*") if path.is_file())
    found = find_detector(str(tmp_path / "kept"), Settings(tmp_path, tmp_path, tmp_path))
    assert (found.run_id, found.data_digest) == (kept.run_id, kept.data_digest)
    for part in PARTS:
        one, other = kept.checkpoints[part], found.checkpoints[part]
        assert (one.shape, one.vocabulary, one.run_id) == (other.shape, other.vocabulary, other.run_id)
        assert all(torch.equal(tensor, other.weights[name]) for name, tensor in one.weights.items())
    assert found.knowledge.window == kept.knowledge.window
    assert found.knowledge.habit == kept.knowledge.habit
    assert all(equal(found.knowledge.habits[name], habit) for name, habit in kept.knowledge.habits.items())


def test_reference_is_the_bundled_one(kept: KeptDetector, tmp_path: Path) -> None:
    save_detector(tmp_path / "reference" / "detector", kept)
    settings = Settings(tmp_path, tmp_path, tmp_path, bundled=tmp_path)
    assert find_detector("reference", settings).run_id == kept.run_id


def test_an_altered_or_missing_file_is_refused_by_name(kept: KeptDetector, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    names = [path.relative_to(folder) for path in save_detector(folder, kept) if path.name != "detector.json"]
    assert {name.name for name in names} == {"habits.npz", "weights.safetensors", "checkpoint.json"}
    for name in names:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
        with pytest.raises(DetectorError, match=rf"{name} is not the file that detector\.json names .* Restore it"):
            load_detector(folder)
        (folder / name).unlink()
        with pytest.raises(DetectorError, match=rf"{name} is gone, the one that detector\.json names"):
            load_detector(folder)
        (folder / name).write_bytes(data)
    assert load_detector(folder).run_id == kept.run_id


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"sha256": 3}', '{"sha256": {}}'])
def test_a_folder_that_holds_no_detector_is_said(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "detector.json").write_text(content)
    with pytest.raises(DetectorError, match=r"holds no detector .* Name a fusion run, a folder"):
        load_detector(tmp_path)


def test_a_file_that_no_digest_vouches_for_is_not_read(kept: KeptDetector, tmp_path: Path) -> None:
    save_detector(tmp_path, kept)
    index = json.loads((tmp_path / "detector.json").read_text())
    for name in ("habits.npz", "fusion/weights.safetensors"):
        less = {**index, "sha256": {key: value for key, value in index["sha256"].items() if key != name}}
        (tmp_path / "detector.json").write_text(json.dumps(less))
        with pytest.raises(DetectorError, match=f"detector.json lacks {name}"):
            load_detector(tmp_path)


def test_a_name_that_is_none_is_answered_with_the_nearest(trained: Place, run_ids: dict[str, str]) -> None:
    with pytest.raises(DetectorError, match=rf"did you mean '{run_ids['fusion']}'\?.*reference"):
        find_detector(run_ids["fusion"][:-1], trained.settings)
    with pytest.raises(DetectorError, match="is a run of gat_student"):
        find_detector(run_ids["gat_student"], trained.settings)


def test_graphs_of_other_data_are_refused(trained: Place, run_ids: dict[str, str], tmp_path: Path) -> None:
    """Exchanged behind the lake's back; each file is sound by itself."""
    shutil.copytree(trained.settings.runs, tmp_path / "runs")
    settings = replace(trained.settings, runs=tmp_path / "runs")
    index = RunFolder(settings.runs, run_ids["prepare"]).graphs / "graphs.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "data_digest": "0" * 64}))
    with pytest.raises(DetectorError, match="were not trained on one set of data"):
        find_detector(run_ids["fusion"], settings)


def test_the_index_names_no_place_of_this_machine(kept: KeptDetector, tmp_path: Path) -> None:
    save_detector(tmp_path / "kept", kept)
    index = json.loads((tmp_path / "kept" / "detector.json").read_text())
    assert all(not Path(name).is_absolute() for name in index["sha256"])
    assert str(tmp_path) not in json.dumps(index)
