"""What a person can put right is said in a sentence with the address, the reason and what to do."""

import re
from pathlib import Path

import obstore.exceptions as told
import pytest

from lake.remote.address import parse_address
from lake.remote.errors import RemoteError, UnsureError
from lake.remote.layout import MARKER, check_remote
from lake.remote.objects import ObjectStore
from lake.remote.opening import open_store
from lake.remote.push import push
from lake.remote.refusals import explained
from lake.remote.settings import Access
from lake.remote.status import status
from tests.lake.remote.conftest import ANNA, add_run, store_of
from tests.lake.remote.faults import FaultyLine
from tests.lake.remote.s3_server import BUCKET, S3Server


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    add_run(tmp_path / "lake", "run-a")
    return tmp_path / "lake"


def with_keys(line: FaultyLine, access: str, secret: str) -> ObjectStore:
    return ObjectStore(parse_address(f"s3://{BUCKET}/lake"), Access(line.endpoint, "auto", access, secret), 2.0)


@pytest.mark.parametrize("verb", ["push", "status"])
def test_keys_that_the_service_does_not_know(lake: Path, s3: S3Server, line: FaultyLine, verb: str) -> None:
    for store in (with_keys(line, "AKIAUNKNOWN", "x"), with_keys(line, s3.keys["writer"].access, "wrong")):
        said = (
            r"s3://lab-results/lake: http://127\S+ does not know these keys \((InvalidAcc|Signature)\w+\). Check AWS_"
        )
        with pytest.raises(RemoteError, match=said):
            push(lake, store, ANNA) if verb == "push" else status(lake, store)


def test_keys_that_may_not(lake: Path, s3: S3Server, line: FaultyLine, bucket: ObjectStore) -> None:
    with pytest.raises(RemoteError, match=r"these keys may not read lake.json \(AccessDenied\). Have the bucket's"):
        push(lake, store_of(s3, line, "stranger"), ANNA)
    with pytest.raises(RemoteError, match=r"these keys may not write lake.json \(AccessDenied\)"):
        push(lake, store_of(s3, line, "reader"), ANNA)
    push(lake, bucket, ANNA)
    assert status(lake, store_of(s3, line, "reader")).state == "even"


def test_a_bucket_that_is_not_there(lake: Path, s3: S3Server, line: FaultyLine) -> None:
    store = store_of(s3, line, address="s3://other-bucket/lake")
    with pytest.raises(RemoteError, match=r"s3://other-bucket/lake: there is no such bucket at http://127\S+\. Check"):
        push(lake, store, ANNA)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        (
            b'{"format": "kd-gat-lake-remote", "project": "another", "layout": 1}',
            "belongs to another project: .*'another'",
        ),
        (b'{"format": "terraform-state"}', "belongs to another project: .* format 'terraform-state'"),
        (
            b'{"format": "kd-gat-lake-remote", "project": "kd-gat", "layout": 2}',
            "has layout 2, this code knows",
        ),
        (b"<html>", "lake.json is not what a remote has there: b'<html>'"),
        (b"[" * 100_000, "is not what a remote has there"),
    ],
)
def test_a_place_of_another_project_is_left_alone(
    lake: Path, s3: S3Server, bucket: ObjectStore, marker: bytes, said: str
) -> None:
    bucket.put(MARKER, marker)
    for act in (lambda: push(lake, bucket, ANNA), lambda: status(lake, bucket)):
        with pytest.raises(RemoteError, match=said):
            act()
    assert s3.objects() == {f"lake/{MARKER}": marker}


def test_a_place_with_other_files_is_left_alone(lake: Path, s3: S3Server, bucket: ObjectStore) -> None:
    bucket.put("holiday/beach.jpg", b"sand")
    with pytest.raises(RemoteError, match=r"is not empty and holds no lake: it has 'holiday/beach.jpg' but"):
        push(lake, bucket, ANNA)
    assert set(s3.objects()) == {"lake/holiday/beach.jpg"}


def test_an_endpoint_where_nothing_listens(lake: Path, no_waiting: None) -> None:
    store = ObjectStore(parse_address("s3://lab/x"), Access("http://127.0.0.1:9", "auto", "a", "b"), 1.0)
    with pytest.raises(UnsureError, match=r"s3://lab/x: http://127.0.0.1:9 cannot be reached: nothing listens there"):
        push(lake, store, ANNA)


def test_an_endpoint_that_never_answers(lake: Path, s3: S3Server, line: FaultyLine, no_waiting: None) -> None:
    line.decide = lambda method, path: "withheld"
    with pytest.raises(UnsureError, match="cannot be reached: no answer came in time"):
        push(lake, store_of(s3, line, timeout_s=0.2), ANNA)


def test_a_service_that_is_down(lake: Path, s3: S3Server, line: FaultyLine, no_waiting: None) -> None:
    line.decide = lambda method, path: "503"
    with pytest.raises(UnsureError, match=r"answers 503 SlowDown to every try. Run the same command again later"):
        push(lake, store_of(s3, line), ANNA)


def test_a_web_address_is_read_and_takes_nothing(lake: Path, tmp_path: Path, served: str) -> None:
    """The folder of a remote behind an ordinary web server."""
    push(lake, open_store(f"file://{tmp_path}/served"), ANNA)
    web = open_store(served)
    check_remote(web)
    assert status(lake, web).state == "even"
    add_run(lake, "run-b")
    with pytest.raises(RemoteError, match=r"is read only: a web address gives and does not take. Use s3://"):
        push(lake, web, ANNA)


def test_a_folder_that_cannot_be_written(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RemoteError, match="not a directory"):
        push(lake, open_store(f"file://{tmp_path}/file/remote"), ANNA)


@pytest.mark.parametrize("place", ["lake", "lake/sub", "lake/runs/merged", ".", "link", "link/sub", "up"])
@pytest.mark.parametrize("root", ["lake", "link"])
def test_a_folder_in_the_lake_or_around_it_is_no_remote_of_it(
    lake: Path, tmp_path: Path, place: str, root: str
) -> None:
    (tmp_path / "link").symlink_to(lake)
    (tmp_path / "up").symlink_to(tmp_path)
    folder = tmp_path if place == "." else tmp_path / place
    before = sorted(lake.rglob("*"))
    with pytest.raises(
        RemoteError, match=r"file://\S+ (is|lies in|contains) the lake \S+lake\b.*Push to a folder apart"
    ):
        push(tmp_path / root, open_store(f"file://{folder}"), ANNA)
    assert sorted(lake.rglob("*")) == before
    assert push(lake, open_store(f"file://{tmp_path}/lake-remote"), ANNA).is_new


def answer(status: str, code: str, message: str = "") -> Exception:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return told.GenericError(
        f"Generic S3 error: Server returned non-2xx status code: {status}: {body}\n\nDebug source: x"
    )


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (answer("400 Bad Request", "InvalidArgument", "Credential access key has length 5"), RemoteError, "these keys"),
        (answer("401 Unauthorized", "Unauthorized"), RemoteError, r"does not know these keys \(Unauthorized\)"),
        (answer("400 Bad Request", "ExpiredToken"), RemoteError, r"does not know these keys \(ExpiredToken\)"),
        (answer("301 Moved", "PermanentRedirect"), RemoteError, "the bucket is elsewhere .*Set AWS_REGION"),
        (answer("403 Forbidden", "RequestTimeTooSkewed"), RemoteError, "this machine's clock is too far off"),
        (answer("409 Conflict", "ConditionalRequestConflict"), UnsureError, "answers 409 ConditionalRequestConflict"),
        (answer("429 Too Many", "TooManyRequests"), UnsureError, "answers 429"),
        (
            answer("413 Too Large", "EntityTooLarge", "5 GB"),
            RemoteError,
            "refuses to write k: 413 EntityTooLarge '5 GB'",
        ),
        (told.GenericError("error sending request\n\nDebug source: dns error"), UnsureError, "its name is not known"),
        (told.GenericError("x\n\nDebug source: invalid peer certificate"), UnsureError, "its certificate is not one"),
    ],
)
def test_each_answer_of_a_service_has_its_sentence(error: Exception, kind: type, said: str) -> None:
    """Among them those that R2 and AWS give and the server here does not."""
    found = explained(error, "s3://lab/x", "k", "put", "https://r2")
    assert type(found) is kind
    assert re.search(f"^s3://lab/x: .*{said}", str(found))
    assert str(found).endswith(".")


def test_a_panic_of_the_library_is_an_error(lake: Path) -> None:
    """It takes an endpoint that is none; here it is told one that no setting lets through."""
    store = ObjectStore(parse_address(f"s3://{BUCKET}/lake"), Access("http://127.0.0.1:99999", "auto", "a", "b"), 2.0)
    with pytest.raises(RemoteError, match=r"the library that speaks to http://127\.0\.0\.1:99999 gave up"):
        push(lake, store, ANNA)
