"""The lake's only writer: a part of one run's rows, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from lake.files import whole_file
from lake.parts import part_path
from lake.root import create_lake
from lake.table import Row, Table


def append(root: Path, table: Table, run_id: str, part: str, rows: Iterable[Row]) -> Path:
    """Add one part of a run's rows; the same part again replaces it, so a repeated job doubles nothing.

    Raises:
        LakeError: a row breaks the table's contract, `root` is no lake, or the disk is full.
    """
    data = table.arrow([{**row, "run_id": run_id} for row in rows])
    path = part_path(root, table, run_id, part)
    create_lake(root)
    with whole_file(path) as staged:
        pq.write_table(data, staged, compression="zstd", write_page_checksum=True)
    return path
