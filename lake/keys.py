"""The keys that files have of an owner's rows, so that no row comes in a second time."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lake.parts import Part, check_part, schema_version
from lake.relation import rows_of
from lake.schema import TABLES
from lake.table import Row, Table

Key = tuple[Any, ...]
File = tuple[Path, int]  # with the schema it was written with


def key_of(table: Table, row: Row) -> Key:
    return tuple(row.get(column) for column in table.key)


def files_of(root: Path, parts: Iterable[Part]) -> list[File]:
    """Raises LakeError where one of them cannot be read."""
    paths = [(root / part.path, part) for part in parts]
    return [(path, schema_version(check_part(path, TABLES[part.table], part.digest))) for path, part in paths]


def keys_in(table: Table, owner: str, files: Sequence[File]) -> set[Key]:
    import duckdb

    keys = ", ".join(f'"{column}"' for column in table.key)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        sql = f'SELECT {keys} FROM ({rows_of(table, files)}) WHERE "{table.owner}" = $owner'
        found = connection.sql(sql, params={"owner": owner})
        return {key_of(table, row) for row in found.to_arrow_table().to_pylist()}
