"""A bucket and a folder keep the same promises."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.files import write_whole
from lake.remote.disk import FolderStore
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import LATEST
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.store import Store
from tests.conftest import Python
from tests.lake.remote.conftest import store_of
from tests.lake.remote.faults import FaultyLine
from tests.lake.remote.s3_server import BUCKET, S3Server


@pytest.fixture(params=["bucket", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(f"file://{tmp_path}/remote")
    bucket: ObjectStore = request.getfixturevalue("bucket")
    return bucket


def test_a_file_is_there_once_it_is_put(store: Store) -> None:
    with pytest.raises(MissingError, match=r"objects/a does not exist"):
        store.get("objects/a")
    assert store.head("objects/a") is None
    store.put("objects/a", b"0123456789")
    assert store.get("objects/a").data == b"0123456789"
    assert store.read_range("objects/a", 2, 3) == b"234"
    assert b"".join(store.stream("objects/a", 10)) == b"0123456789"
    assert store.head("objects/a") == 10
    store.put("objects/a", b"other")
    assert store.get("objects/a").data == b"other"


def test_a_file_that_is_there_is_not_put_again(store: Store) -> None:
    assert store.put_if_absent("commits/a.json", b"first")
    assert not store.put_if_absent("commits/a.json", b"second")
    assert store.get("commits/a.json").data == b"first"


def test_the_pointer_moves_only_from_where_it_was_seen(store: Store) -> None:
    assert store.put_if_match(LATEST, b"one", None)
    assert not store.put_if_match(LATEST, b"uno", None)
    one = store.get(LATEST)
    assert store.put_if_match(LATEST, b"two", one.etag)
    assert not store.put_if_match(LATEST, b"due", one.etag)
    two = store.get(LATEST)
    assert two.data == b"two"
    assert two.etag != one.etag


def test_a_listing_has_what_is_below_the_prefix(store: Store) -> None:
    for number in range(1005):  # more than a page of a bucket's answer
        if number < 3 or isinstance(store, FolderStore):
            store.put(f"objects/{number:04}", b"x" * (number % 7))
    store.put("snapshots/s.json", b"{}")
    listed = dict(store.list("objects"))
    assert listed["objects/0002"] == 2
    assert "snapshots/s.json" not in listed
    assert dict(store.list()) == {**listed, "snapshots/s.json": 2}
    assert list(store.list("nothing")) == []


def test_of_many_who_put_the_pointer_at_once_one_is_let_through(store: Store) -> None:
    start = threading.Barrier(8)
    won: list[int] = []

    def put(number: int) -> None:
        start.wait()
        if store.put_if_match(LATEST, str(number).encode(), None):
            won.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.get(LATEST).data == str(won[0]).encode()


def test_a_listing_goes_over_pages(s3: S3Server, bucket: ObjectStore) -> None:
    for number in range(2100):
        s3.backend.put_object(BUCKET, f"lake/objects/{number:04}", b"x")
    assert len(dict(bucket.list("objects"))) == 2100


def test_a_bucket_may_be_used_from_its_root(s3: S3Server, line: FaultyLine) -> None:
    store = store_of(s3, line, address=f"s3://{BUCKET}")
    store.put("objects/a", b"mine")
    assert set(s3.objects()) == {"objects/a"}
    assert dict(store.list()) == dict(store.list("objects")) == {"objects/a": 4}


def test_files_have_the_headers_a_browser_needs(s3: S3Server, bucket: ObjectStore) -> None:
    told = {}
    for key in ("objects/a.parquet", "snapshots/a.json", "commits/a.json", "tags/a.json", LATEST):
        bucket.put_if_absent(key, b"x")
        found = s3.backend.get_object(BUCKET, f"lake/{key}").metadata
        told[key] = (found["content-type"], found["cache-control"])
    for_ever = "public, max-age=31536000, immutable"
    assert told == {
        "objects/a.parquet": ("application/vnd.apache.parquet", for_ever),
        "snapshots/a.json": ("application/json", for_ever),
        "commits/a.json": ("application/json", for_ever),
        "tags/a.json": ("application/json", "no-cache"),
        LATEST: ("application/json", "no-cache"),
    }


def test_the_environment_of_a_process_does_not_reach_past_our_settings(
    s3: S3Server, line: FaultyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """obstore reads these by itself, where it is let."""
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_SESSION_TOKEN": "of another", "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true", "AWS_ACCESS_KEY_ID": "of another", "AWS_REGION": "eu-west-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    store = store_of(s3, line)
    store.put("objects/a", b"mine")
    assert store.get("objects/a").data == b"mine"


def test_the_copy_of_a_folders_pointer_ends_as_the_newest(tmp_path: Path) -> None:
    store = FolderStore("file:///x", tmp_path)
    for number in range(3):
        assert store.put_if_match(LATEST, str(number).encode(), str(number) if number else None)
    assert (tmp_path / LATEST).read_bytes() == b"2"


def test_a_copy_that_is_written_late_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a publisher's look at the versions and its writing of the copy, another publishes."""
    store = FolderStore("file:///x", tmp_path)
    others = [lambda: store.put_if_match(LATEST, b"newer", "1")]

    def late(path: Path, data: bytes) -> None:
        if path.name == LATEST and others:
            others.pop()()
        write_whole(path, data)

    monkeypatch.setattr("lake.remote.disk.write_whole", late)
    assert store.put_if_match(LATEST, b"older", None)
    assert (tmp_path / LATEST).read_bytes() == store.get(LATEST).data == b"newer"


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"{}")])
def test_a_folders_copy_of_the_pointer_is_looked_at_and_mended(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    store = FolderStore("file:///x", tmp_path)
    assert store.copy_fault() is None, "nothing was published yet"
    store.put_if_match(LATEST, b"newest", None)
    harm(tmp_path / LATEST)
    assert "which pages read, is not the newest pointer" in (store.copy_fault() or "")
    store.mend_copy()
    assert store.copy_fault() is None
    assert (tmp_path / LATEST).read_bytes() == b"newest"


def test_a_folder_that_was_copied_without_hidden_files_goes_on_from_the_copy(tmp_path: Path) -> None:
    store = FolderStore("file:///x", tmp_path)
    store.put_if_match(LATEST, b"one", None)
    shutil.rmtree(tmp_path / ".latest")
    seen = store.get(LATEST)
    assert seen.data == b"one"
    assert store.put_if_match(LATEST, b"two", seen.etag)
    assert not store.put_if_match(LATEST, b"other", seen.etag)
    assert store.get(LATEST).data == (tmp_path / LATEST).read_bytes() == b"two"


def test_in_a_folder_only_the_pointer_is_compared_and_set(tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match=r"only latest\.json is compared and set"):
        FolderStore("file:///x", tmp_path).put_if_match("tags/a.json", b"", None)


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, without_override: Python) -> None:
    """What is in it would look lost."""
    store = open_store(f"file://{tmp_path}/remote")
    store.put("objects/aa/one", b"1")
    store.put("objects/bb/two", b"2")
    code = f"from lake.remote.opening import open_store; print(list(open_store('file://{tmp_path}/remote').list()))"
    closed = tmp_path / "remote" / "objects" / "aa"
    closed.chmod(0o300)
    done = without_override("-c", code)
    closed.chmod(0o755)
    assert done.stdout == ""
    assert "RemoteError" in done.stderr
    assert f"{closed} cannot be read: permission denied. Make it readable" in done.stderr
