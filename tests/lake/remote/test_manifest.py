"""A snapshot's file is doubted before anything is done with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake.manifest_file import manifest_bytes, read_manifest
from lake.remote.contents import items_of
from lake.remote.errors import RemoteError
from lake.remote.manifest import checked_snapshot
from lake.snapshot import Snapshot, snapshot_path, take_snapshot
from lake.version import SCHEMA_VERSION
from tests.lake.remote.conftest import add_run


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, bytes]:
    """A snapshot and the bytes of its file."""
    root: Path = tmp_path_factory.mktemp("lake") / "lake"
    add_run(root, "run-a")
    snapshot = take_snapshot(root)
    return snapshot, snapshot_path(root, snapshot.snapshot_id).read_bytes()


def test_a_sound_one_passes_with_all_its_files(frozen: tuple[Snapshot, bytes]) -> None:
    snapshot, data = frozen
    found = checked_snapshot(data, snapshot.snapshot_id, "it")
    assert found == snapshot
    assert len(items_of(found)) == len(snapshot.files) + 1


def test_under_another_name_it_is_refused(frozen: tuple[Snapshot, bytes]) -> None:
    snapshot, data = frozen
    with pytest.raises(RemoteError, match=rf"it is the snapshot {snapshot.snapshot_id[:12]}, not 000000000000"):
        checked_snapshot(data, "0" * 64, "it")


def _first(value: dict[str, Any], **changes: Any) -> None:
    value["files"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: _first(v, path="../../.ssh/authorized_keys"), r"'\.\./\.\./\.ssh/authorized_keys' is no place in a"),
        (lambda v: _first(v, path="/etc/passwd.parquet"), "is no place in a lake"),
        (lambda v: _first(v, path="runs\\..\\x.parquet"), "is no place in a lake"),
        (lambda v: _first(v, path="runs/merged/../../x.parquet"), "is no place in a lake"),
        (lambda v: _first(v, path="runs/merged/.hidden.parquet"), "is no place in a lake"),
        (lambda v: _first(v, path="runs/merged/x\n.parquet"), "is no place in a lake"),
        (lambda v: _first(v, path="snapshots/merged/x.parquet"), "is no place of a file of the table"),
        (lambda v: _first(v, path=["runs"]), "is no place in a lake"),
        (lambda v: _first(v, table="secrets"), "is no place of a file of the table 'secrets'"),
        (lambda v: _first(v, sha256="../" * 20 + "abcd"), "the digest of .* is"),
        (lambda v: _first(v, sha256="A" * 64), "the digest of .* is"),
        (lambda v: _first(v, size_bytes=-1), "has -1 bytes"),
        (lambda v: _first(v, size_bytes=1 << 60), r"has \d+ bytes"),
        (lambda v: _first(v, size_bytes="1"), "has '1' bytes"),
        (lambda v: _first(v, rows=True), "and True rows"),
        (lambda v: _first(v, rows=10**6), "was altered: its content gives the id"),
        (lambda v: _first(v, unknown=1), "does not describe a file of a lake"),
        (lambda v: v.update(index_path="../index.parquet"), "is no place in a lake"),
        (lambda v: v.update(index_sha256="x"), "the digest of .* is 'x'"),
        (lambda v: v["files"].append(v["files"][0]), "names a path twice"),
        (lambda v: v.update(schema=SCHEMA_VERSION + 1, news=1), f"is of schema {SCHEMA_VERSION + 1}, newer than"),
        (lambda v: v.update(schema="4"), "its schema is '4'"),
        (lambda v: v.pop("files"), "it is no snapshot"),
        (lambda v: v.pop("tables"), "it has no digests of its rows"),
        (lambda v: v.update(files={"a": 1}), "it is no snapshot"),
        (lambda v: next(iter(v["tables"].values())).update(sha256="0" * 64), "was altered"),
    ],
)
def test_a_hostile_one_is_refused(
    frozen: tuple[Snapshot, bytes], change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Its checksum is that of what it says now."""
    snapshot, data = frozen
    value = read_manifest(data)
    change(value)
    with pytest.raises(RemoteError, match=said):
        checked_snapshot(manifest_bytes(value), snapshot.snapshot_id, "it")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"[" * 100_000, b'"' + b"\xff" * 20, b'{"schema": 4}'])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteError, match="it is refused: it is no snapshot"):
        checked_snapshot(data, "0" * 64, "it")


def test_every_flipped_byte_is_found(frozen: tuple[Snapshot, bytes]) -> None:
    snapshot, data = frozen
    for place in range(len(data)):
        with pytest.raises(RemoteError, match="it is "):
            checked_snapshot(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], snapshot.snapshot_id, "it")
