import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from loaders.errors import SiteError
from loaders.headers import site_headers, write_headers
from loaders.node import REPOSITORY
from loaders.requests import byte_range
from loaders.serve import check_site, listen
from tests.browser import served

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def site(tmp_path: Path) -> Path:
    out = tmp_path / "site"
    (out / "data").mkdir(parents=True)
    (out / "paper").mkdir()
    (out / "index.html").write_text("<!doctype html>home")
    (out / "404.html").write_text("<!doctype html>nothing here")
    (out / "paper" / "index.html").write_text("<!doctype html>paper")
    (out / "data" / "manifest.json").write_text("{}")
    (out / "data" / "runs.parquet").write_bytes(CONTENT)
    (out / "engine.wasm.gz").write_bytes(b"\x1f\x8b")
    write_headers(out / "_headers", site_headers(paper_is_quarto=False))
    (tmp_path / "secret.txt").write_text("not of the site")
    (out / "link.txt").symlink_to(tmp_path / "secret.txt")
    return out


@pytest.fixture
def connection(site: Path) -> Iterator[HTTPConnection]:
    with served(site) as url:
        connection = HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=20)
        yield connection
        connection.close()


def ask(connection: HTTPConnection, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize(
    ("wanted", "part", "content_range"),
    [
        ("bytes=0-99", CONTENT[:100], "bytes 0-99/2048"),
        ("bytes=2000-", CONTENT[2000:], "bytes 2000-2047/2048"),
        ("bytes=-8", CONTENT[-8:], "bytes 2040-2047/2048"),
        ("bytes=-9999", CONTENT, "bytes 0-2047/2048"),
        ("bytes=2047-9999", CONTENT[2047:], "bytes 2047-2047/2048"),
    ],
)
def test_a_range_gives_that_part(connection: HTTPConnection, wanted: str, part: bytes, content_range: str) -> None:
    response, body = ask(connection, "/data/runs.parquet", Range=wanted)
    assert (response.status, body) == (206, part)
    assert response.getheader("Content-Range") == content_range
    assert response.getheader("Content-Length") == str(len(part))


@pytest.mark.parametrize("wanted", ["bytes=2048-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_the_file_is_416(connection: HTTPConnection, wanted: str) -> None:
    response, body = ask(connection, "/data/runs.parquet", Range=wanted)
    assert (response.status, body) == (416, b"")
    assert response.getheader("Content-Range") == "bytes */2048"


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "bytes=9-2", "bytes=a-b", "bytes=-", "lines=0-1"])
def test_a_range_that_is_none_gives_the_whole_file(connection: HTTPConnection, wanted: str) -> None:
    assert byte_range(wanted, 2048) is None
    response, body = ask(connection, "/data/runs.parquet", Range=wanted)
    assert (response.status, body) == (200, CONTENT)


def test_the_same_file_again_is_304(connection: HTTPConnection) -> None:
    first, _ = ask(connection, "/data/runs.parquet")
    etag = first.getheader("ETag") or ""
    assert first.getheader("Accept-Ranges") == "bytes"
    again, body = ask(connection, "/data/runs.parquet", If_None_Match=etag)
    assert (again.status, body) == (304, b"")
    assert ask(connection, "/data/runs.parquet", If_None_Match='"other"')[0].status == 200


def test_a_range_of_another_version_gives_the_whole_file(connection: HTTPConnection, site: Path) -> None:
    etag = ask(connection, "/data/runs.parquet")[0].getheader("ETag") or ""
    assert ask(connection, "/data/runs.parquet", Range="bytes=0-9", If_Range=etag)[0].status == 206
    (site / "data" / "runs.parquet").write_bytes(CONTENT + b"more")
    response, body = ask(connection, "/data/runs.parquet", Range="bytes=0-9", If_Range=etag)
    assert (response.status, body) == (200, CONTENT + b"more")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/data/manifest.json", "application/json"),
        ("/data/runs.parquet", "application/vnd.apache.parquet"),
        ("/engine.wasm.gz", "application/gzip"),
    ],
)
def test_head_tells_type_and_length_without_the_body(connection: HTTPConnection, path: str, kind: str) -> None:
    response, body = ask(connection, path, "HEAD")
    assert (response.status, body) == (200, b"")
    assert response.getheader("Content-Type") == kind
    assert int(response.getheader("Content-Length") or 0) > 0
    assert response.getheader("Content-Encoding") is None
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert "default-src 'none'" in (response.getheader("Content-Security-Policy") or "")


def test_a_folder_gives_its_page(connection: HTTPConnection) -> None:
    assert ask(connection, "/paper/")[1] == b"<!doctype html>paper"
    response, _ = ask(connection, "/paper")
    assert (response.status, response.getheader("Location")) == (301, "/paper/")


@pytest.mark.parametrize(
    "path",
    ["/none", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/_headers", "/.git/config", "/%00", "/data/",
     "//secret.txt", "/..%5csecret.txt"],
)  # fmt: skip
def test_what_is_not_of_the_site_is_404(connection: HTTPConnection, path: str) -> None:
    response, body = ask(connection, path)
    assert (response.status, body) == (404, b"<!doctype html>nothing here")


def test_a_redirect_stays_on_this_server(connection: HTTPConnection) -> None:
    response, _ = ask(connection, "//paper")
    assert (response.status, response.getheader("Location")) == (301, "/paper/")


def test_only_get_and_head_are_answered(connection: HTTPConnection) -> None:
    assert ask(connection, "/", "POST")[0].status == 501


def test_a_busy_port_is_an_error_with_a_way_out(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SiteError, match=rf"port {port} is in use\. Choose another.*--port 0"):
            listen(site, port)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_is_none_is_an_error(site: Path, port: int) -> None:
    with pytest.raises(SiteError, match=f"port {port} cannot be used"):
        listen(site, port)


def test_a_folder_without_a_site_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"holds no site yet. Build it: \./run site"):
        check_site(tmp_path)


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "loaders", "serve", *arguments]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_prints_its_address_and_ends_on_ctrl_c(site: Path) -> None:
    with start("--out", str(site), "--port", "0") as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        connection = HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=20)
        assert ask(connection, "/")[1] == b"<!doctype html>home"
        connection.close()
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "serve: stopped" in said
    assert "Traceback" not in said


def test_the_command_refuses_a_busy_port_without_a_traceback(site: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        start("--out", str(site), "--port", str(taken.getsockname()[1])) as server,
    ):
        printed, said = server.communicate(timeout=20)
    assert (server.returncode, printed) == (1, "")
    assert said.startswith("serve: port ")
    assert "Traceback" not in said


def test_no_serve_prints_where_the_site_lies(site: Path) -> None:
    with start("--out", str(site), "--no-serve") as server:
        printed, _ = server.communicate(timeout=20)
    assert (server.returncode, printed.strip()) == (0, str(site / "index.html"))
