"""What a lake and a remote have of each other, and what is wrong with a remote."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from lake.remote.commits import read_head
from lake.remote.deep import look_deep
from lake.remote.errors import RemoteError
from lake.remote.layout import LATEST, commit_key, object_key, tag_key
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.pull import pull
from lake.remote.push import push
from lake.remote.status import Amount, status
from lake.snapshot import take_snapshot
from tests.lake.remote.conftest import ANNA, add_run
from tests.lake.remote.faults import FaultyLine
from tests.lake.remote.s3_server import BUCKET, S3Server


@pytest.fixture
def remote(tmp_path: Path, bucket: ObjectStore) -> ObjectStore:
    """A bucket with the runs a and b."""
    for run_id in "ab":
        add_run(tmp_path / "theirs", run_id)
    push(tmp_path / "theirs", bucket, ANNA)
    return bucket


@pytest.mark.parametrize(
    ("runs", "state", "only_here", "only_there"),
    [
        ("ab", "even", "", ""),
        ("abc", "ahead", "c", ""),
        ("a", "behind", "", "b"),
        ("", "behind", "", "ab"),
        ("acd", "diverged", "cd", "b"),
    ],
)
def test_runs_tell_how_the_two_stand(
    tmp_path: Path, remote: ObjectStore, runs: str, state: str, only_here: str, only_there: str
) -> None:
    for run_id in runs:
        add_run(tmp_path / "mine", run_id)
    found = status(tmp_path / "mine", remote)
    assert (found.state, found.runs.only_here, found.runs.only_there) == (state, set(only_here), set(only_there))
    assert (found.to_send == Amount()) == (state in ("even", "behind"))
    assert (found.to_fetch == Amount()) == (state in ("even", "ahead"))


def test_a_run_with_other_rows_here_and_there_is_named(tmp_path: Path, remote: ObjectStore) -> None:
    for run_id, value in (("a", 0.5), ("b", 0.75)):
        add_run(tmp_path / "mine", run_id, value=value)
    found = status(tmp_path / "mine", remote)
    assert (found.state, found.runs.changed) == ("diverged", {"b"})


def test_bytes_are_those_of_the_files_to_move(tmp_path: Path, bucket: ObjectStore) -> None:
    root = tmp_path / "mine"
    add_run(root, "a")
    push(root, bucket, ANNA)
    add_run(root, "b")
    found, snapshot = status(root, bucket), take_snapshot(root)
    assert found.state == "ahead"
    assert found.to_send.objects == len(snapshot.files) + 1  # and the index, whose size no snapshot has
    assert found.to_send.bytes == sum(file.size_bytes for file in snapshot.files)


def test_a_remote_without_a_commit_is_empty(tmp_path: Path, bucket: ObjectStore) -> None:
    bucket.put("lake.json", b'{"format": "kd-gat-lake-remote", "layout": 1, "project": "kd-gat"}')
    add_run(tmp_path / "mine", "a")
    assert status(tmp_path / "mine", bucket).state == "empty"


def test_status_changes_nothing_there(tmp_path: Path, remote: ObjectStore, s3: S3Server) -> None:
    before = s3.objects()
    add_run(tmp_path / "mine", "c")
    status(tmp_path / "mine", remote)
    look_deep(remote)
    assert s3.objects() == before


def _object(store: ObjectStore, root: Path) -> str:
    return object_key(take_snapshot(root).files[0].sha256)


def _index(store: ObjectStore, root: Path) -> str:
    return object_key(take_snapshot(root).index_sha256 or "")


def _snapshot(store: ObjectStore, root: Path) -> str:
    return f"snapshots/{take_snapshot(root).snapshot_id}.json"


def _first_commit(store: ObjectStore, root: Path) -> str:
    head = read_head(store)
    assert head
    return commit_key(head.commit_id)


@pytest.mark.parametrize("which", [_object, _index, _snapshot, _first_commit])
@pytest.mark.parametrize("fault", ["lost", "short", "long", "bit"])
def test_each_fault_of_each_file_is_found_and_named(
    tmp_path: Path, remote: ObjectStore, s3: S3Server, which: Callable[[ObjectStore, Path], str], fault: str
) -> None:
    key = which(remote, tmp_path / "theirs")
    data = remote.get(key).data
    if fault == "lost":
        s3.backend.delete_object(BUCKET, f"lake/{key}")
    else:
        flipped = data[:50] + bytes([data[50] ^ 4]) + data[51:]
        remote.put(key, {"short": data[:-1], "long": data + b"x", "bit": flipped}[fault])
    (said,) = look_deep(remote).faults
    assert key in said
    assert {"lost": "lost", "short": "short", "long": "long", "bit": "altered"}[fault] in said or "altered" in said


def test_what_only_a_tag_stands_on_is_looked_at_too(tmp_path: Path, bucket: ObjectStore, s3: S3Server) -> None:
    root = tmp_path / "mine"
    add_run(root, "a")
    push(root, bucket, ANNA, tag="paper-v1")
    old = object_key(take_snapshot(root).files[0].sha256)
    add_run(root, "b")
    push(root, bucket, ANNA)
    assert look_deep(bucket).snapshots == 2
    s3.backend.delete_object(BUCKET, f"lake/{old}")
    bucket.put(tag_key("mine"), b"{}")
    lost, altered = sorted(look_deep(bucket).faults)
    assert f"{old} is lost" in lost
    assert "tags/mine.json was altered: it is no tag 'mine'" in altered


@pytest.mark.parametrize("which", [_object, _index, _snapshot])
def test_what_only_an_older_commit_stands_on_is_looked_at_too(
    tmp_path: Path, bucket: ObjectStore, which: Callable[[ObjectStore, Path], str]
) -> None:
    root = tmp_path / "mine"
    add_run(root, "a")
    push(root, bucket, ANNA)
    key = which(bucket, root)
    for run_id in "bc":
        add_run(root, run_id)
        push(root, bucket, ANNA)
    looked = look_deep(bucket)
    assert (looked.commits, looked.snapshots, looked.objects, looked.faults) == (3, 3, 9, [])
    data = bucket.get(key).data
    bucket.put(key, data[:50] + bytes([data[50] ^ 4]) + data[51:])
    (said,) = look_deep(bucket).faults
    assert f"{key} was altered" in said


def test_a_snapshot_and_an_object_are_read_once_however_many_commits_have_them(
    tmp_path: Path, bucket: ObjectStore, line: FaultyLine
) -> None:
    root = tmp_path / "mine"
    add_run(root, "a")
    for tag in (None, "paper-v1", "paper-v2"):
        push(root, bucket, ANNA, tag=tag)
    line.requests.clear()
    looked = look_deep(bucket)
    assert (looked.commits, looked.snapshots, looked.objects) == (3, 1, 3)
    paths = [path for _, path in line.requests if "/snapshots/" in path or "/objects/" in path]
    assert len(paths) == len(set(paths)) == 4


def test_every_bit_of_an_object_counts(tmp_path: Path, remote: ObjectStore) -> None:
    key = _index(remote, tmp_path / "theirs")
    data = remote.get(key).data
    for place in range(0, len(data), 97):
        remote.put(key, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert len(look_deep(remote).faults) == 1


def test_a_place_without_a_lake_has_no_status(tmp_path: Path, bucket: ObjectStore) -> None:
    with pytest.raises(RemoteError, match=r"holds no lake: it has no lake.json. Check the address, or push"):
        status(tmp_path, bucket)


def test_a_lost_pointer_is_not_taken_for_a_first_push(tmp_path: Path, remote: ObjectStore, s3: S3Server) -> None:
    """By who remembers a push, by a commit with a parent, or by one with runs that the pushing lake lacks."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    add_run(mine, "c")
    pointer = remote.get(LATEST).data
    s3.backend.delete_object(BUCKET, f"lake/{LATEST}")
    before = s3.objects()
    for ask in (push, lambda root, store, _: status(root, store)):
        with pytest.raises(RemoteError, match=r"has commit 1, by anna@lab.*but no latest\.json, .*was lost"):
            ask(theirs, remote, ANNA)
    with pytest.raises(RemoteError, match=r"is commit 1, by anna@lab.*; it has no latest\.json"):
        push(mine, remote, ANNA)
    assert any("was lost, restore it" in fault for fault in look_deep(remote).faults)
    assert not [key for key in s3.objects().keys() - before.keys() if "objects/" not in key]
    remote.put(LATEST, pointer)
    add_run(theirs, "d")
    assert push(theirs, remote, ANNA).sequence == 2
    s3.backend.delete_object(BUCKET, f"lake/{LATEST}")
    for ask in (push, lambda root, store, _: status(root, store)):
        with pytest.raises(RemoteError, match=r"has commit 2, by anna@lab.*but no latest\.json"):
            ask(mine, remote, ANNA)
    with pytest.raises(RemoteError, match="was lost"):
        pull(mine, remote)
    assert any("has commit 2" in fault for fault in look_deep(remote).faults)


def test_a_first_push_that_was_cut_off_is_made_good_by_the_next(tmp_path: Path, bucket: ObjectStore) -> None:
    root = tmp_path / "mine"
    add_run(root, "a")
    with patch("lake.remote.publish.pointer_bytes", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        push(root, bucket, ANNA)
    assert any("Where its push was cut off" in fault for fault in look_deep(bucket).faults)
    assert push(root, bucket, ANNA).sequence == 1
    assert look_deep(bucket).faults == []


def test_a_broken_copy_of_a_folders_pointer_is_said_and_any_push_mends_it(tmp_path: Path) -> None:
    root, store = tmp_path / "mine", open_store(f"file://{tmp_path}/remote")
    add_run(root, "a")
    push(root, store, ANNA)
    (tmp_path / "remote" / LATEST).write_text("{")
    assert any("is not the newest pointer" in fault for fault in look_deep(store).faults)
    assert not push(root, store, ANNA).is_new
    assert look_deep(store).faults == []
