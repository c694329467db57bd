"""Experiment folders of the old layout: where they go, what stays, and that no byte is lost on the way."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from lake.files import sha256_of
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.execute import execute
from pipeline.legacy.found import Wishes
from pipeline.legacy.layout import files_of
from pipeline.legacy.moves import size_of
from tests.pipeline.legacy.stores import NO_WISHES, Importing, make_folders, make_log, refusals

TEACHER = "legacy-folders-hcrl_sa.teacher_autoencoder"
OLD = "automotive/hcrl_sa/teacher/unsupervised/vgae/no_distillation/autoencoder"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than `tmp_path`."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system is here: /dev/shm is none")
    folder = memory / f"kdgat-{uuid4().hex}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def digests(root: Path) -> list[str]:
    return sorted(sha256_of(path) for path in files_of(root))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hcrl_sa/teacher/unsupervised/vgae/no_distillation/autoencoder", "hcrl_sa/teacher_autoencoder"),
        ("hcrl_sa/student/supervised/gat/distilled/curriculum", "hcrl_sa/student_curriculum_kd"),
        ("set_01/teacher/rl_fusion/dqn/no_distillation/fusion", "set_01/teacher_fusion"),
        ("hcrl_sa/student/evaluation/eval/distilled/evaluation", "hcrl_sa/student_evaluation_kd"),
    ],
)
def test_paths_are_those_of_the_guide(old: str, new: str, tmp_path: Path, importing: Importing) -> None:
    folder = tmp_path / "runs" / "automotive" / old
    folder.mkdir(parents=True)
    (folder / "best_model.pt").write_bytes(b"w")
    (move,) = importing.plan(tmp_path / "runs").moves
    assert (move.old, move.new) == (folder, tmp_path / "runs" / new)


def test_folders_move_whole_and_their_runs_are_in_the_lake(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    before, size = digests(root), size_of(root)
    importing.execute(root)
    assert (digests(root), size_of(root)) == (before, size)
    assert sorted(path.relative_to(root).as_posix() for path in root.glob("*/*")) == [
        "hcrl_sa/student_curriculum_kd", "hcrl_sa/teacher_autoencoder", "set_01/teacher_fusion",
    ]  # fmt: skip
    assert not (root / "automotive").exists()
    run = importing.run(TEACHER)
    assert (run["stage"], run["role"], run["status"], run["seed"]) == ("vgae_teacher", "teacher", "complete", 42)
    curve = importing.rows(f"SELECT split, value FROM epochs WHERE run_id = '{TEACHER}' ORDER BY split")
    assert [tuple(row.values()) for row in curve] == [("train", 1.5), ("validation", 1.25)]
    (weights,) = importing.rows(f"SELECT * FROM artifacts WHERE run_id = '{TEACHER}' AND kind = 'checkpoint'")
    assert weights["sha256"] == sha256_of(root / "hcrl_sa/teacher_autoencoder/best_model.pt")


def test_a_run_without_a_config_is_moved_kept_and_said(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    plan = importing.execute(root)
    assert (
        "set_01/teacher_fusion: no config.json that can be read; it is kept, and its run says so" in plan.found[0].notes
    )
    run = importing.run("legacy-folders-set_01.teacher_fusion")
    assert (run["config_json"], run["status"]) == ("{}", "unknown")
    assert "it has no config.json" in run["reason"]
    assert (root / "set_01/teacher_fusion/slurm.err").read_text() == "killed\n"


def test_a_file_outside_of_both_layouts_is_left_and_said(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    deep = root / "automotive/hcrl_sa/teacher/unsupervised/vgae/readme.txt"
    deep.write_text("x")
    plan = importing.execute(root)
    assert "notes.txt is in no folder of either layout; it is left where it is" in plan.found[0].notes
    assert deep.exists(), "its folder is not empty, so it stays"


def test_nothing_moves_where_one_folder_would_collide(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    (root / "hcrl_sa/teacher_autoencoder").mkdir(parents=True)
    before = files_of(root)
    plan = importing.plan(root)
    assert len(plan.conflicts) == 1
    assert "hcrl_sa/teacher_autoencoder, which is there already" in plan.conflicts[0]
    with pytest.raises(MigrateError, match="Nothing is moved"):
        importing.execute(root)
    assert files_of(root) == before
    assert not importing.lake.exists()


def test_two_folders_that_would_become_one_collide(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    twin = root / "marine/hcrl_sa/teacher/unsupervised/vgae/no_distillation/autoencoder"
    twin.mkdir(parents=True)
    (twin / "best_model.pt").write_bytes(b"other weights")
    (conflict,) = importing.plan(root).conflicts
    assert "would both become" in conflict


def test_a_migration_killed_between_two_moves_goes_on(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    before = digests(root)
    whole = importing.plan(root)
    first = replace(whole.found[0], moves=whole.found[0].moves[:1], empty=[])
    with pytest.raises(MigrateError, match="not whole"):
        execute(replace(whole, found=(first,), pieces=whole.pieces[:2]), importing.lake, NO_WISHES, lambda line: None)
    assert (root / "automotive").exists()
    importing.execute(root)
    assert digests(root) == before
    assert importing.rows("SELECT count(*) AS n FROM run_events") == [{"n": 3}]
    assert importing.plan(root).is_done


def test_to_another_file_system_folders_are_copied_compared_and_deleted(
    tmp_path: Path, elsewhere: Path, importing: Importing
) -> None:
    root = make_folders(tmp_path / "experimentruns")
    (root / "notes.txt").unlink()
    (root / OLD / "link.pt").symlink_to("best_model.pt")
    before = digests(root)
    wishes = Wishes(to=elsewhere)
    plan = importing.execute(root, wishes)
    assert all(move.copies for move in plan.moves)
    assert (digests(elsewhere), files_of(root)) == (before, [])
    assert os.readlink(elsewhere / "hcrl_sa/teacher_autoencoder/link.pt") == "best_model.pt"
    assert any("a link has no bytes" in line for line in refusals(plan))
    assert importing.plan(root, wishes).is_done


def test_a_copy_that_was_not_yet_deleted_is_finished(tmp_path: Path, elsewhere: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    shutil.copytree(root / OLD, elsewhere / "hcrl_sa/teacher_autoencoder")
    shutil.copytree(root / OLD, elsewhere / "hcrl_sa/.student_curriculum_kd.moving")  # killed while it was copied
    importing.execute(root, Wishes(to=elsewhere))
    assert len(files_of(elsewhere)) == 6
    assert files_of(root) == [root / "notes.txt"]


def test_a_copy_with_other_bytes_is_a_collision(tmp_path: Path, elsewhere: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    other = elsewhere / "hcrl_sa/teacher_autoencoder"
    shutil.copytree(root / OLD, other)
    (other / "best_model.pt").write_bytes(b"trained again")
    (conflict,) = importing.plan(root, Wishes(to=elsewhere)).conflicts
    assert "which is there already" in conflict


def test_a_fit_started_again_is_an_attempt_of_its_own(tmp_path: Path, importing: Importing) -> None:
    root = make_folders(tmp_path / "experimentruns")
    make_log(root / OLD / "lightning_logs/version_1", ["epoch,step,val_loss", "0,9,0.75"])
    importing.execute(root)
    rows = importing.rows(f"SELECT attempt, value FROM epochs WHERE run_id = '{TEACHER}' AND split = 'validation'")
    assert [tuple(row.values()) for row in rows] == [(2, 0.75)]
    assert importing.run(TEACHER)["attempt"] == 2


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("automotive/hcrl_sa/teacher/unsupervised/vgae/no_kd/autoencoder",
         r"its distillation 'no_kd' is none of no_distillation, distilled\. Name the folder so"),
        ("automotive/hcrl_sa/medium/unsupervised/vgae/distilled/autoencoder",
         r"its size 'medium' is none of teacher, student, large, small"),
        ("automotive/hcrl_sa/teacher/reinforced/vgae/distilled/autoencoder",
         r"its learning type 'reinforced' is none of unsupervised, supervised"),
        ("automotive/hcrl_sa/teacher/reinforced/vgae/no_kd/autoencoder",
         r"its learning type 'reinforced' is none of .*; its distillation 'no_kd' is none of"),
    ],
)  # fmt: skip
def test_a_level_that_nobody_knows_is_named(old: str, said: str, tmp_path: Path, importing: Importing) -> None:
    (tmp_path / "runs" / old).mkdir(parents=True)
    (tmp_path / "runs" / old / "best_model.pt").write_bytes(b"w")
    with pytest.raises(MigrateError, match=rf"It looks like experiment folders, but {old}: .*{said}"):
        importing.plan(tmp_path / "runs")


def test_a_level_that_nobody_knows_is_named_beside_experiments_that_are_known(
    tmp_path: Path, importing: Importing
) -> None:
    root = make_folders(tmp_path / "experimentruns")
    odd = OLD.replace("no_distillation", "no_kd")
    (root / odd).mkdir(parents=True)
    (root / odd / "best_model.pt").write_bytes(b"w")
    (found,) = importing.plan(root).found
    assert f"{odd}: its distillation 'no_kd' is none of no_distillation, distilled." in "\n".join(found.notes)


@pytest.mark.parametrize(
    ("given", "give"),
    [
        ("runs/automotive", "runs"),
        ("runs/automotive/hcrl_sa", "runs"),
        ("runs/automotive/hcrl_sa/teacher", "runs"),
        ("far", "far/off/runs"),
    ],
)
def test_a_source_above_or_below_says_which_folder_to_give(
    given: str, give: str, tmp_path: Path, importing: Importing
) -> None:
    folder = tmp_path / give / OLD
    folder.mkdir(parents=True)
    (folder / "best_model.pt").write_bytes(b"w")
    with pytest.raises(MigrateError, match=rf"experiments lie 7 below SOURCE .*: give {tmp_path / give}\.$"):
        importing.plan(tmp_path / given)
    assert importing.plan(tmp_path / give).moves


def test_a_source_below_is_said_before_a_level_that_nobody_knows(tmp_path: Path, importing: Importing) -> None:
    folder = tmp_path / "runs" / OLD.replace("no_distillation", "no_kd")
    folder.mkdir(parents=True)
    (folder / "best_model.pt").write_bytes(b"w")
    with pytest.raises(MigrateError, match=rf"give {tmp_path / 'runs'}\.$"):
        importing.plan(tmp_path / "runs/automotive")
    with pytest.raises(MigrateError, match="its distillation 'no_kd' is none of"):
        importing.plan(tmp_path / "runs")
