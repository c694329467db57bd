"""What a journal acknowledged is never lost, doubled or torn, whatever becomes of its process."""

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from lake.check import verify
from lake.compact import compact
from lake.journal import Journal
from lake.journals import list_journals
from lake.read import query
from lake.recover import recover, rescue, seal_journal
from lake.schema import RUNS
from lake.snapshot import take_snapshot
from tests.lake.conftest import child
from tests.lake.left_journals import WRITER, closed_journal, counted, killed_journal
from tests.lake.rows import run_row


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
    assert f"records 0 to 3 are in no part. ./run lake recover --from {done}" in fault
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
