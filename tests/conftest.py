"""No setting of the person who runs the tests reaches one, and no test reaches their data."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# A file of tests runs on each core: more threads in one would only wait for the other. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell has its background jobs ignore Ctrl-C, and so would all that they start: tests that press it need it heard.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
REPOSITORY = Path(__file__).resolve().parent.parent
Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def settings_of_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Lake and runs lie in a folder of the session, the data is what is bundled, W&B stays offline."""
    place = tmp_path_factory.getbasetemp() / "settings"
    monkeypatch.setenv("KDGAT_LAKE", str(place / "lake"))
    monkeypatch.setenv("KDGAT_RUNS", str(place / "runs"))
    monkeypatch.delenv("KDGAT_DATA", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture
def without_override() -> Python:
    """Runs Python code that obeys the modes of files, also where the tests run as root."""
    as_owner: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("setpriv is missing, which takes from root the right to write everywhere")
        rights = "-dac_override,-dac_read_search"
        as_owner = ["setpriv", "--bounding-set", rights, "--inh-caps", rights]

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*as_owner, sys.executable, *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    return start
