"""`push --repair` mends whatever `status --deep` reads, from any file of the lake, and says what it cannot."""

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from lake.__main__ import main
from lake.compact import compact
from lake.remote.deep import look_deep
from lake.remote.errors import BeatenError, RemoteError
from lake.remote.layout import object_key, snapshot_key, tag_key
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.pull import pull
from lake.remote.push import push
from lake.snapshot import Snapshot, snapshot_path, take_snapshot
from tests.lake.remote.conftest import ANNA, BEN, add_run
from tests.lake.remote.s3_server import BUCKET, S3Server


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    add_run(tmp_path / "lake", "run-a")
    return tmp_path / "lake"


@pytest.fixture
def first(lake: Path, bucket: ObjectStore) -> Snapshot:
    """The snapshot of commit 1; commit 2 names none of its files."""
    push(lake, bucket, ANNA)
    snapshot = take_snapshot(lake)
    add_run(lake, "run-b")
    push(lake, bucket, ANNA)
    return snapshot


def _object(snapshot: Snapshot) -> str:
    return object_key(snapshot.files[0].sha256)


def _index(snapshot: Snapshot) -> str:
    return object_key(snapshot.index_sha256 or "")


def _snapshot(snapshot: Snapshot) -> str:
    return snapshot_key(snapshot.snapshot_id)


def spoil(s3: S3Server, store: ObjectStore, key: str, fault: str) -> None:
    if fault == "lost":
        s3.backend.delete_object(BUCKET, f"lake/{key}")
    else:
        store.put(key, b"x" * len(store.get(key).data))


@pytest.mark.parametrize("which", [_object, _index, _snapshot])
@pytest.mark.parametrize("fault", ["lost", "altered"])
def test_what_an_older_commit_stands_on_comes_back(
    lake: Path, first: Snapshot, bucket: ObjectStore, s3: S3Server, which: Callable[[Snapshot], str], fault: str
) -> None:
    before = s3.objects()
    spoil(s3, bucket, which(first), fault)
    assert len(look_deep(bucket).faults) == 1
    done = push(lake, bucket, ANNA, repair=True)
    assert (done.sequence, done.is_new, done.lacking) == (2, False, [])
    assert done.objects_sent == (0 if which is _snapshot else 1)
    assert look_deep(bucket).faults == []
    assert s3.objects() == before


def test_a_snapshots_file_comes_back_before_its_objects(
    lake: Path, first: Snapshot, bucket: ObjectStore, s3: S3Server
) -> None:
    """Which are only known from it."""
    for key in (_object(first), _snapshot(first)):
        spoil(s3, bucket, key, "lost")
    assert push(lake, bucket, ANNA, repair=True).lacking == []
    assert look_deep(bucket).faults == []


def test_any_file_of_the_lake_with_those_bytes_will_do(
    lake: Path, first: Snapshot, bucket: ObjectStore, s3: S3Server
) -> None:
    """The lake gave the snapshot up; its packs lie there until they are freed."""
    snapshot_path(lake, first.snapshot_id).unlink()
    for key in (_object(first), _index(first)):
        spoil(s3, bucket, key, "lost")
    assert push(lake, bucket, ANNA, repair=True).objects_sent == 2
    assert look_deep(bucket).faults == []


def test_what_the_lake_cannot_give_back_is_said_and_the_rest_is_mended(
    lake: Path, first: Snapshot, bucket: ObjectStore, s3: S3Server
) -> None:
    lost, altered_here = first.files
    for file in (lost, altered_here):
        spoil(s3, bucket, object_key(file.sha256), "lost")
    path = lake / altered_here.path
    path.write_bytes(b"x" * path.stat().st_size)
    done = push(lake, bucket, ANNA, repair=True)
    assert done.objects_sent == 1
    (said,) = done.lacking
    assert f"{object_key(altered_here.sha256)} is lost ({altered_here.path})" in said
    assert f"snapshot {first.snapshot_id[:12]}" in said
    assert len(look_deep(bucket).faults) == 1


def test_what_is_lost_of_the_newest_here_and_there_is_said(lake: Path, bucket: ObjectStore, s3: S3Server) -> None:
    push(lake, bucket, ANNA)
    snapshot = take_snapshot(lake)
    (lake / snapshot.files[0].path).unlink()
    for key in (_object(snapshot), _index(snapshot)):
        spoil(s3, bucket, key, "lost")
    done = push(lake, bucket, ANNA, repair=True)
    assert (done.sequence, done.objects_sent) == (1, 1)
    (said,) = done.lacking
    assert f"{_object(snapshot)} is lost" in said


def test_a_first_push_that_was_cut_off_is_no_fault_once_it_is_made_good(lake: Path, bucket: ObjectStore) -> None:
    with patch("lake.remote.publish.pointer_bytes", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        push(lake, bucket, ANNA)
    assert push(lake, bucket, ANNA, repair=True).lacking == []
    assert look_deep(bucket).faults == []


def test_the_command_ends_with_1_and_says_what_next(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = f"file://{tmp_path}/remote"
    push(lake, open_store(remote), ANNA, tag="paper-v1")
    file = take_snapshot(lake).files[0]
    add_run(lake, "run-b")
    push(lake, open_store(remote), ANNA)
    kept = (lake / file.path).read_bytes()
    for path in (tmp_path / "remote" / object_key(file.sha256), lake / file.path):
        path.unlink()
    assert main(["--lake", str(lake), "push", remote, "--repair"]) == 1
    out = capsys.readouterr().out
    assert f"{object_key(file.sha256)} is lost" in out
    assert "1 faults are left, which this lake cannot mend. Push with --repair from one that can" in out
    assert main(["--lake", str(lake), "push", remote, "--repair", "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["lacking"]) == 1
    (lake / file.path).write_bytes(kept)
    assert main(["--lake", str(lake), "push", remote, "--repair"]) == 0
    assert main(["--lake", str(lake), "status", remote, "--deep"]) == 0


def test_a_lake_that_is_behind_mends_before_it_is_told(
    lake: Path, tmp_path: Path, bucket: ObjectStore, s3: S3Server
) -> None:
    """It may be the only one that has what the pull it is told to do would need."""
    other = tmp_path / "other"
    push(lake, bucket, ANNA)
    pull(other, bucket)
    add_run(other, "run-b")
    push(other, bucket, BEN)
    first = take_snapshot(lake)
    spoil(s3, bucket, _object(first), "lost")
    with pytest.raises(BeatenError, match="runs that this lake lacks"):
        push(lake, bucket, ANNA, repair=True)
    assert look_deep(bucket).faults == []


@pytest.mark.parametrize("lost", [_index, _snapshot])
def test_a_snapshot_that_was_replaced_by_other_packs_of_its_rows_is_still_found_by_its_tag(
    tmp_path: Path, bucket: ObjectStore, s3: S3Server, lost: Callable[[Snapshot], str]
) -> None:
    lake, other = tmp_path / "lake", tmp_path / "other"
    for run_id, epochs in (("run-a", 20), ("run-b", 1)):  # a few rows are not merged with many
        add_run(lake, run_id, epochs)
        add_run(other, run_id, epochs)
        compact(other)
    push(lake, bucket, ANNA, tag="paper-v1")
    theirs = take_snapshot(lake)
    spoil(s3, bucket, lost(theirs), "lost")
    done = push(other, bucket, BEN, repair=True)
    assert (done.sequence, done.snapshot_id, done.lacking) == (2, theirs.snapshot_id, [])
    assert look_deep(bucket).faults == []
    assert pull(tmp_path / "mine", bucket, tag="paper-v1").snapshot_id == theirs.snapshot_id


def test_a_tag_that_was_lost_or_moved_comes_back(lake: Path, bucket: ObjectStore, s3: S3Server) -> None:
    push(lake, bucket, ANNA, tag="paper-v1")
    add_run(lake, "run-b")
    push(lake, bucket, ANNA, tag="paper-v2")
    before = s3.objects()
    for fault in ("lost", "altered", "moved"):
        if fault == "moved":
            value = bucket.get(tag_key("paper-v2")).data.replace(b"paper-v2", b"paper-v1")
            bucket.put(tag_key("paper-v1"), value)
        else:
            spoil(s3, bucket, tag_key("paper-v1"), fault)
        assert len(look_deep(bucket).faults) == 1
        assert push(lake, bucket, ANNA, repair=True).lacking == []
        assert s3.objects() == before


def test_a_commit_no_lake_has(lake: Path, first: Snapshot, bucket: ObjectStore, s3: S3Server) -> None:
    """Commits are in the remote alone."""
    (key,) = (
        name.removeprefix("lake/")
        for name, data in s3.objects().items()
        if b'"sequence": 1' in data and "commits" in name
    )
    spoil(s3, bucket, key, "lost")
    (said,) = push(lake, bucket, ANNA, repair=True).lacking
    assert f"{key} is lost: a later commit names it. Restore it from a copy" in said
    with pytest.raises(RemoteError, match="is lost"):
        pull(lake, bucket, snapshot_id=first.snapshot_id)
