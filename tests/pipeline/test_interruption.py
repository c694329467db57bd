"""Ctrl-C, SIGTERM, SIGKILL and a second process: nothing is lost, nothing is overwritten, the next train goes on."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import StageError
from pipeline.runs import RunFolder, claim
from tests.pipeline.conftest import Place

LONG = ("--set", "train.epochs=1000", "--set", "train.patience=100000", "--stage", "vgae_teacher")


@pytest.fixture
def prepared(place: Place) -> Place:
    place.train(stage="prepare")
    return place


def wait_for_line(process: "subprocess.Popen[str]", words: str) -> None:
    """Reads the process's progress until a line holds `words`."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if words in line:
            return
    raise AssertionError(f"no line with {words!r} before the process ended:\n{''.join(seen)}")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_is_interrupted_and_goes_on_as_a_second_attempt(
    prepared: Place, sent: signal.Signals
) -> None:
    with prepared.start(*LONG) as process:
        wait_for_line(process, "epoch 2 ")
        process.send_signal(sent)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "train: stopped. What was complete is kept; the same command goes on." in err
    (row,) = prepared.rows("SELECT status, attempt, reason, finished_at FROM runs WHERE stage = 'vgae_teacher'")
    by = "SIGTERM" if sent == signal.SIGTERM else "Ctrl-C"
    assert (row["status"], row["attempt"], row["reason"]) == ("interrupted", 1, f"stopped by {by}")
    assert row["finished_at"] is not None
    epochs = prepared.rows("SELECT max(epoch) AS last FROM epochs")[0]["last"]
    with prepared.start(*LONG) as process:
        wait_for_line(process, "attempt 2")
        wait_for_line(process, f"epoch {epochs + 2} ")  # goes on behind the last epoch, not from the first
        process.send_signal(signal.SIGKILL)
        process.wait()
    (row,) = prepared.rows("SELECT status, attempt FROM runs WHERE stage = 'vgae_teacher'")
    assert (row["status"], row["attempt"]) == ("running", 2)


def curve(place: Place, of_stage: str) -> dict[int, list[tuple[str, str, float]]]:
    """Split, metric and value of every row, by epoch."""
    epochs: dict[int, list[tuple[str, str, float]]] = {}
    for row in place.rows(f"SELECT epoch, split, metric, value FROM epochs WHERE {of_stage} ORDER BY ALL"):
        epochs.setdefault(row["epoch"], []).append((row["split"], row["metric"], row["value"]))
    return epochs


# Whatever has a state or draws at random, at once.
EVERYTHING = (
    "train.epochs=10", "fusion.epochs=10", "vgae.teacher.dropout=0.3", "gat.teacher.dropout=0.3",
    "train.schedule=cosine", "train.id_dropout=0.3", "train.imbalance.mining=0.5", "train.imbalance.attack_share=0.4",
    "train.imbalance.focal_gamma=1.0", "vgae_loss.mask_share=0.15", "distillation.embedding_weight=0.2",
)  # fmt: skip
BEFORE = {
    "vgae_teacher": ("prepare",),
    "gat_teacher": ("prepare",),
    "vgae_student": ("prepare", "vgae_teacher"),
    "gat_student": ("prepare", "gat_teacher"),
    "fusion": ("prepare", "vgae_teacher", "gat_teacher", "vgae_student", "gat_student"),
}


@pytest.mark.parametrize(
    "stage", [stage if len(BEFORE[stage]) == 1 else pytest.param(stage, marks=pytest.mark.slow) for stage in BEFORE]
)
def test_a_training_killed_and_resumed_equals_an_undisturbed_one_to_the_last_digit(
    stage: str, tmp_path: Path, small_data: Path
) -> None:
    """A fusion starts anew; its result is the same all the same."""
    disturbed, undisturbed = Place(tmp_path / "a", small_data), Place(tmp_path / "b", small_data)
    disturbed.root.mkdir()
    for before in BEFORE[stage]:
        disturbed.train(*EVERYTHING, stage=before)
    shutil.copytree(disturbed.root, undisturbed.root)
    options = [word for override in EVERYTHING for word in ("--set", override)]
    with disturbed.start(*options, "--stage", stage) as process:
        wait_for_line(process, "epoch 3 ")
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    of_stage = f"run_id IN (SELECT run_id FROM runs WHERE stage = '{stage}')"
    status = f"SELECT status, attempt FROM runs WHERE {of_stage}"
    assert disturbed.rows(status) == [{"status": "running", "attempt": 1}]
    assert 0 < len(curve(disturbed, of_stage)) < 10, "the kill should have come in the middle"
    for place in (disturbed, undisturbed):
        place.train(*EVERYTHING, stage=stage)
    assert disturbed.rows(status) == [{"status": "complete", "attempt": 2}]
    assert len(curve(undisturbed, of_stage)) == 10
    assert curve(disturbed, of_stage) == curve(undisturbed, of_stage)
    for facts in (
        f"SELECT best_epoch, best_value, parameters FROM runs WHERE {of_stage}",
        f"SELECT name, sha256 FROM artifacts WHERE {of_stage} ORDER BY name",
    ):
        assert disturbed.rows(facts) == undisturbed.rows(facts)


def test_a_second_process_on_one_run_is_refused_and_names_the_first(
    prepared: Place, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with prepared.start(*LONG) as first:
        wait_for_line(first, "epoch 0 ")
        assert typed(prepared, "train", prepared.experiment, *LONG) == 1  # this process is the second
        first.send_signal(signal.SIGKILL)
        first.wait()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"is being executed by process {first.pid}. Wait for it, or stop it" in printed.err
    assert "Traceback" not in printed.err
    events = "SELECT count(*) AS n FROM run_events WHERE stage = 'vgae_teacher'"
    assert prepared.rows(events) == [{"n": 1}], "the second must not have written a row"


def test_a_dead_process_holds_no_claim(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "a-run")
    holder = os.fork()
    if not holder:
        with claim(folder):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(holder, 0)
    with claim(folder), pytest.raises(StageError, match=f"executed by process {os.getpid()}"), claim(folder):
        pass
