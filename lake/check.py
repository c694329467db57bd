"""Looks for what must not be: damaged or altered parts, rows outside their contract, repeated keys, rows of
unknown runs, files that no table knows."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lake.errors import LakeError
from lake.files import sha256_of
from lake.parts import MERGED, check_part, part_files
from lake.read import open_lake
from lake.root import check_lake
from lake.schema import TABLES
from lake.snapshot import FOLDER, Snapshot, load_snapshot
from lake.table import Table


def verify(root: Path, snapshot: Snapshot | None = None) -> list[str]:
    """Every fault found, as a sentence each; an empty list means that all bytes and rows are sound.

    Without a snapshot the whole lake is checked, and every snapshot of it. Faults between parts are
    looked for once each part is sound by itself.
    """
    check_lake(root)
    snapshots, faults = ([snapshot], []) if snapshot else _readable_snapshots(root)
    faults += _altered_parts(root, snapshots)
    faults += _stray_files(root)
    is_whole = True
    for name, paths in part_files(root).items():
        for path in paths:
            if fault := _part_fault(path, TABLES[name]):
                faults.append(fault)
                is_whole = False
    return faults + _faulty_rows(root) if is_whole else faults


def _readable_snapshots(root: Path) -> tuple[list[Snapshot], list[str]]:
    snapshots, faults = [], []
    for path in sorted((root / FOLDER).glob("[!.]*.json")):
        try:
            snapshots.append(load_snapshot(root, path.stem))
        except LakeError as error:
            faults.append(str(error))
    return snapshots, faults


def _altered_parts(root: Path, snapshots: list[Snapshot]) -> list[str]:
    digests: dict[str, str | None] = {}
    faults = []
    for snapshot in snapshots:
        for file in snapshot.files:
            if file.path not in digests:
                path = root / file.path
                digests[file.path] = sha256_of(path) if path.exists() else None
            if digests[file.path] is None:
                faults.append(f"{file.path} is missing; snapshot {snapshot.snapshot_id[:12]} names it.")
            elif digests[file.path] != file.sha256:
                faults.append(f"{file.path} was altered since snapshot {snapshot.snapshot_id[:12]}.")
    return faults


def _stray_files(root: Path) -> list[str]:
    """Files in a table's folder that no reader would find; those being written have hidden names."""
    known = {path for paths in part_files(root).values() for path in paths}
    found = {path for name in TABLES for path in (root / name).rglob("*") if path.is_file()}
    strays = sorted(path for path in found - known if not path.name.startswith("."))
    return [f"{path} does not belong into the lake, and no query sees it. Move it out." for path in strays]


def _part_fault(path: Path, table: Table) -> str | None:
    """The first fault of one part: of its bytes, or of a row by itself."""
    try:
        check_part(path, table)
        rows = pq.read_table(path, page_checksum_verification=True).to_pylist()
    except LakeError as error:
        return str(error)
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"{path} cannot be read to its end ({error}). Restore it from a copy."
    for number, row in enumerate(rows):
        if path.parent.name not in (row["run_id"], MERGED):
            return f"{path}: row {number} is of the run {row['run_id']}, not of {path.parent.name}."
        for name, value in row.items():
            if fault := table.columns[name].fault(value):
                return f"{path}: row {number}: {name} {fault}."
    return None


def _faulty_rows(root: Path) -> list[str]:
    faults = []
    try:
        with open_lake(root) as connection:
            for table in TABLES.values():
                faults += _repeated_keys(connection, table) + _orphans(connection, table)
    except duckdb.Error as error:
        faults.append(f"{root}: DuckDB cannot read what pyarrow can ({error}). Restore the lake from a copy.")
    return faults


def _repeated_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    keys = ", ".join(f'"{name}"' for name in table.key)
    rows = connection.execute(
        f'SELECT {keys} FROM "{table.view}" GROUP BY ALL HAVING count(*) > 1 LIMIT 3'
    ).fetchall()  # fmt: skip
    return [f"{table.name}: the key {row} stands in more than one row." for row in rows]


def _orphans(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    rows = connection.execute(
        f'SELECT DISTINCT run_id FROM "{table.view}" WHERE run_id NOT IN (SELECT run_id FROM runs) LIMIT 3'
    ).fetchall()
    return [f"{table.name}: rows of the run {row[0]}, which runs does not know." for row in rows]
