"""A pull takes over the runs that a lake lacks, and nothing that is not what it should be."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.files import sha256_of
from lake.manifest_file import manifest_bytes, read_manifest
from lake.read import query
from lake.remote.commits import next_commit, read_head
from lake.remote.errors import BeatenError, RemoteError, UnsureError
from lake.remote.layout import object_key, snapshot_key
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.publish import advance
from lake.remote.pull import pull
from lake.remote.push import push
from lake.remote.status import status
from lake.schema import EPOCHS
from lake.snapshot import take_snapshot
from lake.version import SCHEMA_VERSION
from tests.lake.remote.conftest import ANNA, BEN, add_run, store_of
from tests.lake.remote.faults import FAULTS, FaultyLine, at_random
from tests.lake.remote.s3_server import S3Server
from tests.lake.rows import epoch_row


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    for run_id in ("run-a", "run-b"):
        add_run(tmp_path / "theirs", run_id)
    return tmp_path / "theirs"


@pytest.fixture
def remote(theirs: Path, bucket: ObjectStore) -> ObjectStore:
    """A bucket with the runs a and b."""
    push(theirs, bucket, ANNA, tag="paper-v1")
    return bucket


def runs(root: Path) -> list[str]:
    return [row["run_id"] for row in query(root, "SELECT run_id FROM runs ORDER BY run_id").to_pylist()]


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_new_lake_gets_all_runs_and_is_the_same_snapshot(theirs: Path, remote: ObjectStore, tmp_path: Path) -> None:
    done = pull(tmp_path / "mine", remote)
    assert done.new_runs == ["run-a", "run-b"]
    assert done.objects_fetched > 1
    assert take_snapshot(tmp_path / "mine").snapshot_id == take_snapshot(theirs).snapshot_id == done.snapshot_id
    assert status(tmp_path / "mine", remote).state == "even"
    assert verify(tmp_path / "mine") == []
    assert not (tmp_path / "mine" / ".incoming").exists()


def test_a_second_pull_fetches_nothing(remote: ObjectStore, tmp_path: Path) -> None:
    pull(tmp_path / "mine", remote)
    again = pull(tmp_path / "mine", remote)
    assert (again.new_runs, again.objects_fetched, again.bytes_fetched) == ([], 0, 0)


def test_own_runs_stay_and_those_of_others_come_beside_them(remote: ObjectStore, tmp_path: Path) -> None:
    add_run(tmp_path / "mine", "run-c")
    assert pull(tmp_path / "mine", remote).new_runs == ["run-a", "run-b"]
    assert runs(tmp_path / "mine") == ["run-a", "run-b", "run-c"]
    assert status(tmp_path / "mine", remote).state == "ahead"
    assert push(tmp_path / "mine", remote, BEN).sequence == 2


def test_two_who_push_at_once_end_with_the_runs_of_both(theirs: Path, remote: ObjectStore, tmp_path: Path) -> None:
    add_run(tmp_path / "mine", "run-c")
    with pytest.raises(BeatenError, match=r"its newest is commit 1, by anna@lab"):
        push(tmp_path / "mine", remote, BEN)
    assert push(tmp_path / "mine", remote, BEN, rebase=True).sequence == 2
    pull(theirs, remote)
    assert runs(theirs) == runs(tmp_path / "mine") == ["run-a", "run-b", "run-c"]


def test_a_run_that_went_on_there_goes_on_here(theirs: Path, remote: ObjectStore, tmp_path: Path) -> None:
    pull(tmp_path / "mine", remote)
    append(theirs, EPOCHS, "run-a", "more", [epoch_row(epoch=9)])
    push(theirs, remote, ANNA)
    assert pull(tmp_path / "mine", remote).new_runs == ["run-a"]
    assert take_snapshot(tmp_path / "mine").snapshot_id == take_snapshot(theirs).snapshot_id


def test_a_run_with_other_rows_is_refused_and_nothing_changes(remote: ObjectStore, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    add_run(mine, "run-a", value=0.75)
    add_run(mine, "run-c")
    with pytest.raises(
        LakeError, match=r"in both lakes with different content, and nothing was taken over:\n  run id run-a"
    ):
        pull(mine, remote)
    assert runs(mine) == ["run-a", "run-c"]
    assert query(mine, "SELECT DISTINCT value FROM epochs WHERE run_id = 'run-a'").to_pylist() == [{"value": 0.75}]


def test_what_a_refused_pull_has_fetched_is_not_fetched_again(
    remote: ObjectStore, line: FaultyLine, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    add_run(mine, "run-a", value=0.75)
    asked = []
    for _ in range(2):
        line.requests.clear()
        with pytest.raises(LakeError, match="in both lakes with different content"):
            pull(mine, remote)
        asked.append(sum("/objects/" in str(request) for request in line.requests))
    assert asked[0] > asked[1] == 1, "the second time only the index, to compare"


def test_a_place_that_is_no_lake_is_refused_before_anything_is_fetched(
    remote: ObjectStore, line: FaultyLine, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("of another matter")
    line.requests.clear()
    with pytest.raises(LakeError, match=r"is not a lake: it has no lake\.json"):
        pull(tmp_path / "mine", remote)
    assert not any("/objects/" in str(request) for request in line.requests)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("which", ["snapshot", "tag"])
def test_an_earlier_snapshot_may_be_asked_for(theirs: Path, remote: ObjectStore, tmp_path: Path, which: str) -> None:
    first = take_snapshot(theirs).snapshot_id
    add_run(theirs, "run-z")
    push(theirs, remote, ANNA)
    asked: dict[str, Any] = {"snapshot_id": first[:12]} if which == "snapshot" else {"tag": "paper-v1"}
    assert pull(tmp_path / "mine", remote, **asked).snapshot_id == first
    assert runs(tmp_path / "mine") == ["run-a", "run-b"]
    assert status(tmp_path / "mine", remote).state == "behind"


def test_what_is_not_there_is_said_with_what_is(remote: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"has no tag 'paper-v2'\. Tags: paper-v1\."):
        pull(tmp_path / "mine", remote, tag="paper-v2")
    with pytest.raises(RemoteError, match=r"no commit of .* has a snapshot that begins with 'abc'; the newest of 1"):
        pull(tmp_path / "mine", remote, snapshot_id="abc")
    assert not (tmp_path / "mine").exists()


def test_cut_off_at_any_request_it_goes_on_from_there(
    theirs: Path, remote: ObjectStore, s3: S3Server, line: FaultyLine, tmp_path: Path, no_waiting: None
) -> None:
    store, mine = store_of(s3, line), tmp_path / "mine"
    line.requests.clear()
    whole = pull(mine, store)
    n_requests = len(line.requests)
    for number in range(n_requests):
        shutil.rmtree(mine)
        line.requests.clear()
        line.decide = lambda method, path, last=number: "reset" if len(line.requests) >= last else None  # type: ignore[misc]
        with pytest.raises(UnsureError):
            pull(mine, store)
        assert {path for path in contents(mine) if "incoming" not in path} <= {"lake.json"}
        arrived = len(list((mine / ".incoming").glob("[!.]*")))
        line.decide = lambda method, path: None
        done = pull(mine, store)
        assert (done.snapshot_id, done.objects_fetched) == (whole.snapshot_id, whole.objects_fetched - arrived)
        assert runs(mine) == ["run-a", "run-b"]


@pytest.mark.parametrize("seed", range(3))
def test_at_a_fault_in_each_fifth_request_it_comes_to_the_same(
    remote: ObjectStore, s3: S3Server, line: FaultyLine, tmp_path: Path, seed: int
) -> None:
    line.decide = at_random(0.2, seed, list(FAULTS))
    pull(tmp_path / "mine", store_of(s3, line, timeout_s=0.3))
    assert runs(tmp_path / "mine") == ["run-a", "run-b"]
    assert verify(tmp_path / "mine") == []


@pytest.mark.parametrize("fault", ["lost", "short", "long", "bit"])
def test_a_damaged_object_is_refused_by_name_and_nothing_taken_over(
    theirs: Path, remote: ObjectStore, s3: S3Server, tmp_path: Path, fault: str
) -> None:
    key = object_key(take_snapshot(theirs).files[0].sha256)
    data = remote.get(key).data
    changed = {"lost": b"", "short": data[:-1], "long": data * 3, "bit": data[:9] + bytes([data[9] ^ 1]) + data[10:]}
    if fault == "lost":
        s3.backend.delete_object("lab-results", f"lake/{key}")
    else:
        remote.put(key, changed[fault])
    add_run(tmp_path / "mine", "run-c")
    with pytest.raises(RemoteError, match=rf"{key} (is lost|is short|is too long|was altered)") as caught:
        pull(tmp_path / "mine", remote, tag="paper-v1")
    assert f"({take_snapshot(theirs).files[0].path})" in str(caught.value)
    assert "./run lake push REMOTE --repair, from a lake that has it, puts it right" in str(caught.value)
    assert runs(tmp_path / "mine") == ["run-c"]
    assert not list((tmp_path / "mine" / ".incoming").glob(f"*{key[8:72]}*"))


def publish_by_hand(store: ObjectStore, change: Callable[[dict[str, Any]], object]) -> None:
    """The newest snapshot with a change, and a commit and a pointer that vouch for it."""
    head = read_head(store)
    assert head
    value = read_manifest(store.get(snapshot_key(head.snapshot_id)).data)
    change(value)
    data = manifest_bytes(value)
    store.put(snapshot_key(head.snapshot_id), data)
    advance(store, head, next_commit(head, head.snapshot_id, hashlib.sha256(data).hexdigest(), BEN))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v["files"][0].update(path="../../.ssh/authorized_keys.parquet"), "is no place in a lake"),
        (lambda v: v.update(schema=SCHEMA_VERSION + 1, news=1), "newer than"),
        (lambda v: v.clear(), "is refused: it is no snapshot"),
    ],
)
def test_a_hostile_snapshot_is_refused_and_nothing_written(
    theirs: Path, remote: ObjectStore, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Whoever may write to the bucket may publish it."""
    publish_by_hand(remote, change)
    with pytest.raises(RemoteError, match=said):
        pull(tmp_path / "mine", remote)
    assert not (tmp_path / "mine").exists()


def test_a_snapshot_whose_index_is_of_other_rows_is_refused(theirs: Path, remote: ObjectStore, tmp_path: Path) -> None:
    index = pq.read_table(theirs / (take_snapshot(theirs).index_path or ""))
    zeros = pa.array(["0" * 64] * len(index))
    forged = index.set_column(index.column_names.index("digest"), "digest", zeros)
    pq.write_table(forged, tmp_path / "index.parquet")
    digest = sha256_of(tmp_path / "index.parquet")
    remote.put(object_key(digest), (tmp_path / "index.parquet").read_bytes())
    publish_by_hand(remote, lambda value: value.update(index_sha256=digest))
    add_run(tmp_path / "mine", "run-c")
    with pytest.raises(RemoteError, match="is refused: its index is of other rows"):
        pull(tmp_path / "mine", remote)
    assert runs(tmp_path / "mine") == ["run-c"]


def test_a_snapshot_that_its_commit_does_not_know_is_refused(theirs: Path, remote: ObjectStore, tmp_path: Path) -> None:
    key = snapshot_key(take_snapshot(theirs).snapshot_id)
    remote.put(key, remote.get(key).data + b"\n")
    with pytest.raises(RemoteError, match="was altered: its bytes have another digest than its commit says"):
        pull(tmp_path / "mine", remote)


def test_a_second_pull_into_the_lake_at_the_same_time_is_refused(remote: ObjectStore, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    add_run(mine, "run-c")
    with (mine / ".incoming.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LakeError, match=r"another pull into .* is under way"):
            pull(mine, remote)
    assert pull(mine, remote).new_runs == ["run-a", "run-b"]


def test_a_pull_from_a_folder_and_from_a_web_server(theirs: Path, tmp_path: Path, served: str) -> None:
    folder = open_store(f"file://{tmp_path}/served")
    push(theirs, folder, ANNA)
    for name, store in (("one", folder), ("two", open_store(served))):
        assert pull(tmp_path / name, store).new_runs == ["run-a", "run-b"]


def test_an_empty_place_has_nothing_to_pull(bucket: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"holds no lake: it has no lake\.json"):
        pull(tmp_path / "mine", bucket)
