"""A journal that was torn, damaged, renamed or put there by another: readers go on and it is said."""

import re
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from lake.check import verify
from lake.errors import LakeError
from lake.journal import Journal
from lake.journal_file import header_line, read_journal
from lake.read import open_lake, query
from lake.recover import recover
from lake.salvage import salvage
from lake.schema import RUNS
from lake.snapshot import take_snapshot
from tests.lake.left_journals import closed_journal, counted
from tests.lake.rows import run_row


def test_a_torn_last_line_was_never_acknowledged_and_does_not_count(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.log_epoch(0, "train", {"loss": 0.5})
    whole = journal.path.read_bytes()
    journal.log_epoch(1, "train", {"loss": 0.25})
    longer = journal.path.read_bytes()
    for end in range(len(whole), len(longer)):
        for rest in (b"", bytes(64)):  # as some file systems leave it after a power cut
            journal.path.write_bytes(longer[:end] + rest)
            content = read_journal(journal.path)
            assert len(content.records) == 1
    assert counted(root)["n"] == 1


@pytest.mark.parametrize("line", [0, 2, 4])
def test_damage_in_a_journal_is_said_and_what_is_whole_can_be_saved(
    root: Path, line: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it is: in the header, in the midst, in the last line. Readers get all the rest and are told."""
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(3):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    lines = journal.path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line][:20] + bytes([lines[line][20] ^ 1]) + lines[line][21:]
    journal.path.write_bytes(b"".join(lines))
    for act in (recover, take_snapshot):
        with pytest.raises(LakeError, match=r"is damaged: its line before byte \d+ is broken"):
            act(root)
    kept = [{"epoch": epoch} for epoch in range(3) if line and epoch != line - 2]
    assert query(root, "SELECT epoch FROM epochs ORDER BY epoch").to_pylist() == kept
    assert "is broken" in caplog.text
    assert "Rows of it may be missing" in caplog.text
    assert any("is damaged" in fault for fault in verify(root))
    if line == 0:
        return  # nobody knows whose rows they are
    with pytest.raises(LakeError, match=r"a process on .* may still write it. Salvage it later"):
        salvage(root)
    monkeypatch.setattr("lake.salvage.is_over", lambda name: True)
    assert salvage(root)[1] == 1, "it says how many records are lost"
    assert query(root, "SELECT epoch FROM epochs ORDER BY epoch").to_pylist() == kept
    assert [path.suffix for path in (root / "journals").iterdir()] == [".damaged"]
    assert verify(root) == []


def test_a_broken_last_line_end_is_damage(root: Path) -> None:
    path = closed_journal(root)
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(LakeError, match="is broken"):
        recover(root)
    assert counted(root)["n"] == 3, "the line itself is whole"


def test_zeros_are_a_power_cuts_where_they_end_as_that_leaves_them_else_damage(root: Path) -> None:
    path = closed_journal(root, 9)
    about = read_journal(path).header
    assert about
    data = header_line(replace(about, durable="process")) + path.read_bytes().partition(b"\n")[2]
    ends = [place + 1 for place, letter in enumerate(data) if letter == 10]
    path.write_bytes(data[: ends[4]] + bytes(ends[6] - ends[4]) + data[ends[6] :])
    assert counted(root)["n"] == 3, "what was written and not flushed, and what came behind it"
    assert verify(root) == []
    path.write_bytes(data[: ends[4] + 20] + bytes(16) + data[ends[4] + 36 :])
    assert any("is broken" in fault for fault in verify(root))
    assert counted(root)["n"] == 8


def test_a_power_cuts_zeros_end_a_journal_and_what_lies_behind_them_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where lines are flushed behind the training their pages reach the disk in any order."""
    journal = Journal(root, "run-a", durable="process")
    for epoch in range(40):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    data = journal.path.read_bytes()
    journal.path.write_bytes(data[:1024] + bytes(512) + data[1536:])
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    recover(root)
    assert 0 < counted(root)["n"] < 20
    assert re.search(r"[1-9]\d whole lines lie behind zeros, as a power cut leaves", caplog.text)


@pytest.mark.parametrize("size", [512, 4096])
def test_zeros_in_the_midst_of_what_was_flushed_line_by_line_are_damage(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    """No power cut leaves a line behind them; a sector or a page that the disk lost does."""
    path = closed_journal(root, 100)
    data = path.read_bytes()
    path.write_bytes(data[:1024] + bytes(size) + data[1024 + size :])
    whole = 100 - data[1024 : 1024 + size].count(b"\n") - 1
    assert counted(root)["n"] == whole
    assert "is damaged" in caplog.text
    assert any("is damaged" in fault for fault in verify(root))
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    monkeypatch.setattr("lake.salvage.is_over", lambda name: True)
    with pytest.raises(LakeError, match="take what is whole"):
        recover(root)
    assert path.exists()
    assert salvage(root)[1] >= 1
    assert counted(root)["n"] == whole
    assert verify(root) == []


def test_a_journal_under_another_name_is_refused(root: Path) -> None:
    path = closed_journal(root)
    for name in (path.name.replace("run-a", "run-b"), path.name.replace("journal", "bak"), path.name.upper()):
        moved = path.rename(path.with_name(name))
        assert any(name in fault for fault in verify(root)), name
        path = moved.rename(path.with_name(path.name))
    assert verify(root) == []
    moved = path.rename(path.with_name(path.name.replace("run-a", "run-b")))
    with pytest.raises(LakeError, match="under another name"):
        recover(root)


@pytest.mark.parametrize("text", ['{"format": "kd-gat-journal", "schema": 4}', "[]", "7"])
def test_a_foreign_file_among_the_journals_is_said(root: Path, text: str) -> None:
    path = closed_journal(root)
    path.write_bytes(b"%08x %s\n" % (zlib.crc32(text.encode()), text.encode()))
    assert counted(root)["n"] == 0
    with pytest.raises(LakeError, match="Move it out of the lake"):
        recover(root)


@pytest.mark.parametrize("data", [b"", b"half a line", bytes(4096), bytes(4096) + b"and a line\nand another\n"])
def test_a_journal_without_a_whole_line_has_no_rows(root: Path, data: bytes) -> None:
    journal = Journal(root, "run-a")
    journal.close()
    journal.path.write_bytes(data)
    assert read_journal(journal.path).records == ()
    assert counted(root)["n"] == 0


def test_a_journal_that_was_taken_away_under_its_writer_is_said(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.path.unlink()
    with pytest.raises(LakeError, match=r"is gone, though its run had not ended: what was logged to it may be lost"):
        journal.seal()


def test_two_journals_of_a_run_with_the_same_key_keep_no_reader_out(tmp_path: Path) -> None:
    for _ in range(2):
        journal = Journal(tmp_path / "lake", "run-a")
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
        journal.close()
    with open_lake(tmp_path / "lake") as lake:
        assert lake.execute("SELECT count(*) FROM epoch_events").fetchall() == [(2,)]
    assert [fault[:14] for fault in verify(tmp_path / "lake")] == ["runs: the key ", "epochs: the ke"]
