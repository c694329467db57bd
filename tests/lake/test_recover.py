"""What a journal acknowledged is never lost, doubled or torn, whatever becomes of its process."""

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lake.recover
from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.journal import Journal
from lake.journal_file import JournalContent, epoch_line, record_line
from lake.journals import JournalName, list_journals
from lake.parts import journalled_name, list_parts, part_name
from lake.read import query
from lake.recover import recover, seal_journal
from lake.rescue import rescue
from lake.schema import EPOCHS, RUNS
from lake.snapshot import take_snapshot
from tests.lake.conftest import child
from tests.lake.left_journals import WRITER, closed_journal, counted, killed_journal
from tests.lake.rows import NOON, epoch_row, run_row


@pytest.mark.parametrize("durable", ["disk", "process"])
@pytest.mark.parametrize("turn", range(3))
def test_a_kill_loses_doubles_and_tears_nothing(root: Path, durable: str, turn: int) -> None:
    with child(WRITER, str(root), "run-a", durable) as writer:
        assert writer.stdout is not None
        for _ in range(1 + 40 * turn):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    told = 1 + 40 * turn + len(rest)
    for _ in range(2):
        seen = counted(root)
        assert seen["epochs"] in (told, told + 1), "one more may have been kept than was told"
        assert seen["n"] == 2 * seen["epochs"]
        recover(root)
    assert counted(root) == seen
    assert list_journals(root) == []
    assert verify(root) == []
    assert take_snapshot(root).rows["epochs"] == seen["n"]


@pytest.mark.parametrize(("hours_ago", "is_put_away"), [(0, False), (10_000, True)])
def test_the_number_of_a_dead_writer_may_be_anothers_by_now(root: Path, hours_ago: int, is_put_away: bool) -> None:
    """This test's process stands for the other: it began after the journal was written, or may be its writer."""
    path = killed_journal(root, process_id=os.getpid())
    os.utime(path, (time.time() - 3600 * hours_ago,) * 2)
    seen = counted(root)
    recover(root)
    assert bool(list_journals(root)) is not is_put_away
    assert counted(root) == seen


def test_of_another_machines_writer_the_journal_stays_until_it_is_still(root: Path) -> None:
    path = killed_journal(root, host="another")
    seen = counted(root)
    recover(root)
    assert [one.path for one in list_journals(root)] == [path]
    os.utime(path, (time.time() - 7200,) * 2)
    assert compact(root).packs
    assert list_journals(root) == []
    assert counted(root) == seen


def test_a_file_system_without_locks_is_no_living_writer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS gives EBADF for a lock on what is not open to be written, others ENOLCK; the process is asked then."""
    killed_journal(root)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("lake.journal_writer.fcntl.flock", refuse)
    recover(root)
    assert list_journals(root) == []


def test_recovery_of_a_journal_that_is_being_written_may_happen_at_any_time(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(6):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
        if epoch % 2:
            recover(root)
        assert counted(root) == {"n": epoch + 1, "epochs": epoch + 1}
        take_snapshot(root)
        assert counted(root) == {"n": epoch + 1, "epochs": epoch + 1}
    assert journal.path.exists()
    journal.seal()
    assert counted(root) == {"n": 6, "epochs": 6}
    assert verify(root) == []
    assert take_snapshot(root).rows["epochs"] == 6


def test_a_writer_taken_for_dead_loses_nothing_it_writes_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    recover(root)
    assert not journal.path.exists()
    assert counted(root)["n"] == 1
    journal.log_epoch(1, "train", {"loss": 0.5})
    assert counted(root)["n"] == 2
    recover(root)
    take_snapshot(root)
    journal.log_epoch(2, "train", {"loss": 0.5})
    assert counted(root) == {"n": 3, "epochs": 3}
    take_snapshot(root)
    assert counted(root) == {"n": 3, "epochs": 3}
    assert verify(root) == []


def test_a_resumed_runs_epochs_count_as_its_last_attempt_wrote_them(root: Path) -> None:
    for attempt, epochs in ((1, (0, 1, 2)), (2, (2, 3))):
        with Journal(root, "run-a", attempt) as journal:
            journal.log({RUNS: [run_row(attempt=attempt)]})
            for epoch in epochs:
                journal.log_epoch(epoch, "train", {"loss": float(attempt)})
    told = "SELECT epoch, value FROM epochs ORDER BY epoch"
    expected = [{"epoch": epoch, "value": value} for epoch, value in ((0, 1.0), (1, 1.0), (2, 2.0), (3, 2.0))]
    assert query(root, told).to_pylist() == expected
    snapshot = take_snapshot(root)
    assert query(root, told).to_pylist() == expected
    assert query(root, told, snapshot).to_pylist() == expected
    assert snapshot.rows["epochs"] == 5, "every row stays in the lake"


def test_a_torn_last_line_keeps_no_journal_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = closed_journal(root)
    with path.open("ab") as file:
        file.write(b"1c291ca3 {half of")
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    recover(root)
    assert list_journals(root) == []
    assert compact(root).packs
    assert verify(root) == []


def test_what_parts_lack_of_a_journal_that_was_put_away_is_noticed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed_journal(root)
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    recover(root)
    (done,) = (root / "journals").glob("*.done")
    assert verify(root) == []
    (part,) = root.glob("epochs/run-a/*")
    part.unlink()
    (fault,) = verify(root)
    assert f"records 1 to 3 are in no part. ./run lake recover --from {done}" in fault
    assert counted(root)["n"] == 0
    rescue(root, done)
    assert counted(root)["n"] == 3
    assert verify(root) == []
    done.write_bytes(done.read_bytes()[:-40])
    assert any("records, not 4 as its name says" in fault for fault in verify(root))


def test_what_was_put_elsewhere_is_taken_over_from_where_the_lake_has_it(root: Path, tmp_path: Path) -> None:
    """The lake has the first records in a part, in a pack, or in both; the file has them all."""
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(5):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    half = journal.path.read_bytes()
    for epoch in range(5, 10):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    elsewhere = tmp_path / journal.path.name
    elsewhere.write_bytes(journal.path.read_bytes())
    journal.path.write_bytes(half)
    seal_journal(root, journal.path)
    for settle in (lambda: None, lambda: compact(root), lambda: compact(root)):
        settle()
        rescue(root, elsewhere)
        assert counted(root) == {"n": 10, "epochs": 10}
    assert rescue(root, elsewhere) == []
    assert compact(root).packs
    assert verify(root, rows=True) == []


def test_put_away_and_sealed_by_its_living_writer_at_the_same_moment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Another machine takes the writer for dead and reads the journal; it goes on and ends; then it is moved."""
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    read = lake.recover.read_named

    def late(name: JournalName, salvage: bool = False) -> JournalContent:
        content = read(name, salvage)
        monkeypatch.undo()
        journal.log_epoch(1, "train", {"loss": 0.5})
        with monkeypatch.context() as before_removal:
            before_removal.setattr("lake.recover.remove", lambda path: None)
            journal.seal()
        return content

    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    monkeypatch.setattr("lake.recover.read_named", late)
    recover(root)
    for _ in range(2):
        assert counted(root) == {"n": 2, "epochs": 2}
        recover(root)
    assert compact(root).packs
    assert counted(root) == {"n": 2, "epochs": 2}
    assert verify(root, rows=True) == []


def test_parts_of_a_journal_that_an_older_version_made_one_behind_the_other_count_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that was put away and written on had parts that begin where the name said, and now one with all."""
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    recover(root)
    for epoch in (1, 2):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
        of_run = [part for part in list_parts(root)["epochs"] if part.journalled]
        append(
            root, EPOCHS, "run-a", journalled_name(1, of_run[0].name.split("-")[1][1:], epoch + 1, epoch + 2),
            [epoch_row(epoch=epoch, split="train")],
        )  # fmt: skip
        assert counted(root) == {"n": epoch + 1, "epochs": epoch + 1}
    recover(root)
    assert counted(root) == {"n": 3, "epochs": 3}
    assert compact(root).packs
    assert counted(root) == {"n": 3, "epochs": 3}
    assert verify(root, rows=True) == []


def elsewhere_with_more(root: Path, folder: Path) -> Path:
    """A journal of which the lake has half in a part and three quarters in the file; the one elsewhere has them all."""
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(4):
        if epoch == 2:
            recover(root)
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    kept = journal.path.read_bytes()
    journal.log_epoch(4, "train", {"loss": 0.5})
    journal.close()
    elsewhere = folder / journal.path.name
    elsewhere.write_bytes(journal.path.read_bytes())
    journal.path.write_bytes(kept)
    return elsewhere


@pytest.mark.parametrize("is_over", [False, True])
def test_what_was_put_elsewhere_and_the_lakes_own_journal_count_once(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_over: bool
) -> None:
    elsewhere = elsewhere_with_more(root, tmp_path)
    monkeypatch.setattr("lake.recover.is_over", lambda name: is_over)
    for act in (rescue, lambda *_: recover(root), rescue, lambda *_: compact(root), rescue):
        act(root, elsewhere)
        assert counted(root) == {"n": 5, "epochs": 5}
    assert verify(root, rows=True) == []


@pytest.mark.parametrize("other", [recover, compact])
def test_taken_over_and_recovered_or_packed_by_another_at_the_same_moment(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Callable[[Path], object]
) -> None:
    elsewhere = elsewhere_with_more(root, tmp_path)
    write = lake.recover.write_part

    def late(*arguments: Any) -> Path:
        monkeypatch.setattr("lake.recover.write_part", write)
        other(root)
        return write(*arguments)

    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    monkeypatch.setattr("lake.recover.write_part", late)
    rescue(root, elsewhere)
    assert counted(root) == {"n": 5, "epochs": 5}
    assert compact(root).packs
    assert counted(root) == {"n": 5, "epochs": 5}
    assert verify(root, rows=True) == []


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_end_that_reconcile_wrote_is_not_taken_over_a_second_time(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, is_packed: bool
) -> None:
    """The run wrote the same end itself, where the lake could not be written."""
    path = killed_journal(root, run_id="run-a")
    elsewhere = tmp_path / path.name
    end = run_row(run_id="run-a", status="interrupted", reason="SIGTERM", finished_at=NOON)
    elsewhere.write_bytes(
        path.read_bytes() + epoch_line(1, 10**6, "train", {"loss": 0.5}) + record_line({"runs": [end]})
    )
    recover(root)
    before = counted(root)["epochs"]
    append(root, RUNS, "run-a", part_name(1, "reconciled"), [{**end, "reason": "it is gone"}])
    if is_packed:
        compact(root)
    for _ in range(2):
        rescue(root, elsewhere)
        assert counted(root)["epochs"] == before + 1
        told = query(root, "SELECT status, reason FROM run_events WHERE status <> 'running'").to_pylist()
        assert told == [{"status": "interrupted", "reason": "it is gone"}]
        compact(root)
    assert "the end that the run logged itself is left out" in caplog.text
    assert verify(root, rows=True) == []
