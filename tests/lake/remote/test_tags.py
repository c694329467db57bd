"""A tag is given by a commit; its file only says where to look."""

from pathlib import Path
from unittest.mock import patch

import pytest

from lake.remote.commits import Commit, read_commit
from lake.remote.deep import look_deep
from lake.remote.errors import RemoteError
from lake.remote.layout import LATEST, commit_key, tag_key
from lake.remote.objects import ObjectStore
from lake.remote.pull import pull
from lake.remote.push import push
from tests.lake.remote.conftest import ANNA, BEN, Straight, add_run, store_of
from tests.lake.remote.faults import FaultyLine
from tests.lake.remote.s3_server import BUCKET, S3Server


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    add_run(tmp_path / "lake", "run-a")
    return tmp_path / "lake"


def test_a_lost_tag_is_found_and_its_name_stays_taken(lake: Path, bucket: ObjectStore, s3: S3Server) -> None:
    first = push(lake, bucket, ANNA, tag="paper-v1")
    add_run(lake, "run-b")
    push(lake, bucket, ANNA)
    s3.backend.delete_object(BUCKET, f"lake/{tag_key('paper-v1')}")
    (said,) = look_deep(bucket).faults
    assert f"tags/paper-v1.json is lost: it names the snapshot {first.snapshot_id[:12]}" in said
    assert "--repair writes it again" in said
    with pytest.raises(RemoteError, match=r"has a tag 'paper-v1' of the snapshot \w{12}, and tags do not move"):
        push(lake, bucket, ANNA, tag="paper-v1")


def test_a_tag_that_was_put_on_another_commit_is_found(lake: Path, bucket: ObjectStore) -> None:
    push(lake, bucket, ANNA, tag="paper-v1")
    add_run(lake, "run-b")
    push(lake, bucket, ANNA, tag="paper-v2")
    bucket.put(tag_key("paper-v1"), bucket.get(tag_key("paper-v2")).data.replace(b"paper-v2", b"paper-v1"))
    (said,) = look_deep(bucket).faults
    assert "tags/paper-v1.json was altered: it names the snapshot" in said


def test_a_name_for_what_is_published_already_is_a_commit_too(lake: Path, bucket: ObjectStore) -> None:
    first = push(lake, bucket, ANNA)
    named = push(lake, bucket, ANNA, tag="paper-v1")
    assert (named.sequence, named.snapshot_id, named.objects_sent) == (2, first.snapshot_id, 0)
    assert read_commit(bucket, named.commit_id).tags == {"paper-v1": first.snapshot_id}
    assert not push(lake, bucket, ANNA, tag="paper-v1").is_new
    assert not push(lake, bucket, ANNA).is_new


def test_a_tag_whose_file_was_not_put_is_made_good_by_the_next_push(lake: Path, bucket: ObjectStore) -> None:
    with patch("lake.remote.push.put_tag", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        push(lake, bucket, ANNA, tag="paper-v1")
    assert len(look_deep(bucket).faults) == 1
    assert not push(lake, bucket, ANNA, tag="paper-v1").is_new
    assert look_deep(bucket).faults == []


def test_a_name_that_is_taken_is_refused_before_anything_is_sent(lake: Path, bucket: ObjectStore, s3: S3Server) -> None:
    push(lake, bucket, ANNA, tag="paper-v1")
    before = s3.objects()
    add_run(lake, "run-b")
    with pytest.raises(RemoteError, match=r"tags do not move\. Nothing was published\. Choose another name"):
        push(lake, bucket, ANNA, tag="paper-v1")
    assert s3.objects() == before


def test_who_loses_a_name_after_publishing_is_told_that_it_is_published(
    lake: Path, s3: S3Server, line: FaultyLine
) -> None:
    """To an older version, which puts the file of a tag and records nothing."""
    store, direct = store_of(s3, line), store_of(s3, Straight(s3.port))
    push(lake, store, ANNA, tag="theirs")
    value = direct.get(tag_key("theirs")).data.replace(b'"theirs"', b'"paper-v1"')
    add_run(lake, "run-b")

    def first(method: str, path: str) -> None:
        if method == "PUT" and LATEST in path:
            direct.put(tag_key("paper-v1"), value)

    line.decide = first
    with pytest.raises(RemoteError, match=r"commit 2 of \S+ was published, but not as 'paper-v1'.*another name"):
        push(lake, store, BEN, tag="paper-v1")


def test_a_commit_without_tags_has_the_bytes_and_the_id_it_always_had() -> None:
    commit = Commit(1, None, "a" * 64, "b" * 64, "n", "anna@lab", "now", "first")
    assert b"tags" not in commit.data
    assert commit.commit_id == "e4e9a888685be53c4c97dfa92bbbf1a3fa628afe865bf1c802d3538b10a42dc0"


@pytest.mark.parametrize("tags", [{"../x": "a" * 64}, {"x": "../y"}, {"x": 1}])
def test_a_commit_with_tags_that_are_none_is_refused(bucket: ObjectStore, tags: dict[str, str]) -> None:
    commit = Commit(1, None, "a" * 64, "b" * 64, "n", "anna@lab", "", "", tags)
    bucket.put(commit_key(commit.commit_id), commit.data)
    with pytest.raises(RemoteError, match="was altered"):
        read_commit(bucket, commit.commit_id)


def test_tags_go_with_the_chain_whoever_pushes(lake: Path, tmp_path: Path, bucket: ObjectStore) -> None:
    first = push(lake, bucket, ANNA, tag="paper-v1")
    pull(tmp_path / "other", bucket)
    add_run(tmp_path / "other", "run-b")
    newest = push(tmp_path / "other", bucket, BEN)
    assert read_commit(bucket, newest.commit_id).tags == {"paper-v1": first.snapshot_id}
