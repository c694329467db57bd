"""Answers one request for a file of the site."""

import re
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from loaders.headers import headers_for, read_headers

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class SiteHandler(BaseHTTPRequestHandler):
    """GET and HEAD of files below `root`; anything else is 404 or 501."""

    root: Path
    protocol_version = "HTTP/1.1"
    server_version = "kd-gat"
    sys_version = ""
    timeout = 30  # an idle connection does not keep its thread
    disable_nagle_algorithm = True  # a small file would wait 40 ms for the head to be acknowledged
    wbufsize = 1 << 16  # head and small bodies leave in one write

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_GET  # noqa: N815, the name http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the terminal shows the address and what goes wrong, not every file."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        found = file_below(self.root, path)
        if found is not None and found.is_dir():
            if not path.endswith("/"):
                return self._redirect(quote(path) + "/")
            found = found / "index.html"
        if found is None or not found.is_file():
            return self._send_file(self.root / "404.html", HTTPStatus.NOT_FOUND, path)
        self._send_file(found, HTTPStatus.OK, path)

    def _redirect(self, target: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", "/" + target.lstrip("/"))  # never //host, which is another origin
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(self, file: Path, status: HTTPStatus, path: str) -> None:
        try:
            opened = file.open("rb")
        except OSError:  # replaced by a build this very moment, or a site without a 404 page
            return self._send_plain(HTTPStatus.NOT_FOUND)
        with opened:
            size = file.stat().st_size
            etag = f'"{file.stat().st_mtime_ns:x}-{size:x}"'
            if status == HTTPStatus.OK and etag in (self.headers.get("If-None-Match") or ""):
                return self._send_head(HTTPStatus.NOT_MODIFIED, path, {"ETag": etag})
            about = {
                "ETag": etag,
                "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True),
                "Content-Type": _TYPES.get(file.suffix, "application/octet-stream"),
            }
            self._send_range(opened, size, status, path, about)

    def _send_range(self, opened: BinaryIO, size: int, status: HTTPStatus, path: str, about: dict[str, str]) -> None:
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        part = (0, size)
        if wanted and status == HTTPStatus.OK and condition in (None, about["ETag"]):
            chosen = byte_range(wanted, size)
            if chosen == "unsatisfiable":
                return self._send_head(
                    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, path,
                    {"Content-Range": f"bytes */{size}", "Content-Length": "0"},
                )  # fmt: skip
            if isinstance(chosen, tuple):
                status, part = HTTPStatus.PARTIAL_CONTENT, chosen
                about["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{size}"
        self._send_head(status, path, {**about, "Accept-Ranges": "bytes", "Content-Length": str(part[1] - part[0])})
        if self.command == "GET":
            opened.seek(part[0])
            _copy(opened, self.wfile, part[1] - part[0])

    def _send_head(self, status: HTTPStatus, path: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        rules = headers_for(read_headers(self.root / "_headers"), path)
        for name, value in {**rules, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_plain(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def file_below(root: Path, path: str) -> Path | None:
    """The file that a request path names, or None where it leaves `root` or names a hidden file."""
    parts = [part for part in path.split("/") if part]
    if "\0" in path or any(part.startswith(".") or part == "_headers" or "\\" in part for part in parts):
        return None
    found = root.joinpath(*parts)
    return found if found.resolve().is_relative_to(root.resolve()) else None


def byte_range(header: str, size: int) -> tuple[int, int] | str | None:
    """[start, end) of a single range, "unsatisfiable", or None where the whole file is to be sent."""
    match = _RANGE.fullmatch(header.strip())
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:  # the last N bytes
        length = min(int(last), size)
        return (size - length, size) if length else "unsatisfiable"
    start, end = int(first), min(int(last) + 1 if last else size, size)
    if last and int(last) < start:
        return None
    return (start, end) if start < size else "unsatisfiable"


def _copy(source: BinaryIO, target: BufferedIOBase, length: int) -> None:
    while length > 0 and (chunk := source.read(min(length, 1 << 18))):
        target.write(chunk)
        length -= len(chunk)
