"""A lake of some runs of another, one sorted part a table: small enough to be kept beside the code."""

from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from lake.errors import LakeError
from lake.files import whole_file
from lake.parts import MERGED, part_path
from lake.read import open_lake
from lake.root import create_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot, take_snapshot

_ROW_GROUP = 50_000


def merge(source: Path, destination: Path, run_ids: Collection[str]) -> Snapshot:
    """Copy every row of these runs into the new lake `destination` and freeze it.

    Raises:
        LakeError: a run has no row, `source` is no lake, or `destination` is there already.
    """
    if destination.exists():
        raise LakeError(f"{destination} is there already, and rows are never written over. Move it away first.")
    with open_lake(source) as lake:
        known = {run_id for (run_id,) in lake.sql("SELECT run_id FROM runs").fetchall()}
        if missing := sorted(set(run_ids) - known):
            raise LakeError(f"{source} has no run {', '.join(missing[:3])}. Runs to copy must be in it.")
        create_lake(destination)
        for table in TABLES.values():
            columns = ", ".join(f'"{name}"' for name in table.columns)
            keys = ", ".join(f'"{name}" NULLS FIRST' for name in table.key)
            rows = lake.sql(
                f'SELECT {columns} FROM "{table.view}" WHERE list_contains($run_ids, run_id) ORDER BY {keys}',
                params={"run_ids": sorted(run_ids)},
            ).to_arrow_table()
            if rows.num_rows:
                with whole_file(part_path(destination, table, MERGED, "rows")) as staged:
                    pq.write_table(
                        rows.cast(table.schema), staged, compression="zstd", compression_level=19,
                        row_group_size=_ROW_GROUP, write_page_checksum=True,
                    )  # fmt: skip
    return take_snapshot(destination)
