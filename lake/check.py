"""Looks for what must not be: altered parts, repeated keys, rows of unknown runs, missing files."""

from pathlib import Path

from lake.errors import LakeError
from lake.files import sha256_of
from lake.parts import check_part, part_files
from lake.read import open_lake
from lake.root import check_lake
from lake.schema import TABLES
from lake.snapshot import FOLDER, Snapshot, load_snapshot


def verify(root: Path, snapshot: Snapshot | None = None) -> list[str]:
    """Every fault found, as a sentence each; an empty list means that all bytes and rows are sound.

    Without a snapshot the whole lake is checked, and every snapshot of it.
    """
    check_lake(root)
    snapshots = (
        [snapshot]
        if snapshot
        else [load_snapshot(root, path.stem) for path in sorted((root / FOLDER).glob("[!.]*.json"))]
    )
    faults = _altered_parts(root, snapshots)
    for name, paths in part_files(root).items():
        for path in paths:
            try:
                check_part(path, TABLES[name])
            except LakeError as error:
                faults.append(str(error))
    return faults or _faulty_rows(root)


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


def _faulty_rows(root: Path) -> list[str]:
    faults = []
    with open_lake(root) as connection:
        for table in TABLES.values():
            view = "run_events" if table.name == "runs" else table.name
            keys = ", ".join(f'"{name}"' for name in table.key)
            repeated = connection.execute(
                f'SELECT {keys} FROM "{view}" GROUP BY ALL HAVING count(*) > 1 LIMIT 3'
            ).fetchall()
            faults += [f"{table.name}: the key {row} stands in more than one row." for row in repeated]
            orphans = connection.execute(
                f'SELECT DISTINCT run_id FROM "{view}" WHERE run_id NOT IN (SELECT run_id FROM runs) LIMIT 3'
            ).fetchall()
            faults += [f"{table.name}: rows of the run {row[0]}, which runs does not know." for row in orphans]
    return faults
