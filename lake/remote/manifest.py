"""A snapshot's file from a remote: anyone may have written it, so it is doubted before anything is done with it."""

import hashlib
import json
import re
from pathlib import PurePosixPath
from typing import Any

from lake.errors import LakeError
from lake.remote.errors import AlteredError, MissingError, RemoteError
from lake.remote.layout import MEND, snapshot_key
from lake.remote.patience import patiently
from lake.remote.store import Store
from lake.snapshot import Snapshot
from lake.snapshot import read_snapshot as parse_snapshot
from lake.version import SCHEMA_VERSION

_DIGEST = re.compile(r"[0-9a-f]{64}")
_STEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_LARGEST = 1 << 50  # bytes; more is a mistake or an attempt to fill a disk


def read_snapshot(store: Store, snapshot_id: str, sha256: str | None = None) -> Snapshot:
    """The snapshot of that id, once everything it says is known to be harmless.

    Args:
        sha256: digest of its file's bytes, as its commit has it.

    Raises:
        AlteredError: its bytes have another digest.
        RemoteError: it is lost, of a newer schema, or names a place outside of a lake.
    """
    key = snapshot_key(snapshot_id)
    try:
        data = patiently(lambda: store.get(key)).data
    except MissingError as error:
        raise RemoteError(f"{store.name}/{key} is lost. {MEND}") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise AlteredError(
            f"{store.name}/{key} was altered: its bytes have another digest than its commit says. {MEND}"
        )
    return checked_snapshot(data, snapshot_id, f"{store.name}/{key}")


def checked_snapshot(data: bytes, snapshot_id: str, name: str) -> Snapshot:
    """The snapshot that `data` describes; see `read_snapshot`."""
    try:
        value = json.loads(data)
        schema = value["schema"]
        if not _is_count(schema):
            raise ValueError(f"its schema is {schema!r}")
        if schema > SCHEMA_VERSION:  # before its fields, which may be ones we do not know
            raise RemoteError(f"{name} is of schema {schema}, newer than {SCHEMA_VERSION}. Update kd-gat.")
        if "tables" not in value:
            raise ValueError(f"it has no digests of its rows, as those of schema {schema} had none")
        _doubt(value)
        snapshot = parse_snapshot(data)
    except RemoteError:
        raise
    except LakeError as error:
        raise RemoteError(f"{name} is refused: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RemoteError(f"{name} is refused: it is no snapshot ({error}).") from error
    if snapshot.snapshot_id != snapshot_id:
        raise RemoteError(f"{name} is refused: it is the snapshot {snapshot.snapshot_id[:12]}, not {snapshot_id[:12]}.")
    return snapshot


def _doubt(value: dict[str, Any]) -> None:
    """Raises ValueError where a path could lead anywhere but into a lake, or a number is none."""
    for file in value["files"]:
        _doubt_path(file["path"])
        if not _is_digest(file["sha256"]):
            raise ValueError(f"the digest of {file['path']} is {file['sha256']!r}")
        if not (_is_count(file["size_bytes"]) and file["size_bytes"] < _LARGEST and _is_count(file["rows"])):
            raise ValueError(f"{file['path']} has {file['size_bytes']!r} bytes and {file['rows']!r} rows")
    if (index := value.get("index_path")) is not None:
        _doubt_path(index)
        if not _is_digest(value["index_sha256"]):
            raise ValueError(f"the digest of {index} is {value['index_sha256']!r}")
    paths = [file["path"] for file in value["files"]] + ([index] if index is not None else [])
    if len(set(paths)) != len(paths):
        raise ValueError("it names a path twice")


def _doubt_path(path: object) -> None:
    if (
        not isinstance(path, str)
        or not all(_STEP.fullmatch(step) for step in path.split("/"))
        or PurePosixPath(path).suffix != ".parquet"
    ):
        raise ValueError(f"{path!r} is no place in a lake")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
