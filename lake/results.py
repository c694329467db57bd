"""`results`: every metric that counts with the model it is of, as `results.sql` says it; a view of every opened lake.

Compaction writes its rows beside the packs, sorted by metric, so that a leaderboard over ten thousand runs need not
join them anew. The file is a copy of what the query gives, never a source: a lake with rows that are in no pack, one
whose file an older query gave, and a snapshot, ask the query.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from lake.files import staged_file
from lake.generation import Generation, Results
from lake.parts import DIGITS
from lake.relation import create_views, parquet_of, rows_of
from lake.schema import METRICS, RUNS
from lake.stored import StoredFile

NAME = "results"
FOLDER = "results"
SQL = Path(__file__).with_name("results.sql").read_text()
STANDS_ON = (RUNS, METRICS)
_QUERY = hashlib.sha256(SQL.encode()).hexdigest()[:8]  # in the file's name, which so tells what gave its rows
_ORDER = "metric, split, dataset, series, seed NULLS FIRST, capture, protocol NULLS FIRST, calibration_s NULLS FIRST"
_ROW_GROUP = 30_000


def write_results(root: Path, packs: Sequence[StoredFile]) -> Results | None:
    """Write the rows that the query gives over these packs; None where there are none.

    Raises:
        LakeError: the disk is full, or the folder cannot be written.
    """
    import pyarrow.parquet as pq

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in STANDS_ON:
            files = [pack for pack in packs if pack.table == table.name]
            selected = rows_of(table, [(root / file.path, file.schema) for file in files])
            create_views(connection, table, selected, any(file.repeats for file in files))
        rows = connection.sql(
            f"SELECT * FROM ({SQL}) ORDER BY {_ORDER}, model_run_id, evaluate_run_id"
        ).to_arrow_table()
    if not len(rows):
        return None
    with staged_file(root / FOLDER) as staged:
        pq.write_table(rows, staged, compression="zstd", row_group_size=_ROW_GROUP, write_page_checksum=True)
        name = f"{_QUERY}-{staged.sha256[:DIGITS]}.parquet"
        staged.give_name(root / FOLDER / name)
        return Results(f"{FOLDER}/{name}", staged.sha256, staged.size_bytes, len(rows))


def is_outdated(generation: Generation) -> bool:
    """Whether the generation's file is what an older query gave."""
    return generation.results is not None and not Path(generation.results.path).name.startswith(f"{_QUERY}-")


def view_results(connection: duckdb.DuckDBPyConnection, root: Path, generation: Generation, is_whole: bool) -> bool:
    """Create the view from the generation's file, if its packs are all there is and this query gave it; else False, and
    nothing is done."""
    if not is_whole or generation.results is None:
        return False
    path = root / generation.results.path
    if is_outdated(generation) or not path.exists():
        return False
    connection.execute(f"CREATE VIEW {NAME} AS SELECT * FROM {parquet_of([path])}")
    return True
