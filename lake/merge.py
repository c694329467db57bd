"""A lake of some runs of another, one sorted pack a table: small enough to be kept beside the code."""

from collections.abc import Collection
from pathlib import Path

from lake.errors import LakeError
from lake.generation import Generation, Indexed, current_generation, put_generation
from lake.pack import check_pack, write_index, write_packs
from lake.read import open_lake
from lake.root import create_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot, take_snapshot
from lake.stored import StoredFile


def merge(source: Path, destination: Path, run_ids: Collection[str]) -> Snapshot:
    """Copy every row of these runs into the new lake `destination` and freeze it.

    Raises:
        LakeError: a run has no row, `source` is no lake or a pack of it was altered, or `destination` is there already.
    """
    if destination.exists():
        raise LakeError(f"{destination} is there already, and rows are never written over. Move it away first.")
    for pack in current_generation(source).packs:
        check_pack(source, pack)
    with open_lake(source) as lake:
        known = {run_id for (run_id,) in lake.sql("SELECT run_id FROM runs").fetchall()}
        if missing := sorted(set(run_ids) - known):
            raise LakeError(f"{source} has no run {', '.join(missing[:3])}. Runs to copy must be in it.")
        create_lake(destination)
        packs: list[StoredFile] = []
        index: list[Indexed] = []
        for table in TABLES.values():
            if table.owner != "run_id":
                continue
            rows = lake.sql(
                f'SELECT * FROM "{table.view}" WHERE list_contains($run_ids, run_id) ORDER BY {table.order_sql}',
                params={"run_ids": sorted(run_ids)},
            ).to_arrow_table()
            for pack, indexed in write_packs(destination, table, [rows.cast(table.schema)] if len(rows) else []):
                packs.append(pack)
                index += indexed
    put_generation(destination, Generation(1, tuple(packs), *write_index(destination, index)))
    return take_snapshot(destination)
