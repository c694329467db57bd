"""A file of rows that a generation or a snapshot names: immutable, known by the digest of its bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lake.errors import LakeError
from lake.parts import is_safe_name
from lake.schema import TABLES
from lake.version import SCHEMA_VERSION

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredFile:
    """One file: its table, its path below the lake's root, its bytes' digest, its row count.

    Attributes:
        schema: version it was written with.
        repeats: it holds rows of which only the latest count, as of a resumed run's epochs.
    """

    table: str
    path: str
    sha256: str
    size_bytes: int
    rows: int
    schema: int = SCHEMA_VERSION
    repeats: bool = False


def stored_file(about: Mapping[str, Any]) -> StoredFile:
    """The file that a manifest describes.

    Raises:
        LakeError: its path could lead out of the lake, or a field is none of ours.
    """
    try:
        file = StoredFile(**about)
        is_ours = file.table in TABLES and _is_inside(file) and _SHA256.fullmatch(file.sha256)
    except (TypeError, AttributeError, ValueError) as error:
        raise LakeError(f"{about!r} does not describe a file of a lake ({error}).") from error
    if not is_ours:
        raise LakeError(f"{file.path!r} is no place of a file of the table {file.table!r} in a lake; it was not read.")
    return file


def _is_inside(file: StoredFile) -> bool:
    table, owner, name = file.path.split("/")
    return table == file.table and (owner == "merged" or is_safe_name(owner)) and is_safe_name(name)
