"""A snapshot is files, digests, row counts and one id over all of them."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.files import sha256_of
from lake.read import query
from lake.schema import EPOCHS, SCHEMA_VERSION
from lake.snapshot import latest_snapshot, load_snapshot, take_snapshot
from tests.lake.rows import NOON, epoch_row


def test_an_unchanged_lake_keeps_its_id_and_its_first_date(small_lake: Path) -> None:
    first = take_snapshot(small_lake, now=NOON)
    second = take_snapshot(small_lake, now=NOON + timedelta(days=1))
    assert second == first
    assert len(list((small_lake / "snapshots").iterdir())) == 1


def test_the_id_is_the_content_wherever_and_whenever_it_was_written(small_lake: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "moved" / "another name"
    shutil.copytree(small_lake, elsewhere)
    rewritten = tmp_path / "rewritten"
    for path in sorted(small_lake.rglob("*.parquet"), reverse=True):
        target = rewritten / path.relative_to(small_lake)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (rewritten / "lake.json").write_bytes((small_lake / "lake.json").read_bytes())
    ids = {take_snapshot(root, now=datetime.now(UTC)).snapshot_id for root in (small_lake, elsewhere, rewritten)}
    assert len(ids) == 1


def test_a_new_part_a_changed_part_and_a_moved_part_each_give_a_new_id(small_lake: Path) -> None:
    seen = [take_snapshot(small_lake).snapshot_id]
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    seen.append(take_snapshot(small_lake).snapshot_id)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3, value=0.25)])
    seen.append(take_snapshot(small_lake).snapshot_id)
    part = small_lake / "epochs" / "run-a" / "epoch-00003.parquet"
    part.rename(part.with_name("epoch-00004.parquet"))
    seen.append(take_snapshot(small_lake).snapshot_id)
    assert len(set(seen)) == 4


def test_it_names_every_part_with_digest_size_and_rows(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    parts = {path.relative_to(small_lake).as_posix(): path for path in small_lake.rglob("*.parquet")}
    assert {file.path for file in snapshot.files} == set(parts)
    for file in snapshot.files:
        assert (file.sha256, file.size_bytes) == (sha256_of(parts[file.path]), parts[file.path].stat().st_size)
    for table, rows in snapshot.rows.items():
        name = "run_events" if table == "runs" else table
        assert query(small_lake, f'SELECT count(*) AS n FROM "{name}"').to_pylist() == [{"n": rows}]


def test_parts_in_the_making_are_left_out(small_lake: Path) -> None:
    before = take_snapshot(small_lake).snapshot_id
    (small_lake / "epochs" / "run-a" / ".epoch-00009.parquet.0123.tmp").write_bytes(b"half")
    (small_lake / "epochs" / ".run-c").mkdir()
    assert take_snapshot(small_lake).snapshot_id == before


def test_the_latest_is_the_newest(small_lake: Path) -> None:
    newest = take_snapshot(small_lake, now=NOON + timedelta(days=2))
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    take_snapshot(small_lake, now=NOON)
    assert latest_snapshot(small_lake) == newest


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
    for table in ("runs", "epochs"):
        shutil.rmtree(small_lake / table)
    with pytest.raises(LakeError, match=r"holds no rows yet. Train first"):
        take_snapshot(small_lake)


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
            value["files"][0]["sha256"] = "0" * 64
        elif change == "id":
            value["snapshot_id"] = "0" * 64
        else:
            value["note"] = "mine"
        path.write_text(json.dumps(value))
    with pytest.raises(LakeError, match=rf"{path.name} (was altered|cannot be read as a snapshot).* Take a new one"):
        load_snapshot(small_lake, snapshot.snapshot_id)


def test_a_part_that_is_gone_is_said_by_the_reader_and_by_verify(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    (small_lake / "epochs" / "run-a" / "epoch-00001.parquet").unlink()
    with pytest.raises(LakeError, match=r"names epochs/run-a/epoch-00001.parquet, which is gone"):
        query(small_lake, "SELECT 1", snapshot)
    assert verify(small_lake) == [
        f"epochs/run-a/epoch-00001.parquet is missing; snapshot {snapshot.snapshot_id[:12]} names it."
    ]


def test_a_snapshot_of_an_older_schema_keeps_its_id(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = take_snapshot(small_lake)
    monkeypatch.setattr("lake.snapshot.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert load_snapshot(small_lake, taken.snapshot_id) == taken
    assert latest_snapshot(small_lake) == taken
