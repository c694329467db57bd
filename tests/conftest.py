"""No setting of the person who runs the tests reaches one, and no test reaches their data."""

import os
import signal
from pathlib import Path

import pytest

# A file of tests runs on each core: more threads in one would only wait for the other. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell has its background jobs ignore Ctrl-C, and so would all that they start: tests that press it need it heard.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
REPOSITORY = Path(__file__).resolve().parent.parent


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
