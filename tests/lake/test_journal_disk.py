"""A disk that is full or fails never stops a training, and what it would not take is not lost."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lake.check import verify
from lake.errors import LakeError
from lake.journal import Journal
from lake.read import query
from lake.recover import recover
from lake.rescue import rescue
from lake.schema import RUNS
from tests.lake.left_journals import counted
from tests.lake.rows import run_row


def test_a_full_disk_is_said_once_and_every_row_comes_when_there_is_space(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    journal = Journal(root, "run-a", say=said.append)
    journal.log({RUNS: [run_row()]})
    fits, write = 10, os.pwrite

    def cut(descriptor: int, data: bytes, offset: int) -> int:
        if len(data) <= fits:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:fits], offset)

    monkeypatch.setattr(os, "pwrite", cut)
    for epoch in range(5):
        assert not journal.log_epoch(epoch, "train", {"loss": 0.5})
        assert counted(root)["n"] == 0
    monkeypatch.undo()
    assert len(said) == 1
    assert "cannot be written (No space left on device). Training goes on; its rows are kept in memory" in said[0]
    assert journal.log_epoch(5, "train", {"loss": 0.5})
    assert said[1:] == ["run-a: the lake can be written again; every row of this run is in it."]
    assert counted(root) == {"n": 6, "epochs": 6}
    journal.seal()
    assert counted(root) == {"n": 6, "epochs": 6}


@pytest.mark.parametrize("durable", ["disk", "process"])
@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "open"])
@pytest.mark.parametrize("code", [errno.EIO, errno.EDQUOT, errno.ENOSPC])
def test_a_failing_device_never_stops_a_training(
    root: Path, monkeypatch: pytest.MonkeyPatch, durable: Any, call: str, code: int
) -> None:
    """Every third call fails, from the very first on."""
    calls = 0
    real = getattr(os, call)

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if ("journals" in str(arguments[0]) or call != "open") and calls % 3 == 1:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, failing)
    journal = Journal(root, "run-a", durable=durable, patience_s=3, say=lambda line: None)
    for epoch in range(30):
        journal.log_epoch(epoch, "train", {"loss": epoch / 7})
    journal.close()
    monkeypatch.undo()
    rows = query(root, "SELECT epoch, value FROM epochs ORDER BY epoch").to_pylist()
    assert rows == [{"epoch": epoch, "value": epoch / 7} for epoch in range(30)]


def test_rows_that_no_disk_takes_to_the_end_are_put_where_there_is_one_and_said(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(root, "run-a", patience_s=0, say=lambda line: None)
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr("lake.journal.gettempdir", lambda: str(tmp_path))
    journal.log_epoch(1, "train", {"loss": 0.25})
    with pytest.raises(LakeError, match=r"last rows were put into .*\.journal\. Free some space, then: ./run lake rec"):
        journal.seal()
    monkeypatch.undo()
    kept = tmp_path / journal.path.name
    for _ in range(2):
        rescue(root, kept)
        assert counted(root) == {"n": 2, "epochs": 2}
    recover(root)
    assert counted(root) == {"n": 2, "epochs": 2}
    assert verify(root) == []


def test_a_real_disk_that_is_full_keeps_what_was_acknowledged(small_disk: Path) -> None:
    root = small_disk / "lake"
    said: list[str] = []
    journal = Journal(root, "run-a", say=said.append)
    journal.log({RUNS: [run_row()]})
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1024)):
            pass
    kept = [journal.log_epoch(epoch, "train", {f"m{n}": 0.5 for n in range(50)}) for epoch in range(40)]
    assert not all(kept)
    assert len(said) == 1
    assert counted(root)["epochs"] >= sum(kept)
    filler.unlink()
    journal.seal()
    assert counted(root)["epochs"] == 40
    assert verify(root) == []
