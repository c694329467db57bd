"""A disk that is full or fails never stops a training, and what it would not take is not lost."""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lake.check import verify
from lake.compact import compact
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
    monkeypatch.setattr("lake.journal_elsewhere.gettempdir", lambda: str(tmp_path))
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


def failing(*_: Any) -> int:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def put_elsewhere(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, is_moved: bool) -> Path:
    """The file with the last three epochs of a run, whose lake could neither be written nor read; or its journal had
    another name by then."""
    journal = Journal(root, "run-a", patience_s=0, say=lambda line: None)
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    read = Path.read_bytes
    with monkeypatch.context() as server:
        server.setattr("lake.journal_elsewhere.gettempdir", lambda: str(folder))
        if is_moved:
            server.setattr("lake.recover.is_over", lambda name: True)
            recover(root)
        else:
            server.setattr(Path, "read_bytes", lambda path: failing() if path == journal.path else read(path))
        server.setattr(os, "pwrite", failing)
        for epoch in range(1, 4):
            assert not journal.log_epoch(epoch, "train", {"loss": 0.5})
        with pytest.raises(LakeError, match=r"What was logged before lies in .*, which could not be read") as caught:
            journal.close()
    kept = folder / journal.path.name
    assert f"./run lake recover --from {kept}" in str(caught.value)
    return kept


@pytest.mark.parametrize("is_moved", [False, True])
@pytest.mark.parametrize(
    "order", ["rescue first", "recover first", "the original is gone", "it has more than was told"]
)
def test_rows_of_a_lake_that_cannot_be_read_either_are_put_elsewhere_and_taken_over(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_moved: bool, order: str
) -> None:
    kept = put_elsewhere(root, tmp_path, monkeypatch, is_moved)
    (original,) = (root / "journals").iterdir()
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    if order == "original has more":
        line = kept.read_bytes().splitlines(keepends=True)[3]
        original.write_bytes(original.read_bytes() + line)
    if order == "recover first":
        recover(root)
    if order == "original gone":
        recover(root)
        compact(root)
        for path in (root / "journals").iterdir():
            path.unlink()
    for act in (rescue, lambda *_: recover(root), rescue, lambda *_: compact(root), rescue):
        act(root, kept)
        assert counted(root) == {"n": 4, "epochs": 4}
    assert query(root, "SELECT count(*) AS n FROM runs").to_pylist() == [{"n": 1}]
    assert verify(root, rows=True) == []


def test_records_behind_those_of_a_journal_that_is_not_found_stand_beside_its_own(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back later, with more than was known to be on the disk."""
    kept = put_elsewhere(root, tmp_path, monkeypatch, is_moved=False)
    (original,) = (root / "journals").iterdir()
    hidden = original.rename(root / original.name)
    rescue(root, kept)
    assert counted(root) == {"n": 3, "epochs": 3}
    hidden.rename(original)
    with original.open("ab") as file:
        file.write(kept.read_bytes().splitlines(keepends=True)[3])
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    for act in (lambda _: None, recover, compact):
        act(root)
        assert counted(root) == {"n": 4, "epochs": 4}
    assert verify(root, rows=True) == []


@pytest.mark.parametrize("fault", ["full", "gone", "none at all"])
def test_rows_that_no_disk_takes_at_all_are_said_to_be_lost(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def place() -> str:
        if fault == "none at all":
            raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")
        return str(tmp_path / "no" / "folder" if fault == "gone" else tmp_path)

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "no").write_text("a file in the folder's place")
    journal = Journal(root, "run-a", patience_s=0, say=lambda line: None)
    journal.log({RUNS: [run_row()]})
    with monkeypatch.context() as disk:
        disk.setattr("lake.journal_elsewhere.gettempdir", place)
        for call in ("pwrite", "write"):
            disk.setattr(os, call, full)
        journal.log_epoch(0, "train", {"loss": 0.5})
        with pytest.raises(LakeError, match=r"could not be put elsewhere either .*: those of 1 log calls are LOST"):
            journal.close()
    journal.close()
    assert counted(root)["n"] == 1, "the disk was not full any more when it was tried again"


@pytest.mark.parametrize("logged", [0, 1])
def test_a_file_that_was_taken_away_while_it_could_not_be_written_is_made_anew(
    root: Path, monkeypatch: pytest.MonkeyPatch, logged: int
) -> None:
    """As another machine frees one that had no line for a week; what it had may be in a part."""
    said: list[str] = []

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    disk = pytest.MonkeyPatch()
    if not logged:
        disk.setattr(os, "pwrite", full)
    journal = Journal(root, "run-a", say=said.append)
    journal.log({RUNS: [run_row()]})
    disk.setattr(os, "pwrite", full)
    recover(root)
    assert not journal.log_epoch(0, "train", {"loss": 0.5})
    journal.path.unlink()
    disk.undo()
    for epoch in (1, 2):
        assert journal.log_epoch(epoch, "train", {"loss": 0.5})
        assert counted(root) == {"n": epoch + 1, "epochs": epoch + 1}
    assert bool([line for line in said if "was taken away" in line]) == bool(logged)
    recover(root)
    journal.log_epoch(3, "train", {"loss": 0.5})
    journal.seal()
    assert counted(root) == {"n": 4, "epochs": 4}
    assert query(root, "SELECT count(*) AS n FROM runs").to_pylist() == [{"n": 1}]
    assert compact(root).packs
    assert verify(root, rows=True) == []


def test_what_the_thread_could_not_flush_is_said_and_written_again_when_it_is_closed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is closed while its thread flushes: that comes to its end first, and its error is not passed over."""
    said: list[str] = []
    flushing, closing, inside = threading.Event(), threading.Event(), threading.Lock()
    fdatasync, join = os.fdatasync, threading.Thread.join
    written: list[int] = []

    def late(descriptor: int) -> None:
        assert inside.acquire(blocking=False), "two flush at once"
        try:
            if threading.current_thread().name == "journal":
                flushing.set()
                closing.wait(60)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            fdatasync(descriptor)
        finally:
            inside.release()

    def joined(thread: threading.Thread, timeout: float | None = None) -> None:
        closing.set()
        join(thread, timeout)

    journal = Journal(root, "run-a", durable="process", say=said.append)
    monkeypatch.setattr(os, "fdatasync", late)
    journal.log({RUNS: [run_row()]})
    assert flushing.wait(60)
    monkeypatch.setattr(threading.Thread, "join", joined)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda *given: written.append(given[2]) or pwrite(*given))
    releasing = threading.Timer(5, closing.set)  # where nobody waits for the thread
    releasing.start()
    journal.close()
    releasing.cancel()
    assert len(written) == 1, "what may have been lost was written again"
    assert [line.split("(")[0] for line in said] == [
        "run-a: the lake cannot be written ", "run-a: the lake can be written again; every row of this run is in it.",
    ]  # fmt: skip
    assert query(root, "SELECT count(*) AS n FROM runs").to_pylist() == [{"n": 1}]
