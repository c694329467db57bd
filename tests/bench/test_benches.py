"""The benches' list, and the plain pieces beneath their figures; nothing here is timed."""

import json
import os
import subprocess
import sys

import pytest

from tests.bench.__main__ import BENCHES, main
from tests.bench.demo import _members, _proportional_bytes


def test_the_list_is_printed_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(BENCHES)
    assert main(["--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == BENCHES


def test_an_unknown_name_is_said_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 1
    expected = f"there is no bench 'speed'. Benches: {', '.join(BENCHES)}."
    assert expected in capsys.readouterr().err


def test_memory_is_that_of_a_process_and_all_it_started() -> None:
    """A Python that starts another, which holds 64 MiB."""
    hold = "import sys; held = b'x' * 2**26; print('ready', flush=True); sys.stdin.read()"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as outer:
        assert outer.stdout is not None
        assert outer.stdout.readline() == "ready\n"
        members = _members(outer.pid)
        held = sum(map(_proportional_bytes, members))
        outer.communicate("")
    assert len(members) == 2
    assert os.getpid() not in members
    assert 2**26 < held < 2**28
    assert _members(outer.pid) == []
