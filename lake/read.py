"""The lake's only reader: DuckDB views over the parts of a lake or of one snapshot."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import LakeError
from lake.parts import check_part, part_files
from lake.root import check_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot
from lake.table import Table

# A run has a row for each start and each end; its latest row tells how it stands.
_LATEST_RUNS = """
    CREATE VIEW runs AS
    SELECT * FROM run_events
    QUALIFY row_number() OVER (
        PARTITION BY run_id ORDER BY attempt DESC, finished_at DESC NULLS LAST
    ) = 1
"""


def open_lake(
    root: Path, snapshot: Snapshot | None = None, tables: Collection[str] = tuple(TABLES)
) -> duckdb.DuckDBPyConnection:
    """A connection with one view a table, over all of the lake or over exactly one snapshot.

    Args:
        tables: only these tables' parts are looked at; `runs` is always among them.

    Raises:
        LakeError: `root` is no lake, or a part in it cannot be read as its table.
    """
    check_lake(root)
    wanted = {"runs", *tables}
    files = snapshot.part_files(root) if snapshot else part_files(root, wanted)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in TABLES.values():
        if table.name in wanted:
            _create_view(connection, table.view, table, files.get(table.name, []))
    connection.execute(_LATEST_RUNS)
    return connection


def query(root: Path, sql: str, snapshot: Snapshot | None = None) -> pa.Table:
    """The rows of one read-only query; of columns with one name the later ones get a number.

    Raises:
        LakeError: the text is not exactly one SELECT, or DuckDB refuses it.
    """
    connection = open_lake(root, snapshot)
    try:
        statements = connection.extract_statements(sql)
        # EXPLAIN is not among them: EXPLAIN ANALYZE executes what it explains, a COPY into the lake too.
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise LakeError("The lake is read-only here: give exactly one SELECT (tables: " + ", ".join(TABLES) + ").")
        connection.execute("SET allowed_directories = [$root]", {"root": f"{root.resolve()}/"})
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        rows = connection.sql(sql).to_arrow_table()
        return rows.rename_columns(_distinct(rows.column_names))
    except duckdb.CatalogException as error:
        raise LakeError(f"DuckDB refuses the query: {error}\nTables: {', '.join([*TABLES, 'run_events'])}.") from error
    except duckdb.Error as error:
        raise LakeError(f"DuckDB refuses the query: {error}") from error
    finally:
        connection.close()


def _distinct(names: Sequence[str]) -> list[str]:
    """`a, a, b` -> `a, a_1, b`: rows become dicts, where a second `a` would take the first one's place."""
    taken: list[str] = []
    for name in names:
        number = next(n for n in count() if (f"{name}_{n}" if n else name) not in taken)
        taken.append(f"{name}_{number}" if number else name)
    return taken


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, table: Table, paths: Iterable[Path]) -> None:
    listed = list(paths)
    for path in listed:
        check_part(path, table)
    types = _duckdb_types(connection, table)
    if not listed:
        columns = ", ".join(f'CAST(NULL AS {kind}) AS "{column}"' for column, kind in types.items())
        connection.execute(f'CREATE VIEW "{name}" AS SELECT {columns} WHERE false')
        return
    quoted = ", ".join("'" + str(path.resolve()).replace("'", "''") + "'" for path in listed)
    have = {field.name for path in listed for field in pq.read_schema(path)}
    columns = ", ".join(
        f'"{column}"' if column in have else f'CAST(NULL AS {kind}) AS "{column}"' for column, kind in types.items()
    )
    connection.execute(f'CREATE VIEW "{name}" AS SELECT {columns} FROM read_parquet([{quoted}], union_by_name = true)')


def _duckdb_types(connection: duckdb.DuckDBPyConnection, table: Table) -> Mapping[str, str]:
    empty = table.schema.empty_table()
    connection.register("_empty", empty)
    types = {name: kind for name, kind, *_ in connection.execute("DESCRIBE _empty").fetchall()}
    connection.unregister("_empty")
    return types
