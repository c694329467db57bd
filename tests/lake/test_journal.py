"""What a journal acknowledged is never lost, doubled or torn, whatever becomes of its process and its disk."""

import errno
import os
import signal
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.journal import Journal
from lake.journal_file import header_line, read_journal
from lake.journals import list_journals
from lake.read import open_lake, query
from lake.recover import recover, rescue, salvage, seal_journal
from lake.schema import EPOCHS, METRICS, PREDICTIONS, RUNS
from lake.snapshot import take_snapshot
from tests.lake.conftest import child
from tests.lake.rows import epoch_row, metric_row, run_row

COUNT = "SELECT count(*) AS n, count(DISTINCT epoch) AS epochs FROM epoch_events"

# Logs epochs until it is killed, and says each one that was acknowledged.
WRITER = """
import sys
from pathlib import Path
from lake.journal import Journal
from lake.schema import RUNS
from tests.lake.rows import run_row
journal = Journal(Path(sys.argv[1]), sys.argv[2], durable=sys.argv[3])
journal.log({RUNS: [run_row()]})
for epoch in range(100_000):
    assert journal.log_epoch(epoch, "train", {"loss": 0.5, "auroc": 0.25})
    print(epoch, flush=True)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def counted(root: Path) -> dict[str, int]:
    (row,) = query(root, COUNT).to_pylist()
    return dict(row)


def test_rows_are_read_at_once_and_become_one_part_a_table_when_it_is_sealed(root: Path) -> None:
    journal = Journal(root, "run-a", attempt=2)
    journal.log({RUNS: [run_row(attempt=2)]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    read = "SELECT run_id, attempt, epoch, split, metric, value FROM epochs"
    before = query(root, read).to_pylist()
    assert before == [
        {"run_id": "run-a", "attempt": 2, "epoch": 0, "split": "train", "metric": "loss", "value": 0.5}
    ]  # fmt: skip
    assert len(journal.seal()) == 2
    assert query(root, read).to_pylist() == before
    assert list((root / "journals").iterdir()) == []
    assert verify(root) == []


def test_rows_of_several_tables_are_kept_together_and_read_as_they_were_given(root: Path) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()], METRICS: [metric_row(value=1 / 3), metric_row(metric="fpr", value=None)]})
        told = "SELECT started_at, value FROM runs, metrics ORDER BY value NULLS LAST"
        live = query(root, told).to_pylist()
    assert live[0]["started_at"] == run_row()["started_at"]
    assert [row["value"] for row in live] == [1 / 3, None]
    assert query(root, told).to_pylist() == live


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


def killed_journal(root: Path, **changes: Any) -> Path:
    """The journal of a writer that was killed, with other words about that in its header."""
    with child(WRITER, str(root), "run-a", "disk") as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        writer.kill()
    (name,) = list_journals(root)
    path = name.path
    header, _, records = path.read_bytes().partition(b"\n")
    about = read_journal(path).header
    assert about
    assert header + b"\n" == header_line(about)
    path.write_bytes(header_line(replace(about, **changes)) + records)
    return path


@pytest.mark.parametrize(("hours_ago", "is_put_away"), [(0, False), (10_000, True)])
def test_the_number_of_a_dead_writer_may_be_anothers_by_now(root: Path, hours_ago: int, is_put_away: bool) -> None:
    """This test's process stands for the other: it began after the journal was written, or may be its writer."""
    path = killed_journal(root, process_id=os.getpid())
    os.utime(path, (time.time() - 3600 * hours_ago,) * 2)
    seen = counted(root)
    recover(root)
    assert bool(list_journals(root)) is not is_put_away
    assert counted(root) == seen


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


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda journal: journal.log_epoch(0, "train", {"loss": float("nan")}), "loss: value is nan; only finite"),
        (lambda journal: journal.log_epoch(0, "training", {"loss": 1.0}), "split is 'training', not one of"),
        (lambda journal: journal.log_epoch(-1, "train", {"loss": 1.0}), "epoch is -1, below 0"),
        (lambda journal: journal.log_epoch(0, "train", {"f1": 1.2}), r"f1 is 1.2, outside \[0, 1\]"),
        (lambda journal: journal.log_epoch(0, "train", {"loss": "low"}), "loss: value is 'low', no number"),
        (lambda journal: journal.log({EPOCHS: [epoch_row(), epoch_row()]}), "repeats the key"),
        (lambda journal: journal.log_epoch(2**63, "train", {"loss": 1.0}), "epoch is 9223372036854775808, beyond 64"),
        (lambda journal: journal.log_epoch(0, "train", {"loss": 10**400}), "loss: value is 10+, beyond what 64 bits"),
        (lambda journal: journal.log_epoch(0, "train", {"a\ud800": 1.0}), "metric is .*, which UTF-8 cannot write"),
        (lambda journal: journal.log({RUNS: [run_row(attempt=2, seed=2**63)]}), "seed is 9223372036854775808, beyond"),
        (
            lambda journal: journal.log({RUNS: [run_row(attempt=2, reason="\ud800")]}),
            "reason is .*, which UTF-8 cannot",
        ),
        (lambda journal: journal.log({METRICS: [metric_row(value=-0.5)]}), r"f1 is -0.5, outside \[0, 1\]"),
    ],
)
def test_a_row_outside_the_contract_is_refused_when_it_is_logged(
    root: Path, spoil: Callable[[Journal], Any], words: str
) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        with pytest.raises(LakeError, match=words):
            spoil(journal)
    assert counted(root)["n"] == 0


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


def test_a_process_born_of_another_has_a_journal_of_its_own(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    born = os.fork()
    if born == 0:
        journal.log_epoch(1, "train", {"loss": 0.5})
        os._exit(0)
    os.waitpid(born, 0)
    journal.log_epoch(2, "train", {"loss": 0.5})
    assert counted(root) == {"n": 3, "epochs": 3}
    journal.seal()
    recover(root)
    assert counted(root) == {"n": 3, "epochs": 3}
    assert list_journals(root) == []


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
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    assert salvage(root)[1] == 1, "it says how many records are lost"
    assert query(root, "SELECT epoch FROM epochs ORDER BY epoch").to_pylist() == kept
    assert [path.suffix for path in (root / "journals").iterdir()] == [".damaged"]
    assert verify(root) == []


def closed_journal(root: Path, epochs: int = 3) -> Path:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(epochs):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    return journal.path


def test_a_broken_last_line_end_is_damage(root: Path) -> None:
    path = closed_journal(root)
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(LakeError, match="is broken"):
        recover(root)
    assert counted(root)["n"] == 3, "the line itself is whole"


def test_zeros_are_a_power_cuts_where_they_end_as_that_leaves_them_else_damage(root: Path) -> None:
    path = closed_journal(root, 9)
    data = path.read_bytes()
    ends = [place + 1 for place, letter in enumerate(data) if letter == 10]
    path.write_bytes(data[: ends[4]] + bytes(ends[6] - ends[4]) + data[ends[6] :])
    assert counted(root)["n"] == 3, "what was written and not flushed, and what came behind it"
    assert verify(root) == []
    path.write_bytes(data[: ends[4] + 20] + bytes(16) + data[ends[4] + 36 :])
    assert any("is broken" in fault for fault in verify(root))
    assert counted(root)["n"] == 8


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


def test_a_torn_last_line_keeps_no_journal_open(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = closed_journal(root)
    with path.open("ab") as file:
        file.write(b"1c291ca3 {half of")
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    recover(root)
    assert list_journals(root) == []
    assert compact(root).packs
    assert verify(root) == []


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


def test_a_process_that_was_forked_ends_without_touching_the_journal(root: Path) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
        child_id = os.fork()
        if child_id == 0:
            journal.__exit__()
            os._exit(0)
        os.waitpid(child_id, 0)
        for epoch in range(1, 8):
            assert journal.log_epoch(epoch, "train", {"loss": 0.5})
    assert counted(root) == {"n": 8, "epochs": 8}


def test_a_journal_that_was_taken_away_under_its_writer_is_said(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    journal.path.unlink()
    with pytest.raises(LakeError, match=r"is gone, though its run had not ended: what was logged to it may be lost"):
        journal.seal()


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


@pytest.mark.parametrize(
    "value", [2**60 + 1, np.int64(2**60), np.float32(0.5), np.longdouble(0.25), Fraction(1, 3), np.float64(0.5)]
)
def test_every_number_is_kept_as_a_float(root: Path, value: Any) -> None:
    epoch: Any = np.int64(0)
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row(best_value=value)]})
        journal.log_epoch(epoch, "train", {"wall_ns": value})
        assert query(root, "SELECT value FROM epochs").to_pylist() == [{"value": float(value)}]
    assert query(root, "SELECT value FROM epochs").to_pylist() == [{"value": float(value)}]
    assert query(root, "SELECT best_value FROM runs").to_pylist() == [{"best_value": float(value)}]


def test_a_time_that_utc_has_no_year_for_is_refused(root: Path) -> None:
    late = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))
    with pytest.raises(LakeError, match="outside the years that UTC has"):
        Journal(root, "run-a").log({RUNS: [run_row(started_at=late)]})


def test_zeros_that_came_one_by_one_block_nobody_and_are_said(root: Path) -> None:
    with Journal(root, "run-a") as journal:
        journal.log({RUNS: [run_row()]})
        for name in ("f1", "recall", "precision", "auroc", "auprc", "accuracy"):
            assert journal.log({METRICS: [metric_row(metric=name, value=0.0)]})
    assert query(root, "SELECT count(*) AS n FROM metrics").to_pylist() == [{"n": 6}]
    take_snapshot(root)
    assert any("all 6 values of run-a are 0" in fault for fault in verify(root, rows=True))


def test_many_rows_at_once_are_no_journals(root: Path) -> None:
    with pytest.raises(LakeError, match="predictions is a table of many rows: give it by add_part"):
        Journal(root, "run-a").log({PREDICTIONS: []})


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


@pytest.mark.parametrize("name", ["", "..", "a/b", "a~b", "merged", ".a"])
def test_a_run_whose_name_could_leave_its_folder_is_refused(root: Path, name: str) -> None:
    with pytest.raises(LakeError, match="cannot name a run"):
        Journal(root, name)


def test_a_sealed_journal_takes_no_more(root: Path) -> None:
    journal = Journal(root, "run-a")
    journal.seal()
    with pytest.raises(LakeError, match="is sealed"):
        journal.log_epoch(0, "train", {"loss": 0.5})


def test_a_key_that_was_logged_before_is_refused_and_the_rest_is_sealed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "lake", "run-a")
    journal.log_epoch(0, "train", {"loss": 0.5})
    with pytest.raises(LakeError, match="'metric': 'loss'} was logged before"):
        journal.log_epoch(0, "train", {"auroc": 0.5, "loss": 0.25})
    with pytest.raises(LakeError, match="was logged before"):
        journal.log({EPOCHS: [epoch_row(split="train")]})
    journal.log_epoch(0, "train", {"auroc": 0.75})
    journal.seal()
    with open_lake(tmp_path / "lake") as lake:
        rows = lake.execute("SELECT metric, value FROM epochs ORDER BY ALL").fetchall()
    assert rows == [("auroc", 0.75), ("loss", 0.5)]


def test_two_journals_of_a_run_with_the_same_key_keep_no_reader_out(tmp_path: Path) -> None:
    for _ in range(2):
        journal = Journal(tmp_path / "lake", "run-a")
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
        journal.close()
    with open_lake(tmp_path / "lake") as lake:
        assert lake.execute("SELECT count(*) FROM epoch_events").fetchall() == [(2,)]
    assert [fault[:14] for fault in verify(tmp_path / "lake")] == ["runs: the key ", "epochs: the ke"]
