"""`./run` making its environment: once, whole, checked by digest, by one process at a time."""

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scratch_checkout import Checkout, Index, wheel


@pytest.fixture
def index() -> Iterator[Index]:
    index = Index()
    yield index
    index.close()


@pytest.fixture
def checkout(tmp_path: Path, index: Index) -> Checkout:
    return Checkout(tmp_path / "a check out", index)


def test_it_is_made_once_and_again_when_the_lock_changes(checkout: Checkout, index: Index) -> None:
    checkout.pin_torch()
    first = checkout.run("where")
    assert first.returncode == 0, first.stderr
    assert "making .venv" in first.stderr
    assert [path for path in index.asked if "torchlet" in path], "the pin beside the lock is installed"
    asked = len(index.asked)
    assert checkout.run("where").stderr == ""
    assert len(index.asked) == asked, "nothing is asked a second time"

    checkout.lock("other", hashlib.sha256(wheel("other")).hexdigest())
    assert "making .venv" in checkout.run("say").stderr
    assert "No module named 'tiny'" in checkout.run("where").stderr, "nothing of the old lock is left"


def test_a_wrong_digest_is_refused_and_made_good(checkout: Checkout) -> None:
    checkout.lock("tiny", "0" * 64)
    failed = checkout.run("say")
    assert failed.returncode == 1
    assert "setting up .venv failed" in failed.stderr
    assert "DO NOT MATCH THE HASHES" in failed.stderr
    assert "Traceback" not in failed.stderr
    checkout.lock("tiny", hashlib.sha256(wheel("tiny")).hexdigest())
    assert checkout.run("where").stdout.endswith("tiny\n")


def test_ctrl_c_during_the_set_up_is_made_good(checkout: Checkout, index: Index) -> None:
    index.may_answer.clear()
    with checkout.start("where") as process:
        assert index.someone_asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr
        assert "interrupted" in process.stderr.read()
    index.may_answer.set()
    again = checkout.run("where")
    assert "making .venv" in again.stderr
    assert again.stdout.endswith("tiny\n")


def test_after_a_kill_the_next_waits_for_what_is_left_and_starts_afresh(checkout: Checkout, index: Index) -> None:
    index.may_answer.clear()
    with checkout.start("where") as killed:
        assert index.someone_asked.wait(60)
        killed.kill()
        with checkout.start("where") as again:
            assert again.stderr
            assert "waiting for another ./run" in again.stderr.readline(), "its pip still writes"
            index.may_answer.set()
            assert "making .venv" in again.stderr.readline()
            assert again.stdout
            assert again.stdout.read().endswith("tiny\n")


def test_of_two_at_once_one_sets_up_and_both_run(checkout: Checkout, index: Index) -> None:
    index.may_answer.clear()
    with checkout.start("where") as first:
        assert index.someone_asked.wait(60)
        with checkout.start("where") as second:
            assert second.stderr
            assert "waiting for another ./run" in second.stderr.readline()
            index.may_answer.set()
            for process in (first, second):
                assert process.stdout
                assert process.stdout.read().endswith("tiny\n")
            assert "making" not in second.stderr.read()
    assert len([path for path in index.asked if path.endswith("tiny-1.0-py3-none-any.whl")]) == 1


def test_a_venv_that_a_person_made_is_added_to(checkout: Checkout) -> None:
    subprocess.run([sys.executable, "-m", "venv", checkout.root / ".venv"], check=True)
    done = checkout.run("where")
    assert "making .venv" not in done.stderr
    assert done.stdout.endswith("tiny\n")


def test_a_python_without_ensurepip_is_told_the_debian_package(checkout: Checkout) -> None:
    # Debian ships Python without this module until python3-venv is installed
    hide = "import importlib.util as u; find = u.find_spec; "
    hide += "u.find_spec = lambda name: None if name == 'ensurepip' else find(name)\n"
    entry = checkout.root / "run"
    entry.write_text(entry.read_text().replace("import os\n", hide + "import os\n", 1))
    done = checkout.run("say")
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
