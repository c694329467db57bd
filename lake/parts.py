"""Where the parts of the lake lie, and what makes a file a part of a table."""

import re
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import LakeError
from lake.schema import SCHEMA_VERSION, TABLES
from lake.table import Table

MERGED = "merged"  # in a run's place: a part with rows of several runs
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{,199}")  # a file's name may have 255 bytes, a staged one adds 46


def part_path(root: Path, table: Table, run_id: str, part: str) -> Path:
    """Where a part lies: `<table>/<run_id>/<part>.parquet`."""
    for what, name in (("run id", run_id), ("part", part)):
        if not _NAME.fullmatch(name):
            raise LakeError(f"{name!r} cannot name a {what}: use up to 200 letters, digits, '.', '_' and '-'.")
    return root / table.name / run_id / f"{part}.parquet"


def part_files(root: Path, tables: Collection[str] = tuple(TABLES)) -> dict[str, list[Path]]:
    """Every part of these tables; files being written have hidden names and are left out."""
    return {name: _parts_below(root / name) for name in tables}


def _parts_below(folder: Path) -> list[Path]:
    """Raises LakeError where a folder cannot be listed; a glob would leave its rows out and say nothing."""
    try:
        runs = sorted(_visible(folder)) if folder.exists() else []
        return [path for run in runs if run.is_dir() for path in sorted(_visible(run)) if path.suffix == ".parquet"]
    except OSError as error:
        raise LakeError(
            f"{error.filename or folder} cannot be listed ({error.strerror}), so rows would be missing. "
            "Make it readable, or move it out of the lake."
        ) from error


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def check_part(path: Path, table: Table) -> pq.FileMetaData:
    """A part's metadata, once it is known to be a part of `table`.

    Raises:
        LakeError: it is no Parquet file, another table's, of a newer schema, or a column has another type.
    """
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise LakeError(
            f"{path} cannot be read as Parquet ({error}). "
            "Restore it from a copy, or move it out of the lake if it does not belong there."
        ) from error
    schema = metadata.schema.to_arrow_schema()
    labels = schema.metadata or {}
    if labels.get(b"kdgat.table", b"").decode() != table.name:
        raise LakeError(f"{path} is not a part of the table {table.name}. Move it out of the lake.")
    version = labels.get(b"kdgat.schema", b"").decode()
    if not version.isdecimal():
        raise LakeError(f"{path} names no schema version ({version!r}). Restore it from a copy.")
    if int(version) > SCHEMA_VERSION:
        raise LakeError(f"{path} was written with a newer schema than {SCHEMA_VERSION}. Update kd-gat.")
    for field in schema:
        column = table.columns.get(field.name)
        if column is None or column.type != field.type:
            raise LakeError(f"{path}: column {field.name} of type {field.type} does not fit the table {table.name}.")
    return metadata
