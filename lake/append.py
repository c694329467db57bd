"""The writer of parts: rows of one run, whole or not at all, never written over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lake.contract import check_arrow
from lake.errors import LakeError
from lake.files import staged_file, visible
from lake.parts import DIGITS, PART_LABEL, check_part, owner_folder, schema_version
from lake.relation import rows_of
from lake.root import create_lake
from lake.table import Row, Table

if TYPE_CHECKING:
    import pyarrow as pa


def append(root: Path, table: Table, owner: str, part: str, rows: Iterable[Row]) -> Path:
    """Add one part of a run's (or model's) rows; the same rows again change nothing.

    Raises:
        LakeError: a row breaks the table's contract, the part is there with other rows, `root` is no lake, or
            the disk is full.
    """
    return write_part(root, table, owner, part, table.arrow([{**row, table.owner: owner} for row in rows]))


def append_arrow(root: Path, table: Table, owner: str, part: str, rows: pa.Table) -> Path:
    """As `append`, for many rows at once: columns by name, those left away are null, the owner's is filled in.

    Raises:
        LakeError: as `append`.
    """
    import pyarrow as pa

    owned = {
        **{name: rows[name] for name in rows.column_names},
        table.owner: pa.repeat(pa.scalar(owner), rows.num_rows),
    }
    return write_part(root, table, owner, part, check_arrow(table, owned))


def write_part(root: Path, table: Table, owner: str, part: str, data: pa.Table) -> Path:
    """Write checked rows as a part and give its path."""
    folder = owner_folder(root, table, owner, part)
    create_lake(root)
    import pyarrow.parquet as pq

    labelled = data.replace_schema_metadata({**data.schema.metadata, PART_LABEL: f"{owner}/{part}".encode()})
    with staged_file(folder, f"{part}.parquet") as staged:
        pq.write_table(labelled, staged, compression="zstd", write_page_checksum=True)
        path = folder / f"{part}.{staged.sha256[:DIGITS]}.parquet"
        if path.exists():
            return path
        same = [other.name for other in visible(folder) if other.name.startswith(f"{part}.")]
        # `path` itself may have come meanwhile, from another process with the same rows
        for other in [folder / name for name in same if name != path.name]:
            if _has_rows(other, table, data):
                return other
            raise LakeError(
                f"{other} is there with other rows, and a part is never written over. "
                "Give the new rows a part of their own."
            )
        staged.give_name(path)
    return path


def _has_rows(path: Path, table: Table, data: pa.Table) -> bool:
    """Whether a part holds exactly these rows: another release of pyarrow, or schema, writes them as other bytes."""
    import duckdb

    version = schema_version(check_part(path, table))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.sql(rows_of(table, [(path, version)])).to_arrow_table().cast(table.schema)
    return bool(found.equals(data.cast(table.schema)))
