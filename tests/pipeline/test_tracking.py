"""W&B: rows lie on the disk without an account, and whatever it does, training goes on."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import TrackingConfig
from pipeline.plan import plan
from pipeline.runs import RunFolder
from pipeline.settings import has_wandb_account
from pipeline.tracking import wandb_logger
from tests.pipeline.captures import REPOSITORY
from tests.pipeline.conftest import Place


def closed_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_without_an_account_the_rows_are_written_offline(place: Place) -> None:
    place.train(stage="prepare")
    (run,) = place.train("tracking.wandb=offline", stage="gat_teacher")
    (file,) = RunFolder(place.settings.runs, run.run_id).wandb.rglob("*.wandb")
    assert file.parent.name.startswith("offline-run-")
    data = file.read_bytes()  # a log of records, whose text is not compressed
    assert data.count(b"validation/loss") >= 2, "a row an epoch"
    assert data.count(b"train/loss") >= 2
    assert run.run_id.encode() in data


# Gives up after 3 seconds instead of 30.
IMPATIENT = """
import sys
import pipeline.tracking
from pipeline.__main__ import main
pipeline.tracking._INIT_TIMEOUT_S = 3
sys.exit(main(["train", *sys.argv[1:]]))
"""


def test_a_service_that_cannot_be_reached_neither_fails_nor_hangs_training(place: Place) -> None:
    place.train(stage="prepare")
    unreachable = {
        **place.env, "WANDB_BASE_URL": f"http://127.0.0.1:{closed_port()}", "WANDB_API_KEY": "0" * 40,
        "WANDB_MODE": "online",
    }  # fmt: skip
    options = ["--stage", "gat_teacher", "--set", "tracking.wandb=online"]
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT, str(place.experiment), *options],
        cwd=REPOSITORY, env=unreachable, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gat_teacher")
    assert "W&B cannot be reached" in done.stderr
    kept = list(place.settings.runs.rglob("offline-run-*/*.wandb"))
    assert kept, f"its rows should be kept for a later sync: {done.stderr}"
    assert place.rows("SELECT status FROM runs WHERE stage = 'gat_teacher'") == [{"status": "complete"}]
    assert place.rows("SELECT count(*) AS n FROM epochs WHERE metric = 'loss'") == [{"n": 4}]


def test_a_folder_it_cannot_write_costs_a_warning_and_no_training(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.train(stage="prepare")
    (teacher,) = [run for run in plan(place.config(), place.settings) if run.stage.name == "gat_teacher"]
    folder = RunFolder(place.settings.runs, teacher.run_id)
    folder.path.mkdir(parents=True)
    folder.wandb.write_text("a file where W&B wants a folder")
    place.train("tracking.wandb=offline", stage="gat_teacher")
    assert "W&B cannot start" in caplog.text
    assert place.rows("SELECT status FROM runs WHERE stage = 'gat_teacher'") == [{"status": "complete"}]


def test_off_is_off(place: Place) -> None:
    assert wandb_logger(TrackingConfig(wandb="off"), RunFolder(place.root, "a-run"), {}) is None
    assert not (place.root / "a-run").exists()


@pytest.mark.parametrize(
    ("text", "known"),
    [(b"machine api.wandb.ai\n", True), (b"machine elsewhere\n", False), (b"\xff\xfe", False)],
)
def test_an_account_is_looked_for_without_asking_anybody(
    text: bytes, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert not has_wandb_account()
    (tmp_path / "netrc").write_bytes(text)
    assert has_wandb_account() is known
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert has_wandb_account()
