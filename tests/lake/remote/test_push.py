"""A push publishes the lake; cut off anywhere and run again, it comes to the same."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lake.append import append
from lake.compact import compact
from lake.errors import LakeError
from lake.remote.commits import history, read_head
from lake.remote.deep import look_deep
from lake.remote.errors import BeatenError, RemoteError, UnsureError
from lake.remote.layout import LATEST, create_remote, object_key
from lake.remote.objects import ObjectStore
from lake.remote.place import place
from lake.remote.progress import unseen
from lake.remote.push import push
from lake.schema import EPOCHS
from lake.snapshot import snapshot_path, take_snapshot
from tests.lake.conftest import REPOSITORY
from tests.lake.remote.conftest import ANNA, BEN, Straight, add_run, store_of
from tests.lake.remote.faults import FAULTS, FaultyLine, at_random
from tests.lake.remote.s3_server import BUCKET, S3Server
from tests.lake.rows import epoch_row
from tests.torture.remote import push_of_many_runs


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    for number in range(3):
        add_run(root, f"run-{number}")
    return root


def test_whatever_names_a_file_is_written_after_it(lake: Path, bucket: ObjectStore, line: FaultyLine) -> None:
    pushed = push(lake, bucket, ANNA, tag="first")
    folders = [path.split("/lake/")[1].split("/")[0] for method, path in line.requests if method == "PUT"]
    assert [name for i, name in enumerate(folders) if name not in folders[:i]] == [
        "lake.json", "objects", "snapshots", "commits", LATEST, "tags",
    ]  # fmt: skip
    assert folders == sorted(folders, key=["lake.json", "objects", "snapshots", "commits", LATEST, "tags"].index)
    assert pushed.objects_sent == folders.count("objects") > 1
    assert look_deep(bucket).faults == []


def test_a_second_push_writes_nothing(lake: Path, bucket: ObjectStore, line: FaultyLine) -> None:
    first = push(lake, bucket, ANNA)
    before = len(line.requests)
    second = push(lake, bucket, BEN)
    assert (second.is_new, second.objects_sent, second.commit_id) == (False, 0, first.commit_id)
    assert not [path for method, path in line.requests[before:] if method == "PUT"]


def test_objects_that_are_there_are_not_sent_again(lake: Path, bucket: ObjectStore, s3: S3Server) -> None:
    push(lake, bucket, ANNA)
    before = s3.objects()
    append(lake, EPOCHS, "run-0", "more", [epoch_row(epoch=9)])
    pushed = push(lake, bucket, ANNA)
    new = {key for key in s3.objects().keys() - before.keys() if "/objects/" in key}
    named = {object_key(file.sha256) for file in take_snapshot(lake).files}
    assert pushed.sequence == 2
    assert len(new) == pushed.objects_sent == 2  # the pack of epochs and the index; that of runs is as it was
    assert len(named) == 2


@pytest.mark.parametrize("way", ["reset", "reset after"])
def test_cut_off_at_any_request_and_run_again_it_comes_to_the_same(
    lake: Path, s3: S3Server, line: FaultyLine, no_waiting: None, way: str
) -> None:
    """The network goes away with the n-th request of the push, for every n: before it is delivered, or after."""
    store = store_of(s3, line)
    push(lake, store, ANNA)
    n_requests, whole = len(line.requests), immutable(s3)
    for number in range(n_requests):
        s3.backend.reset()
        s3.backend.create_bucket(BUCKET, "us-east-1")
        shutil.rmtree(lake / ".remotes", ignore_errors=True)
        line.requests.clear()
        line.decide = lambda method, path, last=number: (  # type: ignore[misc]
            None if len(line.requests) < last else way if len(line.requests) == last else "reset"
        )
        with pytest.raises(UnsureError):
            push(lake, store, ANNA)
        line.decide = lambda method, path: None
        push(lake, store, ANNA)
        assert immutable(s3) == whole
        head = read_head(store)
        assert head
        assert head.sequence == 1


def immutable(s3: S3Server) -> dict[str, bytes]:
    return {key: data for key, data in s3.objects().items() if "/objects/" in key or "/snapshots/" in key}


@pytest.mark.parametrize("number", [1, 3, 5, 6])
def test_killed_at_a_put_and_run_again_it_comes_to_the_same(
    lake: Path, s3: S3Server, line: FaultyLine, number: int
) -> None:
    """The pushing process is killed while its n-th put is under way; it was delivered, the answer was not."""
    keys = s3.keys["writer"]
    settings = {
        "AWS_ACCESS_KEY_ID": keys.access, "AWS_SECRET_ACCESS_KEY": keys.secret, "KDGAT_S3_ENDPOINT": line.endpoint,
    }  # fmt: skip
    puts: list[str] = []
    process: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill(method: str, path: str) -> str | None:
        puts.extend([path] * (method == "PUT"))
        if method == "PUT" and len(puts) == number:
            started.wait(10)
            os.kill(process[0].pid, signal.SIGKILL)
            return "reset after"
        return None

    line.decide = kill
    command = [sys.executable, "-m", "lake", "--lake", str(lake), "push", f"s3://{BUCKET}/lake"]
    with subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **settings}, stderr=subprocess.PIPE) as child:
        process.append(child)
        started.set()
        _, said = child.communicate()
    assert child.returncode == -signal.SIGKILL, said.decode()
    line.decide = lambda method, path: None
    store = store_of(s3, line)
    push(lake, store, ANNA)
    assert look_deep(store).faults == []
    assert {key.rsplit("/", 1)[1] for key in immutable(s3)} == named_by(lake)
    head = read_head(store)
    assert head
    assert [commit.sequence for _, commit in history(store, head.commit_id)] == [1]


def named_by(lake: Path) -> set[str]:
    """The names that a snapshot's files have in a remote."""
    snapshot = take_snapshot(lake)
    digests = [file.sha256 for file in snapshot.files] + [snapshot.index_sha256]
    return {f"{digest}.parquet" for digest in digests} | {f"{snapshot.snapshot_id}.json"}


@pytest.mark.parametrize("seed", range(3))
def test_at_a_fault_in_each_fifth_request_it_comes_to_the_same(
    lake: Path, s3: S3Server, line: FaultyLine, seed: int
) -> None:
    store = store_of(s3, line, timeout_s=0.3)
    line.decide = at_random(0.2, seed, list(FAULTS))
    push(lake, store, ANNA)
    add_run(lake, "run-9")
    push(lake, store, BEN)
    line.decide = lambda method, path: None
    looked = look_deep(store)
    assert (looked.faults, looked.commits) == ([], 2)


def test_a_lake_without_the_remotes_runs_is_told_and_changes_nothing(
    lake: Path, tmp_path: Path, bucket: ObjectStore, s3: S3Server
) -> None:
    push(lake, bucket, ANNA)
    before = s3.objects()
    add_run(tmp_path / "other", "run-7")
    with pytest.raises(BeatenError, match=r"its newest is commit 1, by anna@lab at .* runs that this lake lacks: pull"):
        push(tmp_path / "other", bucket, BEN)
    assert s3.objects() == before


def test_a_run_that_goes_on_is_pushed_over_its_beginning(lake: Path, bucket: ObjectStore) -> None:
    """Its rows are other ones then, but nobody else published since."""
    push(lake, bucket, ANNA)
    append(lake, EPOCHS, "run-0", "more", [epoch_row(epoch=9)])
    assert push(lake, bucket, ANNA).sequence == 2


def test_a_lake_that_has_all_of_the_remotes_runs_may_push_without_having_pulled(
    lake: Path, tmp_path: Path, bucket: ObjectStore
) -> None:
    push(lake, bucket, ANNA)
    for number in range(4):
        add_run(tmp_path / "other", f"run-{number}")
    assert push(tmp_path / "other", bucket, BEN).sequence == 2


def test_the_same_rows_packed_otherwise_are_the_same_snapshot(
    lake: Path, tmp_path: Path, bucket: ObjectStore, s3: S3Server
) -> None:
    push(lake, bucket, ANNA)
    before = s3.objects()
    other = tmp_path / "other"
    for number in range(3):
        add_run(other, f"run-{number}")
        compact(other)
    done = push(other, bucket, BEN)
    assert (done.is_new, done.sequence) == (False, 1)
    assert s3.objects() == before


def test_a_file_that_was_altered_since_the_snapshot_is_not_sent(lake: Path, bucket: ObjectStore, s3: S3Server) -> None:
    file = take_snapshot(lake).files[0]
    data = (lake / file.path).read_bytes()
    (lake / file.path).write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    with pytest.raises(LakeError, match=f"{file.path} was altered since the snapshot was taken, so it was not sent"):
        push(lake, bucket, ANNA)
    assert f"lake/{object_key(file.sha256)}" not in s3.objects()
    assert read_head(bucket) is None


def test_an_object_of_another_size_is_replaced(lake: Path, bucket: ObjectStore) -> None:
    file = take_snapshot(lake).files[0]
    create_remote(bucket)
    bucket.put(object_key(file.sha256), b"short")
    push(lake, bucket, ANNA)
    assert look_deep(bucket).faults == []


@pytest.mark.parametrize("fault", ["lost", "altered", "snapshot"])
def test_repair_replaces_what_was_lost_or_altered(lake: Path, bucket: ObjectStore, s3: S3Server, fault: str) -> None:
    pushed = push(lake, bucket, ANNA)
    file = take_snapshot(lake).files[0]
    key = f"snapshots/{pushed.snapshot_id}.json" if fault == "snapshot" else object_key(file.sha256)
    if fault == "lost":
        s3.backend.delete_object(BUCKET, f"lake/{key}")
    else:
        bucket.put(key, b"x" * file.size_bytes)
    assert len(look_deep(bucket).faults) == 1
    assert push(lake, bucket, ANNA, repair=True).sequence == 1
    assert look_deep(bucket).faults == []


def test_a_tag_stays_with_its_snapshot(lake: Path, bucket: ObjectStore) -> None:
    push(lake, bucket, ANNA, tag="paper-v1")
    push(lake, bucket, ANNA, tag="paper-v1")
    add_run(lake, "run-9")
    with pytest.raises(RemoteError, match=r"has a tag 'paper-v1' of the snapshot \w{12}, and tags do not move"):
        push(lake, bucket, ANNA, tag="paper-v1")
    with pytest.raises(RemoteError, match=r"'\.\./x' cannot name a tag"):
        push(lake, bucket, ANNA, tag="../x")


def test_many_runs_go_there_and_come_back() -> None:
    figures = push_of_many_runs(runs=12, epochs=2)
    assert (figures["pulled_runs"], figures["faults"]) == (13, 0)
    assert figures["objects_of_one_run"] <= figures["objects"] == 3


def test_a_commit_vouches_for_the_snapshots_file_that_came_first(
    lake: Path, tmp_path: Path, s3: S3Server, line: FaultyLine
) -> None:
    """Another lake with the same rows, packed otherwise, puts its snapshot's file a moment before this one."""
    store, other = store_of(s3, line), tmp_path / "other"
    for number in range(3):
        add_run(other, f"run-{number}")
        compact(other)
    theirs = snapshot_path(other, take_snapshot(other).snapshot_id).read_bytes()
    assert theirs != snapshot_path(lake, take_snapshot(lake).snapshot_id).read_bytes()
    first = [lambda: place(other, store_of(s3, Straight(s3.port)), take_snapshot(other), unseen)]

    def before_ours(method: str, path: str) -> None:
        if method == "PUT" and "/snapshots/" in path and first:
            first.pop()()

    line.decide = before_ours
    pushed = push(lake, store, ANNA)
    assert store.get(f"snapshots/{pushed.snapshot_id}.json").data == theirs
    assert look_deep(store).faults == []
