"""A snapshot is files, digests, row counts and one id over all of them."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.files import sha256_of
from lake.journal import Journal
from lake.read import query
from lake.root import create_lake
from lake.schema import EPOCHS, RUNS, TABLES
from lake.snapshot import latest_snapshot, load_snapshot, take_snapshot
from lake.tags import forget_snapshot
from lake.version import SCHEMA_VERSION
from tests.lake.rows import NOON, epoch_row, run_row


def test_an_unchanged_lake_keeps_its_id_and_its_first_date(small_lake: Path) -> None:
    first = take_snapshot(small_lake, now=NOON)
    second = take_snapshot(small_lake, now=NOON + timedelta(days=1))
    assert second == first
    assert len(list((small_lake / "snapshots").iterdir())) == 1


def test_it_is_of_one_moment_whatever_another_process_compacts(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its own compaction and its look at the lake a run ends, and another process compacts."""
    import lake.snapshot as module

    seen, journal = module.held, Journal(small_lake, "run-c")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    before = take_snapshot(small_lake)

    def late(root: Path) -> object:
        monkeypatch.setattr(module, "held", seen)
        journal.log_epoch(1, "train", {"loss": 0.5})
        journal.seal()
        compact(root)
        return seen(root)

    monkeypatch.setattr(module, "held", late)
    after = take_snapshot(small_lake)
    assert [one.rows["epochs"] for one in (before, after)] == [4, 5]
    assert after == take_snapshot(small_lake)
    assert verify(small_lake, rows=True) == []


def test_a_running_runs_rows_are_not_frozen_with_those_of_an_altered_pack(small_lake: Path) -> None:
    with Journal(small_lake, "run-c") as first:
        first.log_epoch(0, "train", {"loss": 0.5})
    pack = small_lake / compact(small_lake).of("epochs")[0].path
    Journal(small_lake, "run-c", attempt=2).log_epoch(1, "train", {"loss": 0.5})
    pack.write_bytes(pack.read_bytes()[:-1])
    with pytest.raises(LakeError, match=f"{pack.name} was altered"):
        take_snapshot(small_lake)
    assert not (small_lake / "snapshots").exists()


def test_the_id_is_what_the_rows_say_wherever_and_however_they_lie(small_lake: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "moved" / "another name"
    shutil.copytree(small_lake, elsewhere)
    one_part = tmp_path / "one part"
    for run_id in ("run-b", "run-a"):
        append(one_part, RUNS, run_id, "rows", [run_row()])
    append(one_part, EPOCHS, "run-a", "rows", [epoch_row(epoch=epoch) for epoch in (2, 0, 1)])
    compacted = tmp_path / "compacted by and by"
    append(compacted, RUNS, "run-b", "001-running", [run_row()])
    take_snapshot(compacted)
    append(compacted, RUNS, "run-a", "001-running", [run_row()])
    for epoch in (1, 2, 0):
        append(compacted, EPOCHS, "run-a", f"epoch-{epoch}", [epoch_row(epoch=epoch)])
        last = take_snapshot(compacted)
    logged = tmp_path / "logged"
    for run_id, epochs in (("run-a", range(3)), ("run-b", [])):
        with Journal(logged, run_id) as journal:
            journal.log({RUNS: [run_row()]})
            for epoch in epochs:
                journal.log({EPOCHS: [epoch_row(epoch=epoch)]})
    ids = {take_snapshot(root, now=datetime.now(UTC)).snapshot_id for root in (small_lake, elsewhere, one_part, logged)}
    assert ids == {last.snapshot_id}


def test_a_new_row_a_changed_row_and_a_row_of_another_run_each_give_a_new_id(tmp_path: Path) -> None:
    written = {
        "as it is": ("run-a", epoch_row(value=0.5)),
        "changed": ("run-a", epoch_row(value=0.25)),
        "another run's": ("run-b", epoch_row(value=0.5)),
        "another sign": ("run-a", epoch_row(value=-0.5)),
        "another name": ("run-a", epoch_row(metric="losss", value=0.5)),
    }
    seen = set()
    for name, (run_id, row) in written.items():
        for run in ("run-a", "run-b"):
            append(tmp_path / name, RUNS, run, "001-running", [run_row()])
        append(tmp_path / name, EPOCHS, run_id, "p", [row])
        seen.add(take_snapshot(tmp_path / name).snapshot_id)
    append(tmp_path / "as it is", EPOCHS, "run-a", "q", [epoch_row(epoch=3)])
    seen.add(take_snapshot(tmp_path / "as it is").snapshot_id)
    assert len(seen) == len(written) + 1


def test_it_names_every_file_with_digest_size_and_rows(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    for file in snapshot.files:
        path = small_lake / file.path
        assert (file.sha256, file.size_bytes) == (sha256_of(path), path.stat().st_size)
    for table, rows in snapshot.rows.items():
        view = TABLES[table].view
        assert query(small_lake, f'SELECT count(*) AS n FROM "{view}"').to_pylist() == [{"n": rows}]


def test_parts_in_the_making_are_left_out(small_lake: Path) -> None:
    before = take_snapshot(small_lake).snapshot_id
    (small_lake / "epochs" / "run-a" / ".epoch-00009.parquet.0123.tmp").write_bytes(b"half")
    (small_lake / "epochs" / ".run-c").mkdir()
    assert take_snapshot(small_lake).snapshot_id == before


def test_the_latest_is_the_newest_whatever_the_clock_says(small_lake: Path) -> None:
    ahead = take_snapshot(small_lake, now=NOON + timedelta(days=2))
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    newest = take_snapshot(small_lake, now=NOON)
    assert latest_snapshot(small_lake) == newest
    assert newest.created_at > ahead.created_at


def test_a_beginning_of_an_id_is_enough_where_it_fits_one(small_lake: Path) -> None:
    first = take_snapshot(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    second = take_snapshot(small_lake)
    assert load_snapshot(small_lake, second.snapshot_id[:12]) == second
    with pytest.raises(LakeError, match="more than one snapshot"):
        load_snapshot(small_lake, "")
    with pytest.raises(LakeError, match=f"no snapshot .* begins with 'none'. Snapshots: .*{first.snapshot_id[:12]}"):
        load_snapshot(small_lake, "none")


def test_an_empty_lake_has_nothing_to_freeze(small_lake: Path) -> None:
    with pytest.raises(LakeError, match=r"has no snapshot yet. Make one"):
        latest_snapshot(small_lake)
    empty = create_lake(small_lake.parent / "empty")
    with pytest.raises(LakeError, match=r"holds no rows yet. Train first"):
        take_snapshot(empty)


@pytest.mark.parametrize("change", ["cut", "list", "file", "id", "extra"])
def test_an_altered_snapshot_is_refused_by_name(small_lake: Path, change: str) -> None:
    snapshot = take_snapshot(small_lake)
    path = small_lake / "snapshots" / f"{snapshot.snapshot_id}.json"
    value = json.loads(path.read_text())
    if change == "cut":
        path.write_text(path.read_text()[:200])
    elif change == "list":
        path.write_text("[]")
    else:
        if change == "file":
            value["files"][0]["rows"] += 1
        elif change == "id":
            value["snapshot_id"] = "0" * 64
        else:
            value["note"] = "mine"
        path.write_text(json.dumps(value))
    with pytest.raises(LakeError, match=r"(was altered|cannot be read as a snapshot).*Restore it from a copy"):
        load_snapshot(small_lake, snapshot.snapshot_id)


def test_a_damaged_snapshot_is_written_again_or_given_up(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    path = small_lake / "snapshots" / f"{snapshot.snapshot_id}.json"
    path.write_text("{")
    assert take_snapshot(small_lake).snapshot_id == snapshot.snapshot_id
    assert verify(small_lake) == []
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    path.write_text("{")
    assert any(path.name in fault for fault in verify(small_lake))
    assert forget_snapshot(small_lake, snapshot.snapshot_id) == snapshot.snapshot_id
    assert verify(small_lake) == []


def test_a_part_that_is_gone_is_said_by_the_reader_and_by_verify(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    (pack,) = small_lake.glob("epochs/merged/*")
    pack.unlink()
    with pytest.raises(LakeError, match=rf"names epochs/merged/{pack.name}, which is gone"):
        query(small_lake, "SELECT 1", snapshot)
    assert verify(small_lake) == [
        f"epochs/merged/{pack.name} is missing; generation 1 names it. Restore it from a copy."
    ]


def test_a_snapshots_file_that_was_altered_is_never_read(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    (pack,) = small_lake.glob("epochs/merged/*")
    whole = pack.read_bytes()
    for at in range(0, len(whole), 97):
        pack.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(LakeError, match=rf"names epochs/merged/{pack.name}, which was altered in"):
            query(small_lake, "SELECT 1", snapshot)


def test_a_snapshot_of_an_older_schema_keeps_its_id(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = take_snapshot(small_lake)
    monkeypatch.setattr("lake.snapshot.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert load_snapshot(small_lake, taken.snapshot_id) == taken
    assert latest_snapshot(small_lake) == taken
