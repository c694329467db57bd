"""What a lake lost comes back from a remote that has it."""

from pathlib import Path

import pytest

from lake.append import append
from lake.check import verify
from lake.remote.contents import items_of
from lake.remote.layout import object_key
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.push import push
from lake.remote.restore import restore
from lake.schema import EPOCHS
from lake.snapshot import take_snapshot
from tests.lake.remote.conftest import ANNA, add_run
from tests.lake.rows import epoch_row


@pytest.fixture
def lake(tmp_path: Path, bucket: ObjectStore) -> Path:
    """A lake that was pushed."""
    add_run(tmp_path / "lake", "run-a")
    push(tmp_path / "lake", bucket, ANNA)
    return tmp_path / "lake"


@pytest.mark.parametrize("fault", ["lost", "cut", "bit"])
def test_packs_and_index_come_back_as_they_were(lake: Path, bucket: ObjectStore, fault: str) -> None:
    snapshot = take_snapshot(lake)
    paths = sorted([*(file.path for file in snapshot.files), snapshot.index_path or ""])
    before = {path: (lake / path).read_bytes() for path in paths}
    for path, data in before.items():
        if fault == "lost":
            (lake / path).unlink()
        else:
            (lake / path).write_bytes(data[:-1] if fault == "cut" else data[:99] + bytes([data[99] ^ 8]) + data[100:])
    done = restore(lake, bucket)
    assert (done.files, done.missing) == (paths, [])
    assert done.bytes == sum(map(len, before.values()))
    assert {path: (lake / path).read_bytes() for path in paths} == before
    assert verify(lake) == []


def test_a_sound_lake_gets_nothing(lake: Path, bucket: ObjectStore) -> None:
    assert restore(lake, bucket).files == []


def test_what_was_never_pushed_is_named_as_missing(lake: Path, bucket: ObjectStore) -> None:
    append(lake, EPOCHS, "run-a", "more", [epoch_row(epoch=9)])
    snapshot = take_snapshot(lake)
    pack = next(file.path for file in snapshot.files if file.table == "epochs")
    (lake / pack).unlink()
    done = restore(lake, bucket)
    assert (done.files, done.missing) == ([], [pack])


@pytest.mark.parametrize("fault", ["cut", "altered"])
def test_one_that_is_wrong_in_the_remote_keeps_none_of_the_others(tmp_path: Path, fault: str) -> None:
    lake, store = tmp_path / "a", open_store(f"file://{tmp_path}/remote")
    add_run(lake, "run-a")
    push(lake, store, ANNA)
    items = items_of(take_snapshot(lake))
    for item in items:
        (lake / item.path).unlink()
    there = tmp_path / "remote" / object_key(items[0].sha256)
    data = there.read_bytes()
    there.write_bytes(data[:-1] if fault == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    restored = restore(lake, store)
    assert restored.missing == [items[0].path]
    assert restored.files == sorted(item.path for item in items[1:])
    assert len(restored.files) > 1
