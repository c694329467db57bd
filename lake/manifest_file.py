"""JSON files that say so themselves when a byte of them changes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from lake.files import json_bytes

_CHECKSUM = "checksum"


def manifest_bytes(value: dict[str, Any]) -> bytes:
    """`value` with a checksum of all of it, as the bytes of a file."""
    return json_bytes({**value, _CHECKSUM: hashlib.sha256(json_bytes(value)).hexdigest()})


def read_manifest(data: bytes) -> dict[str, Any]:
    """The value, without its checksum.

    Raises:
        ValueError: a byte is not as it was written.
    """
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("no object")
    if json_bytes(value) != data or value.pop(_CHECKSUM, None) != hashlib.sha256(json_bytes(value)).hexdigest():
        raise ValueError("its checksum is of another content")
    return value


def load_manifest(path: Path) -> dict[str, Any]:
    return read_manifest(path.read_bytes())
