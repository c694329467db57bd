"""What nothing names goes after a while; what something names stays."""

import errno
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.gc import GRACE, collect
from lake.generation import current_generation
from lake.journal import Journal
from lake.read import open_lake, query
from lake.recover import recover
from lake.rescue import rescue
from lake.schema import EPOCHS, RUNS
from lake.snapshot import snapshot_files, snapshot_path, take_snapshot
from lake.tags import forget_snapshot, put_tag
from tests.conftest import Python
from tests.lake.conftest import read_only
from tests.lake.left_journals import killed_journal
from tests.lake.rows import NOON, epoch_row, run_row

NONE = timedelta(0)
COUNT = "SELECT count(*) AS n FROM epoch_events"


def listing(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def age(root: Path, by: timedelta) -> None:
    for path in root.rglob("*"):
        stamp = time.time() - by.total_seconds()
        os.utime(path, (stamp, stamp))


def test_packed_parts_go_after_the_grace_time_and_not_before(small_lake: Path) -> None:
    compact(small_lake)
    before = listing(small_lake)
    assert collect(small_lake) == []
    assert listing(small_lake) == before
    age(small_lake, GRACE + timedelta(hours=1))
    planned = collect(small_lake, dry_run=True)
    assert len(planned) == 5
    assert listing(small_lake) == before
    assert collect(small_lake) == planned
    assert before - listing(small_lake) == {one.path for one in planned}
    assert query(small_lake, COUNT).to_pylist() == [{"n": 3}]
    assert not (small_lake / "epochs" / "run-a").exists()
    assert verify(small_lake, rows=True) == []


def test_a_machine_whose_clock_is_days_ahead_frees_nothing_early(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact(small_lake)
    ahead = time.time() + 30 * 86_400
    monkeypatch.setattr(time, "time", lambda: ahead)
    assert collect(small_lake) == []


def test_what_a_snapshot_names_stays_until_the_snapshot_is_given_up(small_lake: Path) -> None:
    first = take_snapshot(small_lake)
    put_tag(small_lake, "paper-v1", first)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    second = take_snapshot(small_lake)
    collect(small_lake, NONE)
    assert query(small_lake, COUNT, first).to_pylist() == [{"n": 3}]
    assert query(small_lake, COUNT, second).to_pylist() == [{"n": 4}]
    with pytest.raises(LakeError, match="is protected: paper-v1 names it"):
        forget_snapshot(small_lake, first.snapshot_id)
    put_tag(small_lake, "paper-v1", None, reason="withdrawn", force=True)
    forget_snapshot(small_lake, first.snapshot_id)
    freed = collect(small_lake, NONE)
    assert {file.path for file in first.files} - {file.path for file in second.files} <= {one.path for one in freed}
    assert query(small_lake, COUNT, second).to_pylist() == [{"n": 4}]
    assert verify(small_lake, rows=True) == []


def refuse(*_: object) -> None:
    raise PermissionError(errno.EPERM, "not yours")


@pytest.mark.parametrize("is_own", [True, False])
def test_what_a_forgotten_snapshot_names_stays_for_who_had_it_open(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch, is_own: bool
) -> None:
    """Also where its file is another user's, who alone may say when it was last written."""
    first = take_snapshot(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    second = take_snapshot(small_lake)
    age(small_lake, GRACE + timedelta(days=100))
    only = {file.path for file in first.files} - {file.path for file in second.files}
    with open_lake(small_lake, first) as reader:
        with monkeypatch.context() as owner:
            if not is_own:
                owner.setattr(os, "utime", refuse)
            forget_snapshot(small_lake, first.snapshot_id)
        assert [path.stem for path in snapshot_files(small_lake)] == [second.snapshot_id]
        assert not only & {one.path for one in collect(small_lake)}
        assert reader.execute("SELECT count(*) FROM epoch_events").fetchall() == [(3,)]
    assert take_snapshot(small_lake) == second
    age(small_lake, GRACE + timedelta(hours=1))
    freed = {one.path: one.reason for one in collect(small_lake)}
    assert only <= freed.keys()
    assert freed[f"snapshots/.{first.snapshot_id}.forgotten"] == "its snapshot was forgotten"
    assert [path.name for path in (small_lake / "snapshots").iterdir()] == [f"{second.snapshot_id}.json"]
    assert verify(small_lake, rows=True) == []


def test_a_forgotten_snapshot_that_cannot_be_read_goes_as_well(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    path = snapshot_path(small_lake, snapshot.snapshot_id)
    path.write_text("{}")
    forget_snapshot(small_lake, snapshot.snapshot_id)
    collect(small_lake, timedelta(hours=1))
    assert [path.suffix for path in path.parent.iterdir()] == [".forgotten"]
    collect(small_lake, NONE)
    assert list(path.parent.iterdir()) == []


def test_a_pack_that_a_compaction_gives_its_name_again_stays(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was killed left it: nothing names it, until another one makes it anew at the same moment."""
    with monkeypatch.context() as killed:
        killed.setattr("lake.compact.put_generation", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compact(small_lake)
    age(small_lake, GRACE + timedelta(days=1))
    stat = Path.stat

    def late(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        if path.parent.name == "merged":
            monkeypatch.setattr(Path, "stat", stat)
            compact(small_lake)
        return found

    monkeypatch.setattr(Path, "stat", late)
    freed = {one.path for one in collect(small_lake)}
    assert not freed & {pack.path for pack in current_generation(small_lake).packs}
    assert current_generation(small_lake).number == 1
    assert list(small_lake.rglob(".*")) == []
    assert verify(small_lake, rows=True) == []


def test_left_overs_of_killed_processes_go_and_a_running_journal_stays(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = small_lake / "epochs" / "run-a" / ".epoch-00009.parquet.0123.tmp"
    staged.write_bytes(b"half")
    stray = small_lake / "epochs" / "merged" / ("0" * 32 + ".parquet")
    stray.parent.mkdir()
    compact(small_lake)
    stray.write_bytes(b"of a compaction that was killed")
    dead, alive = (Journal(small_lake, run_id) for run_id in ("run-c", "run-d"))
    for journal in (dead, alive):
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
    monkeypatch.setattr("lake.recover.is_over", lambda name: name.run_id == "run-c")
    monkeypatch.setattr("lake.spent_journals.writer_of", lambda name: "gone" if name.run_id == "run-c" else "alive")
    recover(small_lake)
    freed = {one.path: one.reason for one in collect(small_lake, NONE)}
    assert freed.pop(staged.relative_to(small_lake).as_posix()) == "its writer was killed"
    assert freed.pop(stray.relative_to(small_lake).as_posix()) == "no generation or snapshot names it"
    assert [reason for path, reason in freed.items() if path.startswith("journals/run-c")] == ["its rows are in parts"]
    assert alive.path.exists()
    alive.log_epoch(1, "train", {"loss": 0.5})
    alive.seal()
    assert query(small_lake, COUNT).to_pylist() == [{"n": 6}]
    assert verify(small_lake, rows=True) == []


def test_a_snapshot_that_cannot_be_read_stops_it(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    (small_lake / "snapshots" / f"{snapshot.snapshot_id}.json").write_text("{}")
    before = listing(small_lake)
    with pytest.raises(LakeError, match="cannot be read as a snapshot"):
        collect(small_lake, NONE)
    assert listing(small_lake) == before


def test_an_old_part_that_was_packed_just_now_stays_for_who_opened_the_lake_before(small_lake: Path) -> None:
    age(small_lake, GRACE + timedelta(days=100))
    with open_lake(small_lake) as reader:
        compact(small_lake)
        assert collect(small_lake) == []
        assert reader.execute("SELECT count(*) FROM epoch_events").fetchall() == [(3,)]
    age(small_lake, GRACE + timedelta(hours=1))
    assert len(collect(small_lake)) == 5


def test_a_pack_that_was_merged_just_now_stays_with_the_generation_that_names_it(small_lake: Path) -> None:
    compact(small_lake)
    age(small_lake, GRACE + timedelta(days=100))
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    with open_lake(small_lake) as reader:
        append(small_lake, EPOCHS, "run-a", "epoch-00004", [epoch_row(epoch=4)])
        compact(small_lake)
        freed = [one.path for one in collect(small_lake)]
        assert len(freed) == 5
        assert not [path for path in freed if "merged" in path or "generations" in path]
        assert reader.execute("SELECT count(*) FROM epoch_events").fetchall() == [(4,)]
    age(small_lake, GRACE + timedelta(hours=1))
    assert {path for one in collect(small_lake) if "000001.json" in (path := one.path)} == {"generations/000001.json"}
    assert query(small_lake, COUNT).to_pylist() == [{"n": 5}]
    assert verify(small_lake, rows=True) == []


def test_a_journal_whose_writer_was_killed_before_its_first_line_goes_after_the_grace_time(small_lake: Path) -> None:
    folder = small_lake / "journals"
    folder.mkdir(exist_ok=True)
    for number, data in enumerate((b"", b'1c291ca3 {"format": "kd-')):
        (folder / f"run-x~{number:016x}.journal").write_bytes(data)
    assert collect(small_lake) == []
    age(small_lake, GRACE + timedelta(hours=1))
    assert len([one for one in collect(small_lake) if one.reason.startswith("its writer was killed before")]) == 2
    assert list(folder.iterdir()) == []
    assert verify(small_lake) == []


def test_a_journal_whose_rows_are_in_no_part_stays_whatever_its_name_says(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lake.recover.is_over", lambda _: True)
    monkeypatch.setattr("lake.spent_journals.writer_of", lambda _: "gone")
    with Journal(small_lake, "run-c") as journal:
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
        parts = recover(small_lake)
    (done,) = (small_lake / "journals").iterdir()
    (lost,) = (path for path in parts if path.parts[-3] == "epochs")
    lost.unlink()
    assert collect(small_lake, NONE) == []
    rescue(small_lake, done)
    assert [one.path for one in collect(small_lake, NONE)] == [f"journals/{done.name}"]
    assert query(small_lake, COUNT).to_pylist() == [{"n": 4}]
    assert verify(small_lake, rows=True) == []


def test_the_journal_of_a_writer_that_lives_stays_however_long_it_is_silent(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the disk has taken nothing of, and one that another machine took for dead."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        empty = Journal(small_lake, "run-c")
        assert not empty.log({RUNS: [run_row()]})
    moved = Journal(small_lake, "run-d")
    moved.log({RUNS: [run_row()]})
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("lake.recover.is_over", lambda name: name.run_id == "run-d")
        recover(small_lake)
    age(small_lake, GRACE + timedelta(days=1))
    assert collect(small_lake) == []
    for journal in (empty, moved):
        assert journal.log_epoch(0, "train", {"loss": 0.5})
    assert query(small_lake, COUNT).to_pylist() == [{"n": 5}]
    for journal in (empty, moved):
        journal.seal()
    assert query(small_lake, COUNT).to_pylist() == [{"n": 5}]
    assert verify(small_lake, rows=True) == []


def test_a_journal_of_another_machine_goes_once_its_run_has_ended(small_lake: Path) -> None:
    """Whether its writer lives can only be told there."""
    path = killed_journal(small_lake, host="elsewhere", run_id="run-a")
    age(small_lake, GRACE + timedelta(days=1))
    recover(small_lake)
    age(small_lake, GRACE + timedelta(days=1))
    assert not path.exists()
    assert collect(small_lake) == []
    ended = run_row(status="interrupted", reason="its node failed", finished_at=NOON)
    append(small_lake, RUNS, "run-a", "ended", [ended])
    (freed,) = collect(small_lake)
    assert freed.path.startswith("journals/run-a~")
    assert freed.reason == "its rows are in parts"


def test_what_would_be_freed_can_be_asked_where_nothing_can_be_written(
    small_lake: Path, without_override: Python
) -> None:  # fmt: skip
    compact(small_lake)
    asked = ("-m", "lake", "--lake", str(small_lake), "gc", "--grace-days", "0")
    with read_only(small_lake):
        would = without_override(*asked, "--dry-run")
        refused = without_override(*asked)
    assert (would.returncode, refused.returncode) == (0, 1), would.stderr
    assert "would be freed" in would.stdout
    assert "cannot be written" in refused.stderr


def test_nothing_is_freed_where_the_snapshots_cannot_be_listed(small_lake: Path, without_override: Python) -> None:
    """A folder that may not be read looks empty to a glob, and what snapshots need would be freed."""
    take_snapshot(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    compact(small_lake)
    before = sorted(small_lake.rglob("*.parquet"))
    (small_lake / "snapshots").chmod(0o300)
    try:
        freed = without_override("-m", "lake", "--lake", str(small_lake), "gc", "--grace-days", "0")
        looked = without_override("-m", "lake", "--lake", str(small_lake), "verify")
    finally:
        (small_lake / "snapshots").chmod(0o755)
    for done in (freed, looked):
        assert done.returncode == 1
        assert "snapshots cannot be listed" in done.stderr + done.stdout
    assert sorted(small_lake.rglob("*.parquet")) == before
