"""The table of stages, and its execution: what is missing, in order, never over what is there."""

import shutil

import pytest

from lake.check import verify
from lake.schema import STAGES as KNOWN_STAGES
from pipeline.errors import StageError
from pipeline.runs import RunFolder
from pipeline.stages import STAGES
from tests.pipeline.conftest import Place, config_of


def contents(place: Place) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(place.root.rglob("*")) if path.is_file()}


def test_the_table_names_what_the_schema_knows_and_needs_only_what_stands_above() -> None:
    assert tuple(stage.name for stage in STAGES) == KNOWN_STAGES
    for place, stage in enumerate(STAGES):
        assert set(stage.needs) <= {earlier.name for earlier in STAGES[:place]}
        assert (stage.model is None) == (stage.role in (None, "baseline")), "a baseline's model is the config's"


def test_every_run_is_complete_and_walks_back_to_what_made_it(trained: Place) -> None:
    assert verify(trained.settings.lake) == []
    runs = {row["run_id"]: row for row in trained.rows("SELECT * FROM runs")}
    assert {row["status"] for row in runs.values()} == {"complete"}
    assert len({row["data_digest"] for row in runs.values()}) == 1
    for row in runs.values():
        assert row["finished_at"] >= row["started_at"]
        assert row["run_id"].startswith(f"small-{row['stage']}-")
        assert config_of(row)["train"]["epochs"] == 2
    for row in trained.rows("SELECT * FROM lineage"):
        assert row["parent_run_id"] in runs
    for row in trained.rows("SELECT * FROM artifacts"):
        path = RunFolder(trained.settings.runs, row["run_id"]).path / row["name"]
        assert path.stat().st_size == row["size_bytes"]


def test_a_second_train_changes_no_byte(place: Place) -> None:
    place.train(stage="prepare")
    place.train(stage="gat_teacher")
    before = contents(place)
    place.train(stage="prepare")
    place.train(stage="gat_teacher")
    assert contents(place) == before


def test_a_repeat_is_another_run_and_leaves_the_first(place: Place) -> None:
    (first,) = place.train(stage="prepare")
    before = contents(place)
    (second,) = place.train("repeat=1", stage="prepare")
    assert first.run_id != second.run_id
    assert {path: data for path, data in contents(place).items() if path in before} == before


@pytest.mark.parametrize(("stage", "missing"), [("gat_teacher", "prepare"), ("fusion", "prepare")])
def test_a_stage_whose_input_is_missing_says_which_to_run(place: Place, stage: str, missing: str) -> None:
    with pytest.raises(
        StageError, match=rf"{stage} needs the run small-{missing}-\w+, which is missing. Run {missing}"
    ):
        place.train(stage=stage)
    assert not place.settings.lake.exists(), "nothing was started"


def test_a_run_that_failed_is_tried_again_as_the_next_attempt(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    import pipeline.train

    place.train(stage="prepare")
    with monkeypatch.context() as broken:
        broken.setattr(pipeline.train, "save_checkpoint", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            place.train(stage="gat_teacher")
    (row,) = place.rows("SELECT status, reason FROM runs WHERE stage = 'gat_teacher'")
    assert row == {"status": "failed", "reason": "ZeroDivisionError: division by zero"}
    place.train(stage="gat_teacher")
    rows = place.rows("SELECT attempt, status FROM run_events WHERE stage = 'gat_teacher' ORDER BY ALL")
    expected = [(1, "failed"), (1, "running"), (2, "complete"), (2, "running")]
    assert [(row["attempt"], row["status"]) for row in rows] == expected
    assert verify(place.settings.lake) == []


def test_files_that_were_removed_are_said_and_not_made_again_in_silence(place: Place) -> None:
    (prepared,) = place.train(stage="prepare")
    shutil.rmtree(RunFolder(place.settings.runs, prepared.run_id).path)
    with pytest.raises(StageError, match=r"holds no graphs .* restore them, or prepare again with --set repeat=1"):
        place.train(stage="gat_teacher")


def test_a_complete_run_leaves_no_state_of_its_training(trained: Place, run_ids: dict[str, str]) -> None:
    for run_id in run_ids.values():
        assert not RunFolder(trained.settings.runs, run_id).resume.exists()
    assert not list(trained.root.rglob("*.tmp"))
