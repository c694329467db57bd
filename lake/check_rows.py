"""Looks into rows: keys that stand in several of them, digests that are not theirs; some owners at a time, so that
memory holds them however large the lake is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from lake.compact import groups_of
from lake.contract import repeated_key
from lake.errors import LakeError
from lake.generation import Generation, read_index
from lake.held import Held, held
from lake.parts import MERGED, check_part, schema_version
from lake.relation import quoted, rows_of
from lake.row_digest import owner_digests
from lake.schema import TABLES
from lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

_MEMORY = "512MB"
_MOST_FAULTS = 3  # of a table; more would say the same


def repeated_keys(root: Path, everywhere: bool = False) -> list[str]:
    """Keys that stand in more than one row of a file, or of several.

    A part with a digest, and a pack, had none when it was written. So by default only owners are looked at whose rows
    lie in several places, or in a part of an old schema.
    """
    faults: list[str] = []
    try:
        now = held(root)
        suspects = {table: None if everywhere else _suspects(table, now) for table in TABLES.values()}
        if not any(chosen is None or chosen for chosen in suspects.values()):
            return faults
        with _connected() as connection:
            for table, chosen in suspects.items():
                some = _some_at_a_time(connection, root, table, now, chosen)
                keys = [key for rows in some if (key := repeated_key(table, rows))]
                faults += [
                    f"{table.name}: the key {key} stands in more than one row, of {_places(now, table, key)}. Find out "
                    "which is right and take the other out: ./run lake set-aside PART --reason WHY"
                    for key in keys
                ]
    except duckdb.Error as error:
        faults.append(f"{root}: DuckDB cannot read what pyarrow can ({error}). Restore the lake from a copy.")
    except LakeError as error:
        faults.append(str(error))
    except ValueError as error:  # as Arrow says that a value is missing
        faults.append(f"{root}: a row breaks its table's contract ({error}). ./run lake verify --rows names the file.")
    return faults


def _places(now: Held, table: Table, key: Mapping[str, Any]) -> str:
    """Where rows with that key may lie."""
    owner = key[table.owner]
    parts = [part.path for part in now.parts[table.name] if part.owner in (owner, MERGED)]
    journals = ["a journal"] if any(row[table.owner] == owner for row in now.rows.get(table.name, ())) else []
    return ", ".join([*parts, *journals, *(["a pack"] if now.generation.of(table.name) else [])])


def wrong_digests(root: Path, generation: Generation) -> list[str]:
    """Owners whose packed rows do not give the digest that the index has of them."""
    faults: list[str] = []
    for pack in generation.packs:
        table = TABLES[pack.table]
        of_pack = [one for one in read_index(root, generation, [pack.table]) if one.pack == pack.path]
        expected = {one.owner: one.digest for one in of_pack}
        found: dict[str, str] = {}
        with _connected() as connection:
            every = rows_of(table, [(root / pack.path, pack.schema)])
            for rows in _grouped(connection, table, every, _count(connection, table, every)):
                found |= {owner: digest for owner, _, digest in owner_digests(table, rows)}
        faults += [
            f"{pack.path}: the rows of {owner} are not those that the index has the digest of. Restore it from a copy."
            for owner in sorted(expected.keys() | found.keys())
            if expected.get(owner) != found.get(owner)
        ][:_MOST_FAULTS]
    return faults


def _suspects(table: Table, now: Held) -> set[str] | None:
    """Owners who may have a key twice: with rows in several places, or in a part of a schema that did not look; None
    where only the rows tell whose they are."""
    parts = now.parts[table.name]
    if any(part.owner == MERGED for part in parts):
        return None
    return now.scattered[table.name] | {part.owner for part in parts if not part.digest}


def _some_at_a_time(
    connection: duckdb.DuckDBPyConnection, root: Path, table: Table, now: Held, chosen: Collection[str] | None
) -> Iterator[pa.Table]:
    """All rows of the owners that were chosen, or of all, in key order."""
    import pyarrow as pa

    if chosen is not None and not chosen:
        return
    parts = [part for part in now.parts[table.name] if chosen is None or part.owner in chosen]
    files = [(root / part.path, schema_version(check_part(root / part.path, table))) for part in parts]
    packs = [(root / pack.path, pack.schema) for pack in now.generation.of(table.name)]
    selected = [rows_of(table, packs, now.hidden[table.name]), rows_of(table, files)]
    if rows := now.rows.get(table.name):
        filled = [{name: row.get(name) for name in table.columns} for row in rows]
        connection.register("journalled", pa.Table.from_pylist(filled, table.schema))
        selected.append("SELECT * FROM journalled")
    every = " UNION ALL ".join(selected)
    if chosen is not None:
        among = ", ".join(quoted(owner) for owner in sorted(chosen))
        every = f'SELECT * FROM ({every}) WHERE "{table.owner}" IN ({among})'
    yield from _grouped(connection, table, every, _count(connection, table, every))


def _count(connection: duckdb.DuckDBPyConnection, table: Table, every: str) -> Mapping[str, int]:
    return dict(connection.execute(f'SELECT "{table.owner}", count(*) FROM ({every}) GROUP BY ALL').fetchall())


def _grouped(
    connection: duckdb.DuckDBPyConnection, table: Table, every: str, rows: Mapping[str, int]
) -> Iterator[pa.Table]:
    for some in groups_of(sorted(rows, key=str.encode), rows):
        between = f'"{table.owner}" BETWEEN {quoted(some[0])} AND {quoted(some[-1])}'
        chosen = connection.sql(f"SELECT * FROM ({every}) WHERE {between} ORDER BY {table.order_sql}")
        yield chosen.to_arrow_table().cast(table.schema)


def _connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}'")
    return connection
