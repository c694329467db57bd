"""How commands end that are stopped, may not look, or have nobody who takes what they print."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Python
from tests.lake.conftest import REPOSITORY, child

STOPPED = "{name}: interrupted. What was complete is kept; the same command goes on, or begins again.\n"
LONG = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range < 0"
# Everything is loaded before, so that the signal comes while DuckDB joins; it answers the first Ctrl-C after minutes.
STOP_A_JOIN = """
import os, signal, sys, threading
from importlib import import_module
from lake.read import query
from {package}.__main__ import main
threading.Timer(1, os.kill, (os.getpid(), signal.{signal})).start()
sys.exit(main(sys.argv[1:]))
"""
# As DuckDB does: its own error takes the place of the interruption, and is told as another.
STOP_AND_TELL = """
import os, signal, sys
from unittest.mock import patch
from lake.__main__ import main
from lake.errors import LakeError

def interrupted(*_):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise {error}("Query interrupted") from None

with patch("lake.check.verify", interrupted):
    sys.exit(main(sys.argv[1:]))
"""
FULL = Path("/dev/full")


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    ("package", "name", "words"),
    [("lake", "lake", ("--lake", "LAKE", "sql")), ("loaders", "analytics", ("analytics", "query", "--lake", "LAKE"))],
)
def test_a_long_question_stops_with_a_sentence(
    small_lake: Path, package: str, name: str, words: tuple[str, ...], sent: str
) -> None:
    arguments = [str(small_lake) if word == "LAKE" else word for word in words]
    with child(STOP_A_JOIN.format(package=package, signal=sent), *arguments, LONG) as asked:
        try:
            out, err = asked.communicate(timeout=30)
        finally:
            asked.kill()
    assert (asked.returncode, out, err) == (130, "", STOPPED.format(name=name))


@pytest.mark.parametrize("error", ["RuntimeError", "LakeError"])
def test_an_interruption_that_a_library_tells_as_its_own_error_is_one(small_lake: Path, error: str) -> None:
    with child(STOP_AND_TELL.format(error=error), "--lake", str(small_lake), "verify") as asked:
        out, err = asked.communicate(timeout=60)
    assert (asked.returncode, out, err) == (130, "", STOPPED.format(name="lake"))


@pytest.mark.parametrize("words", [("lake", "verify"), ("loaders", "analytics", "leaderboard"),
                                   ("pipeline", "migrate", "x")])  # fmt: skip
def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(words: tuple[str, ...]) -> None:
    """The query engine takes its time; here the signal comes as the first module of it is looked for."""
    code = """
import runpy, signal, sys

class Pressing:
    def find_spec(self, name, path=None, target=None):
        if name in ("duckdb", "pydantic"):
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Pressing())
package = sys.argv.pop(1)
runpy.run_module(package, run_name="__main__", alter_sys=False)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1
    assert "interrupted" in done.stderr or "stopped" in done.stderr


def test_ctrl_c_is_left_as_it_was(small_lake: Path) -> None:
    from lake.__main__ import main

    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    assert main(["--lake", str(small_lake), "sql", "SELECT 1"]) == 0
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1


def commands(lake: Path) -> list[list[str]]:
    where = ["--lake", str(lake)]
    return [
        ["lake", *where, "sql", "SELECT run_id, '\u2264' AS sign FROM runs"],
        ["lake", *where, "sql", "SELECT range FROM range(100000)", "--format", "csv"],
        ["lake", *where, "sql", "SELECT 1 AS a", "--format", "json"],
        ["lake", *where, "verify"],
        ["lake", *where, "snapshot"],
        ["lake", "schema"],
        ["loaders", "analytics", "query", *where, "SELECT '\u2264' AS sign"],
        ["loaders", "analytics", "lineage", *where, "run-a"],
    ]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_below_stdout_is_said(small_lake: Path, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    for words in commands(small_lake):
        with FULL.open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", *words],
                cwd=REPOSITORY, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        said = done.stderr.splitlines()
        assert done.returncode == 1, words
        assert said[-1].endswith(
            f": stdout takes no more ({os.strerror(errno.ENOSPC)}). "
            "Free some space, or send it elsewhere, then run it again."
        )
        assert "Traceback" not in done.stderr
        assert len(said) <= 2, done.stderr  # how many rows there are goes to stderr


def test_a_closed_stdout_is_said_and_nothing_is_done(small_lake: Path) -> None:
    for words in commands(small_lake):
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", *words],
            cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, words
        assert done.stderr.endswith(": stdout is closed, so nothing was done. Leave it open, or send it to a file.\n")
        assert done.stderr.count("\n") == 1
    assert not (small_lake / "snapshots").exists()


def test_a_stdout_of_another_encoding_shows_what_it_has_no_letter_for(small_lake: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for words in commands(small_lake):
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        assert ("\\u2264" in done.stdout) == ("\u2264" in words[-1]), done.stdout


def test_a_lake_that_may_not_be_entered_is_named(small_lake: Path, without_override: Python) -> None:
    small_lake.chmod(0)
    try:
        for words in (["lake", "--lake", str(small_lake), "sql", "SELECT 1"],
                      ["loaders", "analytics", "query", "--lake", str(small_lake), "SELECT 1"]):  # fmt: skip
            done = without_override("-m", *words)
            assert done.returncode == 1, done.stdout
            assert str(small_lake) in done.stderr
            assert "ermission denied" in done.stderr
            assert "Traceback" not in done.stderr
    finally:
        small_lake.chmod(0o755)
