"""What a part is called, where it lies, and what makes a file a part of a table.

`<table>/<owner>/<part>.<digest>.parquet`: the owner is the run (or model) whose rows it holds, the digest the first
32 digits of the SHA-256 of its bytes. Parts of schemas before 4 have no digest in their name.
"""

import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.files import visible
from lake.root import refuse_link
from lake.schema import TABLES
from lake.table import Table
from lake.version import SCHEMA_VERSION

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MERGED = "merged"  # in an owner's place: files with rows of several owners; a part of it is of a schema before 4
DIGITS = 32
_DIGESTED = 4  # first schema whose parts have their digest in their name
PART_LABEL = b"kdgat.part"  # in the file: owner and name, so that a part under another name is known for what it is
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{,159}")  # a file's name may have 255 bytes; digest and staging add 80
_PART = re.compile(rf"(?P<part>.+?)(?:\.(?P<digest>[0-9a-f]{{{DIGITS}}}))?\.parquet")
_PACK = re.compile(rf"[0-9a-f]{{{DIGITS}}}\.parquet")  # counts where a generation or a snapshot names it, else never
_ATTEMPT = re.compile(r"a(\d{3,})-")
_JOURNALLED = re.compile(r"a\d{3,}-j(?P<journal>[0-9a-f]+)-(?P<first>\d+)-(?P<end>\d+)")


@dataclass(frozen=True, order=True)
class Part:
    """A part's file, told by its name alone; `path` is relative to the lake, with slashes."""

    table: str
    owner: str
    name: str
    digest: str | None

    @property
    def path(self) -> str:
        ending = f".{self.digest}" if self.digest else ""
        return f"{self.table}/{self.owner}/{self.name}{ending}.parquet"

    @property
    def attempt(self) -> int:
        """Of the run that wrote it; 0 where the name does not say."""
        found = _ATTEMPT.match(self.name)
        return int(found[1]) if found else 0

    @property
    def journalled(self) -> tuple[str, int, int] | None:
        """Journal, first record and the one after the last, where the part holds a journal's records."""
        found = _JOURNALLED.fullmatch(self.name)
        return (found["journal"], int(found["first"]), int(found["end"])) if found else None


def part_name(attempt: int, name: str) -> str:
    """Of a part that a run wrote in one of its attempts."""
    return f"a{attempt:03d}-{name}"


def journalled_name(attempt: int, journal: str, first: int, end: int) -> str:
    """Of the part that holds a journal's records from `first` up to, not including, `end`."""
    return part_name(attempt, f"j{journal}-{first}-{end}")


def owner_folder(root: Path, table: Table, owner: str, part: str) -> Path:
    """Where the parts of an owner lie.

    Raises:
        LakeError: a name could leave the folder, or is too long.
    """
    for what, name in ((table.owner.replace("_", " "), owner), ("part", part)):
        if not is_safe_name(name):
            raise LakeError(f"{name!r} cannot name a {what}: use up to 160 letters, digits, '.', '_' and '-'.")
    return root / table.name / owner


def is_safe_name(name: str) -> bool:
    return bool(_SAFE.fullmatch(name)) and name != MERGED


def list_parts(root: Path, tables: Collection[str] = tuple(TABLES)) -> dict[str, list[Part]]:
    """Every part of these tables by name, in order; files being written have hidden names and are left out.

    Raises:
        LakeError: a folder cannot be listed, or is a link, which could lead out of the lake.
    """
    return {name: _parts_below(root, name) for name in tables}


def _parts_below(root: Path, table: str) -> list[Part]:
    parts: list[Part] = []
    for owner in visible(root / table):
        refuse_link(owner)
        if owner.is_dir():
            parts += owner_parts(root, table, owner.name)
    return sorted(parts)


def owner_parts(root: Path, table: str, owner: str) -> list[Part]:
    """The parts of one owner in a table, by name; errors as `list_parts`."""
    return sorted(part for file in visible(root / table / owner) if (part := _part(table, owner, file)))


def list_packs(root: Path) -> list[Path]:
    """Every pack, whether a generation names it or not."""
    folders = [root / name / MERGED for name in TABLES]
    return [Path(file.path) for folder in folders for file in visible(folder) if _PACK.fullmatch(file.name)]


def _part(table: str, owner: str, file: "os.DirEntry[str]") -> Part | None:
    found = _PART.fullmatch(file.name)
    if not found or (owner == MERGED and _PACK.fullmatch(file.name)):
        return None
    refuse_link(file)
    return Part(table, owner, found["part"], found["digest"])


def check_part(path: Path, table: Table, digest: str | None = None) -> "pq.FileMetaData":
    """A part's metadata, once it is known to be a part of `table`.

    Raises:
        LakeError: its bytes, its owner or its name are not those it was written with, it is no Parquet file, another
            table's, of a newer schema, or a column has another type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        data = path.read_bytes()
        if digest and not hashlib.sha256(data).hexdigest().startswith(digest):
            raise LakeError(f"{path} was altered: its bytes are not those its name says. Restore it from a copy.")
        metadata = pq.read_metadata(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise LakeError(
            f"{path} cannot be read as Parquet ({error}). "
            "Restore it from a copy, or move it out of the lake if it does not belong there."
        ) from error
    labels = metadata.metadata or {}
    if labels.get(b"kdgat.table", b"").decode() != table.name:
        raise LakeError(f"{path} is not a part of the table {table.name}. Move it out of the lake.")
    version = labels.get(b"kdgat.schema", b"").decode()
    if not version.isdecimal():
        raise LakeError(f"{path} names no schema version ({version!r}). Restore it from a copy.")
    if int(version) > SCHEMA_VERSION:
        raise LakeError(
            f"{path} was written with schema {version}, newer than {SCHEMA_VERSION}, the newest this code knows. "
            "Update kd-gat."
        )
    label, found = labels.get(PART_LABEL), _PART.fullmatch(path.name)
    if int(version) >= _DIGESTED and found and not found["digest"]:
        raise LakeError(
            f"{path} is of schema {version}, whose parts have the digest of their bytes in their name. Give it back "
            "its own, or move it out."
        )
    if label and found and label.decode() != f"{path.parent.name}/{found['part']}":
        raise LakeError(
            f"{path} is the part {label.decode()} under another name. Give it back its own, or move it out."
        )
    schema = metadata.schema.to_arrow_schema()
    if not schema.equals(table.schema) and (fault := _columns_fault(schema, table, int(version))):
        raise LakeError(f"{path}{fault}")
    return metadata


def _columns_fault(schema: "pa.Schema", table: Table, version: int) -> str | None:
    """How columns of a schema version differ from the table's; the end of a sentence, or None."""
    for field in schema:
        column = table.columns.get(field.name)
        if column is None or column.type != field.type:
            return f": column {field.name} of type {field.type} does not fit the table {table.name}."
    missing = {name for name, one in table.columns.items() if one.since <= version} - set(schema.names)
    if missing:
        return f" lacks the columns {', '.join(sorted(missing))} of its schema {version}. Restore it from a copy."
    return None


def schema_version(metadata: "pq.FileMetaData") -> int:
    """The schema that a checked part was written with."""
    return int(metadata.metadata[b"kdgat.schema"])
