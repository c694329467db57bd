"""Whose rows a snapshot holds: how many in each table, and their digest."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from lake.errors import LakeError
from lake.generation import Indexed, read_index_file
from lake.relation import rows_of
from lake.row_digest import owner_digests
from lake.schema import TABLES
from lake.snapshot import Snapshot

Owners = Mapping[tuple[str, str], Indexed]  # by table and owner


def owners_of(snapshot: Snapshot, places: Mapping[str, Path]) -> Owners:
    """Each owner's rows in each table; of a snapshot of a schema that kept no digests they are computed.

    Args:
        places: where the snapshot's files lie, its index included, by the path it names.

    Raises:
        LakeError: a file cannot be read.
    """
    if not snapshot.tables:
        return _by_reading(snapshot, places)
    index = read_index_file(places[snapshot.index_path], list(TABLES)) if snapshot.index_path else []
    rows = {(one.table, one.owner): one for one in index}
    return rows | {(one.table, one.owner): one for one in snapshot.beside}


def places_in(root: Path, snapshot: Snapshot) -> dict[str, Path]:
    """Where the snapshot's files lie in the lake it was taken of.

    Raises:
        LakeError: one is gone.
    """
    return snapshot.check_files(root) | (
        {snapshot.index_path: root / snapshot.index_path} if snapshot.index_path else {}
    )


def _by_reading(snapshot: Snapshot, places: Mapping[str, Path]) -> Owners:
    found: dict[tuple[str, str], Indexed] = {}
    try:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for table in TABLES.values():
                files = [(places[file.path], file.schema) for file in snapshot.files if file.table == table.name]
                if files:
                    rows = connection.sql(f"SELECT * FROM ({rows_of(table, files)}) ORDER BY {table.order_sql}")
                    for owner, count, digest in owner_digests(table, rows.to_arrow_table().cast(table.schema)):
                        found[table.name, owner] = Indexed(table.name, owner, "", count, digest, ())
    except duckdb.Error as error:
        raise LakeError(f"snapshot {snapshot.snapshot_id[:12]} cannot be read ({error}). Restore its files.") from error
    return found
