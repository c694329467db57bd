"""The lake's reader: DuckDB views over all that a lake holds, or over exactly one snapshot of it."""

import logging
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from lake.errors import LakeError
from lake.held import Held, held
from lake.parts import Part, check_part, schema_version
from lake.relation import create_views, literal, quoted, rows_of
from lake.results import NAME as RESULTS
from lake.results import SQL as RESULTS_SQL
from lake.results import STANDS_ON, view_results
from lake.root import check_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot
from lake.table import Row, Table

if TYPE_CHECKING:
    import pyarrow as pa


ALL = (*TABLES, RESULTS)
_LOG = logging.getLogger("kdgat.lake")


def open_lake(root: Path, snapshot: Snapshot | None = None, tables: Collection[str] = ALL) -> duckdb.DuckDBPyConnection:
    """A connection with one view a table, over all of the lake or over exactly one snapshot.

    `runs` and `epochs` show the rows that count, `run_events` and `epoch_events` all of them; `results` has every
    metric that counts with the model it is of (`lake/results.sql`).

    Args:
        tables: only these tables' parts are looked at; `runs` is always among them.

    Raises:
        LakeError: `root` is no lake, or a file in it cannot be read as its table.
    """
    check_lake(root)
    if snapshot:
        return open_snapshot(snapshot, snapshot.check_files(root, _wanted(tables)), tables)
    wanted = _wanted(tables)
    now = held(root, wanted)
    connection = _connect()
    try:
        _view_held(connection, root, now, wanted)
        if RESULTS in tables and not view_results(connection, root, now.generation, _is_packed(now)):
            connection.execute(f"CREATE VIEW {RESULTS} AS {RESULTS_SQL}")
    except duckdb.Error as error:
        connection.close()
        raise LakeError(
            f"a file of {root} cannot be read ({str(error).splitlines()[0]}). ./run lake verify says which; restore it "
            "from a copy (./run lake pull REMOTE --repair)."
        ) from error
    return connection


def open_snapshot(
    snapshot: Snapshot, places: Mapping[str, Path | str], tables: Collection[str] = ALL,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> duckdb.DuckDBPyConnection:  # fmt: skip
    """As `open_lake` over one snapshot, whose files may lie anywhere.

    Args:
        places: where each of its files is, by the path it names; an address where `connection` can read one.
    """
    connection = connection or duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in _wanted(tables):
        files = [file for file in snapshot.files if file.table == name]
        selected = rows_of(TABLES[name], [(places[file.path], file.schema) for file in files])
        create_views(connection, TABLES[name], selected, any(file.repeats for file in files))
    if RESULTS in tables:
        connection.execute(f"CREATE VIEW {RESULTS} AS {RESULTS_SQL}")
    return connection


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _wanted(tables: Collection[str]) -> list[str]:
    if unknown := sorted({*tables} - {*ALL}):
        raise LakeError(f"there is no table {', '.join(unknown)}. Tables: {', '.join(ALL)}.")
    below = {table.name for table in STANDS_ON} if RESULTS in tables else set()
    return [name for name in TABLES if name == "runs" or name in tables or name in below]


def _is_packed(now: Held) -> bool:
    """Whether all that `results` stands on is in packs."""
    names = [table.name for table in STANDS_ON]
    return not any(now.parts[name] or now.rows.get(name) or now.hidden[name] for name in names)


def _view_held(connection: duckdb.DuckDBPyConnection, root: Path, now: Held, tables: Collection[str]) -> None:
    for name in tables:
        table, parts, rows = TABLES[name], now.parts[name], now.rows.get(name, [])
        packs = now.generation.of(name)
        files = [(root / part.path, _version(root, part)) for part in parts]
        selected = rows_of(table, [(root / pack.path, pack.schema) for pack in packs], now.hidden[name])
        if files:
            selected = f"{selected} UNION ALL {rows_of(table, files)}" if packs else rows_of(table, files)
        if rows:
            selected = f"{selected} UNION ALL {_register(connection, table, rows)}"
        repeats = any(pack.repeats for pack in packs) or _may_repeat(parts, rows)
        create_views(connection, table, selected, repeats)
        _doubt(connection, root, table, now.scattered[name])


def _doubt(connection: duckdb.DuckDBPyConnection, root: Path, table: Table, owners: Collection[str]) -> None:
    """Say which rows count twice; others can be asked all the same, and nothing is frozen until that is put right."""
    if not owners:
        return
    among = ", ".join(quoted(owner) for owner in sorted(owners))
    keys = ", ".join(f'"{name}"' for name in table.key)
    found = connection.execute(
        f'SELECT "{table.owner}" FROM "{table.view}" WHERE "{table.owner}" IN ({among}) '
        f"GROUP BY {keys} HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    ).fetchall()
    if found:
        _LOG.warning(
            "%s: %s has rows of %s twice, so that answers about them are wrong. ./run lake verify names the files.",
            root, found[0][0], table.name,
        )  # fmt: skip


def _version(root: Path, part: Part) -> int:
    return schema_version(check_part(root / part.path, TABLES[part.table], part.digest))


def _may_repeat(parts: Sequence[Part], rows: Sequence[Row]) -> bool:
    """A part that was taken over does not say whose attempt its rows are."""
    return any(part.attempt != 1 for part in parts) or any(row.get("attempt", 1) != 1 for row in rows)


def _register(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Row]) -> str:
    """Rows that are in no file, as a SELECT. They were checked when they were logged; a key that two processes of a
    run have both logged must not keep everyone else from reading: `verify` names it."""
    import pyarrow as pa

    name = f"journal_{table.name}"
    filled = [{column: row.get(column) for column in table.columns} for row in rows]
    connection.register(name, pa.Table.from_pylist(filled, table.schema))
    return f'SELECT * FROM "{name}"'


def query(root: Path, sql: str, snapshot: Snapshot | None = None) -> "pa.Table":
    """The rows of one read-only query; of columns with one name the later ones get a number.

    Raises:
        LakeError: the text is not exactly one SELECT, or DuckDB refuses it.
    """
    connection = open_lake(root, snapshot)
    try:
        statements = connection.extract_statements(sql)
        # EXPLAIN is not among them: EXPLAIN ANALYZE executes what it explains, a COPY into the lake too.
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise LakeError(
                "The lake is read-only here: give exactly one SELECT, which PIVOT and EXPLAIN are not. "
                f"Tables: {', '.join(TABLES)}."
            )
        confine(connection, root)
        rows = connection.sql(sql).to_arrow_table()
        return rows.rename_columns(_distinct(rows.column_names))
    except duckdb.CatalogException as error:
        known = [*TABLES, *(table.view for table in TABLES.values() if table.latest)]
        raise LakeError(f"DuckDB refuses the query: {error}\nTables: {', '.join(known)}.") from error
    except duckdb.Error as error:
        raise LakeError(f"DuckDB refuses the query: {error}") from error
    finally:
        connection.close()


def confine(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """From now on it reads files of the lake and no others, and writes none.

    Views name files by patterns that only they fit, so that these have to be allowed as well.
    """
    folder = f"{root.resolve()}/"
    connection.execute("SET allowed_directories = [$folder, $pattern]", {"folder": folder, "pattern": literal(folder)})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _distinct(names: Sequence[str]) -> list[str]:
    """`a, a, b` -> `a, a_1, b`: rows become dicts, where a second `a` would take the first one's place."""
    taken: list[str] = []
    for name in names:
        number = next(n for n in count() if (f"{name}_{n}" if n else name) not in taken)
        taken.append(f"{name}_{number}" if number else name)
    return taken
