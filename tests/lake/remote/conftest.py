"""A bucket behind a line that can be made faulty, and lakes to push from and pull into."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lake.append import append
from lake.remote.address import parse_address
from lake.remote.commits import Signed
from lake.remote.objects import ObjectStore
from lake.remote.settings import Access
from lake.schema import EPOCHS, RUNS
from tests.lake.remote.faults import FaultyLine
from tests.lake.remote.s3_server import BUCKET, S3Server
from tests.lake.rows import epoch_row, run_row

ANNA = Signed("anna@lab", "2026-03-01T12:00:00+00:00", "first results")
BEN = Signed("ben@lab", "2026-03-02T12:00:00+00:00")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    """The server with an empty bucket."""
    s3_server.backend.reset()
    s3_server.backend.create_bucket(BUCKET, "us-east-1")
    return s3_server


@pytest.fixture
def line(s3: S3Server) -> Iterator[FaultyLine]:
    line = FaultyLine(s3.port)
    yield line
    line.stop()


@pytest.fixture
def bucket(s3: S3Server, line: FaultyLine) -> ObjectStore:
    """The bucket, seen through the line by the user who may write."""
    return store_of(s3, line)


@dataclass(frozen=True)
class Straight:
    """The server itself, in a line's place."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def store_of(
    s3: S3Server,
    line: FaultyLine | Straight,
    user: str = "writer",
    *,
    address: str = f"s3://{BUCKET}/lake",
    timeout_s: float = 2.0,
) -> ObjectStore:
    keys = s3.keys[user]
    return ObjectStore(parse_address(address), Access(line.endpoint, "auto", keys.access, keys.secret), timeout_s)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries no time passes."""
    monkeypatch.setattr("lake.remote.patience.sleep", lambda seconds: None)


def add_run(root: Path, run_id: str, epochs: int = 2, value: float = 0.5) -> None:
    """A run that ended, with its curve."""
    append(root, RUNS, run_id, "001-running", [run_row()])
    append(root, RUNS, run_id, "001-complete", [run_row(status="complete")])
    append(root, EPOCHS, run_id, "epochs", [epoch_row(epoch=epoch, value=value) for epoch in range(epochs)])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address at which the folder `served` is given by a plain web server."""
    (tmp_path / "served").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
