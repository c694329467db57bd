"""SQL that reads files as the rows of a table, whatever schema they were written with."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lake.table import DUCKDB_TYPES, Latest, Table

if TYPE_CHECKING:
    import duckdb


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def parquet_of(files: Sequence[Path | str], *options: str) -> str:
    """The call that reads Parquet files, by path or by address: these alone, and nothing but what is in them.

    DuckDB takes `*`, `?` and `[` in a name for a pattern, and a folder `seed=5` above a file for a column `seed`.
    """
    listed = ", ".join(quoted(literal(str(file.resolve()) if isinstance(file, Path) else file)) for file in files)
    return f"read_parquet({', '.join([f'[{listed}]', 'hive_partitioning = false', *options])})"


def literal(name: str) -> str:
    """A file's name as a pattern that only this name fits."""
    return re.sub(r"[*?[]", r"[\g<0>]", name)


def rows_of(table: Table, files: Sequence[tuple[Path | str, int]], hidden: Collection[str] = ()) -> str:
    """A SELECT of the table's rows in files (by path, or by address), each with the schema it was written with.

    Args:
        hidden: owners whose rows are left out.
    """
    if not files:
        return f"SELECT {_nothing(table)} WHERE false"
    versions: dict[int, list[Path | str]] = {}
    for path, version in files:
        versions.setdefault(version, []).append(path)
    selected = [_rows_of_version(table, paths, version) for version, paths in sorted(versions.items())]
    rows = " UNION ALL ".join(selected)
    if not hidden:
        return rows
    owners = ", ".join(quoted(owner) for owner in sorted(hidden))
    return f'SELECT * FROM ({rows}) WHERE "{table.owner}" NOT IN ({owners})'


def _rows_of_version(table: Table, paths: Sequence[Path | str], version: int) -> str:
    """Files of one schema: a column that came later is derived from theirs, or null."""
    columns = ", ".join(
        f'"{name}"' if version >= one.since else f'CAST({one.absent} AS {DUCKDB_TYPES[one.kind]}) AS "{name}"'
        for name, one in table.columns.items()
    )
    options = () if version >= table.version else ("union_by_name = true",)
    return f"SELECT {columns} FROM {parquet_of(paths, *options)}"


def latest_of(events: str, latest: Latest) -> str:
    """Of the rows of a view those that count."""
    about = ", ".join(f'"{column}"' for column in latest.about)
    return f'SELECT * FROM "{events}" QUALIFY row_number() OVER (PARTITION BY {about} ORDER BY {latest.order}) = 1'


def _nothing(table: Table) -> str:
    return ", ".join(f'NULL::{DUCKDB_TYPES[one.kind]} AS "{name}"' for name, one in table.columns.items())


def create_views(connection: "duckdb.DuckDBPyConnection", table: Table, selected: str, repeats: bool) -> None:
    """A view of the rows that a SELECT gives and, where several may be about one thing, of those that count.

    Args:
        repeats: whether a run's later attempt may have written a row again; of `runs` that is always looked for.
    """
    connection.execute(f'CREATE VIEW "{table.view}" AS {selected}')
    if table.latest:
        counting = latest_of(table.view, table.latest) if repeats or table.name == "runs" else f"FROM {table.view}"
        connection.execute(f'CREATE VIEW "{table.name}" AS {counting}')
