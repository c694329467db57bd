"""Datasets are fetched from a real server on this machine: whole, resumed, checked, or refused with the reason."""

import hashlib
import json
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline import data_fetch
from pipeline.__main__ import main
from pipeline.data_catalogue import Dataset, Source, load_catalogue
from pipeline.data_fetch import fetch_dataset
from pipeline.errors import CaptureError, ConfigError
from pipeline.settings import Settings

CONTENT = bytes(range(256)) * 4_000


@dataclass
class Publisher:
    """Files by path; what was asked for, and how the next answers go wrong."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    has_ranges: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes that the next answers stop at
    statuses: list[int] = field(default_factory=list)  # of the next answers


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    state = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.asked.append((self.path, asked))
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            if self.path not in state.files:
                self.send_error(404)
                return
            content = state.files[self.path]
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and state.has_ranges else 0
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = start + state.cut_after.pop(0) if state.cut_after else len(content)
            self.wfile.write(content[start:stop])

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}/"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def fetched(
    publisher: Publisher, source: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> dict[str, Any]:
    row = Dataset(
        title="a set", root="a", reader="daga", licence="MIT", citation="none", address="the page",
        source=Source.model_validate(source),
    )  # fmt: skip
    monkeypatch.setattr(data_fetch, "find_dataset", lambda name: row)
    records = dict.fromkeys(("zenodo", "figshare"), publisher.address + "{record}")
    return fetch_dataset("a", settings(folder), lambda line: None, records=records, pause_s=0)


def settings(folder: Path) -> Settings:
    return Settings(lake=folder / "lake", runs=folder / "runs", data=folder)


def files(publisher: Publisher, **digests: str) -> dict[str, Any]:
    publisher.files.setdefault("/clean/one.zip", CONTENT)
    return {"kind": "files", "address": publisher.address, "files": ["clean/one.zip"], "sha256": digests}


SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_a_file_arrives_whole_and_is_not_fetched_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = files(publisher) | {"sha256": {"clean/one.zip": SHA256}}
    for _ in range(2):
        found = fetched(publisher, source, monkeypatch, tmp_path)
    assert (tmp_path / "a" / "clean" / "one.zip").read_bytes() == CONTENT
    assert found["files"] == [{"path": str(tmp_path / "a/clean/one.zip"), "sha256": SHA256, "was_checked": True}]
    assert len(publisher.asked) == 1
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("has_ranges", [True, False])
def test_what_was_cut_off_goes_on_from_there(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_ranges: bool
) -> None:
    publisher.cut_after, publisher.has_ranges = [300_000, 400_000], has_ranges
    source = files(publisher) | {"sha256": {"clean/one.zip": SHA256}}
    fetched(publisher, source, monkeypatch, tmp_path)
    assert (tmp_path / "a" / "clean" / "one.zip").read_bytes() == CONTENT
    starts = [asked for _, asked in publisher.asked]
    assert starts[:2] == [None, "bytes=300000-"]
    assert starts[2] == ("bytes=700000-" if has_ranges else "bytes=400000-")


def test_a_server_that_never_gives_all_is_said_and_the_next_command_goes_on(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publisher.cut_after = [100_000] * 5
    with pytest.raises(CaptureError, match=r"one.zip was not fetched whole after 5 tries .* goes on from there"):
        fetched(publisher, files(publisher), monkeypatch, tmp_path)
    assert (tmp_path / "a" / "clean" / "one.zip.part").stat().st_size == 500_000
    assert not (tmp_path / "a" / "clean" / "one.zip").exists()
    found = fetched(publisher, files(publisher), monkeypatch, tmp_path)
    assert publisher.asked[-1][1] == "bytes=500000-"
    assert found["files"][0]["sha256"] == SHA256
    assert "states no checksum of 1 files" in found["next"]


def test_another_file_than_the_published_one_is_removed_and_said(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = files(publisher) | {"sha256": {"clean/one.zip": "0" * 64}}
    with pytest.raises(CaptureError, match=rf"is not the file that was published: sha256:{SHA256}, not sha256:000"):
        fetched(publisher, source, monkeypatch, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_that_moved_is_said_at_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = files(publisher)
    publisher.files.clear()
    with pytest.raises(CaptureError, match=r"answers 404 .* may have moved: look at the dataset's page"):
        fetched(publisher, source, monkeypatch, tmp_path)
    assert len(publisher.asked) == 1
    assert not (tmp_path / "a").exists(), "an empty folder would look like the dataset"


def test_a_server_in_trouble_is_asked_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    publisher.statuses = [503, 500]
    fetched(publisher, files(publisher), monkeypatch, tmp_path)
    assert (tmp_path / "a" / "clean" / "one.zip").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_begun_anew(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    part = tmp_path / "a" / "clean" / "one.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    fetched(publisher, files(publisher), monkeypatch, tmp_path)
    assert (tmp_path / "a" / "clean" / "one.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["zenodo", "figshare"])
def test_a_record_says_which_files_there_are(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    publisher.files["/one"] = CONTENT
    md5, address = hashlib.md5(CONTENT).hexdigest(), publisher.address + "one"
    listed: dict[str, Any] = {"key": "one.zip", "checksum": f"md5:{md5}", "links": {"self": address}}
    if kind == "figshare":
        listed = {"name": "one.zip", "computed_md5": md5, "download_url": address}
    publisher.files["/77"] = json.dumps({"files": [{**listed, "size": len(CONTENT)}]}).encode()
    found = fetched(publisher, {"kind": kind, "record": "77", "steps": "Unpack it."}, monkeypatch, tmp_path)
    assert (tmp_path / "a" / "one.zip").read_bytes() == CONTENT
    assert (found["files"][0]["was_checked"], found["next"]) == (True, "Unpack it.")


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}"])
def test_a_record_of_another_shape_is_said(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: bytes
) -> None:
    publisher.files["/77"] = answer
    with pytest.raises(CaptureError, match=r"does not say which files there are .* by hand from the page"):
        fetched(publisher, {"kind": "zenodo", "record": "77"}, monkeypatch, tmp_path)


def test_a_name_that_leads_out_of_the_folder_is_refused(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = {"files": [{"key": "../outside", "links": {"self": publisher.address}}]}
    publisher.files["/77"] = json.dumps(record).encode()
    with pytest.raises(CaptureError, match=r"'../outside', which lies outside"):
        fetched(publisher, {"kind": "zenodo", "record": "77"}, monkeypatch, tmp_path)


def test_what_no_command_may_fetch_says_how_to_ask(tmp_path: Path) -> None:
    for name, words in (
        ("hcrl_sa", r"not for download by a command \(HCRL.*\). Open .* ask with the form"),
        ("sample", "bundled with the checkout"),
        ("everything", "is a collection. Fetch its members: set_01, set_02"),
    ):
        with pytest.raises(ConfigError, match=words):
            fetch_dataset(name, settings(tmp_path), print)


def test_every_dataset_can_be_fetched_or_asked_for() -> None:
    for name, row in load_catalogue().items():
        assert row.members or row.bundled or row.source, name
        if row.source and row.source.kind == "ask":
            assert "HCRL" in row.licence, f"{name} is open, so a command may fetch it"
            assert row.address in row.source.steps


def test_an_error_is_named_by_the_command_and_not_by_the_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    assert main(["data", "fetch", "nope"]) == 1
    signal.signal(signal.SIGTERM, handler)
    assert capsys.readouterr().err.startswith("data: ")
