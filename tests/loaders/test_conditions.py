"""A mean over runs of different code, lock or device says so, on a leaderboard, in a comparison and in a sweep."""

import json
from pathlib import Path
from typing import Any

import pytest

from lake.append import append
from lake.schema import METRICS, RUNS
from loaders.__main__ import main
from tests.lake.rows import NOON, metric_row, run_row

CONFIG = '{"window": {"size": 100}}'
HERE = {"code_commit": "a" * 40, "code_patch_digest": None, "device": "cpu", "lock_digest": "c" * 64}
THERE = {"code_commit": "b" * 40, "code_patch_digest": None, "device": "cuda", "lock_digest": "c" * 64}


def train(root: Path, model: str, seed: int, value: float, conditions: dict[str, Any], judge: dict[str, Any]) -> None:
    """A run and its evaluation on one capture, each under its own conditions."""
    done = {"status": "complete", "seed": seed, "finished_at": NOON, "config_json": CONFIG, "configuration": "c0ffee00"}
    name = f"{model}-{seed}"
    stage = "fusion" if model == "fusion" else f"{model}_student"
    trained = run_row(**done, **conditions, stage=stage, model=model, role="student")
    append(root, RUNS, name, "ended", [trained])
    append(root, RUNS, f"evaluate-{name}", "ended", [run_row(**done, **judge, stage="evaluate")])
    place = {"model_run_id": name, "capture": "dos", "vehicle": "car", "value": value}
    append(root, METRICS, f"evaluate-{name}", "metrics", [metric_row(**place)])


def lake_of(root: Path, **models: list[tuple[dict[str, Any], dict[str, Any]]]) -> Path:
    for model, seeds in models.items():
        for seed, (conditions, judge) in enumerate(seeds):
            train(root, model, seed, 0.9 + seed / 100, conditions, judge)
    return root


def answer(root: Path, capsys: pytest.CaptureFixture[str], *asked: str) -> tuple[list[list[str]], list[str], str]:
    """What each row differs in, the notes, and the table for people."""
    assert main(["analytics", *asked, "--lake", str(root), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["analytics", *asked, "--lake", str(root)]) == 0
    return [row["differs_in"] for row in found["rows"]], found["notes"], capsys.readouterr().out


BOARD = ("leaderboard", "--captures", "dos")
SWEEP = ("sweep", "window.size", "f1", "--captures", "dos")


@pytest.mark.parametrize("asked", [BOARD, SWEEP])
def test_a_mean_over_two_commits_and_devices_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, ...]
) -> None:
    root = lake_of(tmp_path / "lake", gat=[(HERE, HERE)] * 3 + [(THERE, HERE)] * 3, vgae=[(HERE, HERE)] * 2)
    differs, notes, table = answer(root, capsys, *asked)
    assert sorted(differs) == [[], ["code_commit", "device"]]
    assert any(note.startswith("1 of these rows average runs of different code commits, devices:") for note in notes)
    assert "runs differ in" in table
    assert "code_commit, device" in table


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ({**HERE, "code_patch_digest": "d" * 64}, "code_patch_digest"),
        ({**HERE, "lock_digest": "d" * 64}, "lock_digest"),
        ({**HERE, "device": "cuda"}, "device"),
        ({**HERE, "code_commit": None}, "code_commit"),
    ],
)
def test_each_condition_counts_of_trainings_and_of_evaluations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: dict[str, Any], where: str
) -> None:
    root = lake_of(tmp_path / "lake", gat=[(HERE, HERE), (other, HERE)], vgae=[(HERE, HERE), (HERE, other)])
    assert answer(root, capsys, *BOARD)[0] == [[where], [where]]


def test_evaluating_elsewhere_than_training_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = lake_of(tmp_path / "lake", gat=[(THERE, HERE)] * 2)
    for asked in (BOARD, SWEEP):
        differs, notes, table = answer(root, capsys, *asked)
        assert differs == [[]]
        assert not any("runs of different" in note for note in notes)
        assert "runs differ in" not in table


def test_a_difference_between_models_of_two_commits_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = lake_of(tmp_path / "lake", gat=[(THERE, HERE)] * 3, vgae=[(HERE, HERE)] * 3, fusion=[(HERE, HERE)] * 3)
    asked = ("compare", "gat-student", "fusion-student", "vgae-student")
    differs, notes, table = answer(root, capsys, *asked)
    assert differs == [["code_commit", "device"], []]
    assert any(note.startswith("1 of these rows compare runs of different code commits, devices:") for note in notes)
    assert "code_commit, device" in table
