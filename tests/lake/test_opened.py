"""`lake.open`: the same answers from a folder, a snapshot, a bucket and a web server."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import lake
from lake.append import append, append_arrow
from lake.errors import LakeError
from lake.remote.commits import Signed
from lake.remote.opening import open_store
from lake.remote.push import push
from lake.schema import EPOCHS
from lake.snapshot import take_snapshot
from lake.tags import put_tag
from tests.lake.rows import epoch_row
from tests.lake_fixture import made_up_lake

ASKED = "SELECT metric, count(*) AS n, round(avg(value), 9) AS mean FROM epochs GROUP BY metric ORDER BY metric"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made_up_lake(tmp_path / "lake", seeds=(1, 2))
    return tmp_path / "lake"


def test_a_table_and_a_query_come_as_relation_arrow_and_polars(root: Path) -> None:
    with lake.open(root) as opened:
        assert "runs" in opened.tables
        assert "epoch_events" in opened.tables
        rows = opened.sql(ASKED).fetchall()
        assert opened.arrow(ASKED).num_rows == len(rows) > 0
        assert opened.polars(ASKED).rows() == rows
        assert opened.polars("runs").height == opened.arrow("runs").num_rows > 5
        assert opened.sql("SELECT $a + 1 AS b", {"a": 1}).fetchall() == [(2,)]
        with pytest.raises(LakeError, match=r"(?s)DuckDB refuses the query: .*Tables: artifacts"):
            opened.sql("SELECT nothing FROM runs")


def test_a_snapshot_is_opened_by_id_by_name_and_by_its_file(root: Path) -> None:
    snapshot = take_snapshot(root)
    put_tag(root, "paper-v1", snapshot)
    append(root, EPOCHS, "made_up-prepare", "more", [epoch_row()])
    count = "SELECT count(*) FROM epochs"
    with lake.open(root) as opened:
        (every,) = opened.sql(count).fetchall()[0]
    places = [
        (root, snapshot.snapshot_id[:12]),
        (root, "paper-v1"),
        (root / f"snapshots/{snapshot.snapshot_id}.json", None),
    ]
    for where, name in places:
        with lake.open(where, name) as opened:
            assert opened.snapshot == snapshot
            assert opened.sql(count).fetchall() == [(every - 1,)]
    with pytest.raises(LakeError, match=r"no snapshot .* begins with 'paper-v2'"):
        lake.open(root, "paper-v2")


def test_what_is_no_lake_is_said(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "nowhere", "file:///nowhere/at/all", "ftp://host/x"):
        with pytest.raises(LakeError):
            lake.open(where)


class Ranges(SimpleHTTPRequestHandler):
    """A plain web server of files with byte ranges, which counts the bytes it sends."""

    protocol_version = "HTTP/1.1"
    sent = 0

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        data, wanted = path.read_bytes(), self.headers.get("Range", "")
        start, stop = 0, len(data)
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last or len(data)) + 1, len(data))
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", f'"{len(data)}"')
        self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.end_headers()
        Ranges.sent += stop - start
        self.wfile.write(data[start:stop])

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "remote").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/remote"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_remote_snapshot_gives_the_same_answer_and_sends_what_the_query_needs(
    root: Path, tmp_path: Path, web: str
) -> None:
    import pyarrow as pa

    many = pa.table({
        "attempt": pa.repeat(1, 1_000_000), "epoch": pa.array(range(1_000_000)), "split": pa.repeat("train", 1_000_000),
        "metric": pa.repeat("loss", 1_000_000), "value": pa.array([n / 7 for n in range(1_000_000)]),
    })  # fmt: skip
    append_arrow(root, EPOCHS, "made_up-prepare", "many", many)
    push(root, open_store(f"file://{tmp_path}/remote"), Signed("a test", "for a test"))
    with lake.open(root) as here:
        expected = here.sql(ASKED).fetchall()
    for where in (f"file://{tmp_path}/remote", web):
        with lake.open(where) as there:
            assert there.sql(ASKED).fetchall() == expected
    whole = sum(path.stat().st_size for path in (tmp_path / "remote" / "objects").iterdir())
    Ranges.sent = 0
    with lake.open(web, tables=["epochs"]) as there:
        assert there.sql("SELECT value FROM epochs WHERE run_id = 'made_up-prepare' AND epoch = 7").fetchall() == [
            (1.0,)
        ]
    assert 0 < Ranges.sent < whole / 3


def test_a_server_that_gives_no_pieces_is_said_with_what_to_do(root: Path, tmp_path: Path) -> None:
    """DuckDB asks for pieces and would show the traceback of what it was answered."""

    class Whole(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

    push(root, open_store(f"file://{tmp_path}/remote"), Signed("a test", "for a test"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Whole, directory=str(tmp_path / "remote")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    where = f"http://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(LakeError, match=rf"byte ranges, or pull it .*: \./run lake pull {where}$") as caught:
            lake.open(where)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "Traceback" not in str(caught.value)


def test_what_a_query_meets_while_it_is_answered_is_told_as_its_refusal(root: Path) -> None:
    with lake.open(root) as opened, pytest.raises(LakeError, match="DuckDB refuses the query: Conversion Error"):
        opened.arrow("SELECT CAST(run_id AS INTEGER) FROM runs")
