"""SQL that reads files as the rows of a table, whatever schema they were written with."""

from collections.abc import Collection, Sequence
from pathlib import Path

from lake.table import DUCKDB_TYPES, Column, Latest, Table


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def rows_of(table: Table, files: Sequence[tuple[Path | str, int]], hidden: Collection[str] = ()) -> str:
    """A SELECT of the table's rows in files (by path, or by address), each with the schema it was written with.

    Args:
        hidden: owners whose rows are left out.
    """
    if not files:
        return f"SELECT {_nothing(table)} WHERE false"
    oldest = min(version for _, version in files)
    paths = ", ".join(quoted(str(path.resolve()) if isinstance(path, Path) else path) for path, _ in files)
    if oldest >= table.version:
        columns, options = ", ".join(f'"{name}"' for name in table.columns), ""
    else:
        newest = max(version for _, version in files)
        columns = ", ".join(_read(name, one, oldest, newest) for name, one in table.columns.items())
        options = ", union_by_name = true"
    where = f' WHERE "{table.owner}" NOT IN ({", ".join(quoted(owner) for owner in sorted(hidden))})' if hidden else ""
    return f"SELECT {columns} FROM read_parquet([{paths}]{options}){where}"


def latest_of(events: str, latest: Latest) -> str:
    """Of the rows of a view those that count."""
    about = ", ".join(f'"{column}"' for column in latest.about)
    return f'SELECT * FROM "{events}" QUALIFY row_number() OVER (PARTITION BY {about} ORDER BY {latest.order}) = 1'


def _nothing(table: Table) -> str:
    return ", ".join(f'NULL::{DUCKDB_TYPES[one.kind]} AS "{name}"' for name, one in table.columns.items())


def _read(name: str, column: Column, oldest: int, newest: int) -> str:
    """A column of files of several schemas: what the older ones lack is derived, or null."""
    if oldest >= column.since:
        return f'"{name}"'
    if newest < column.since:
        return f'CAST({column.absent} AS {DUCKDB_TYPES[column.kind]}) AS "{name}"'
    return f'"{name}"' if column.absent == "NULL" else f'coalesce("{name}", {column.absent}) AS "{name}"'
