"""`lake.open(…)`: a lake, a snapshot of it, or a remote one, as views to ask.

import lake
with lake.open("data/lake") as opened:
    opened.sql("SELECT model, value FROM metrics JOIN runs USING (run_id) WHERE metric = 'f1'")   # DuckDB relation
    opened.polars("runs")                       # a table, or any query, as polars
    opened.arrow("SELECT * FROM epochs")        # … as pyarrow
lake.open("s3://bucket/prefix", snapshot="paper-v1")    # reads what a query needs, not the whole
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from lake.errors import LakeError
from lake.read import ALL, open_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot
from lake.tags import find_snapshot

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_VIEWS = {*ALL, *(table.view for table in TABLES.values())}


class Lake:
    """An opened lake: `connection` has one view a table; see the module.

    Attributes:
        snapshot: what it shows; None for all that a lake holds at the moment it was opened.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, snapshot: Snapshot | None) -> None:
        self.connection, self.name, self.snapshot = connection, name, snapshot

    def sql(self, query: str, params: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyRelation:
        """The answer of DuckDB, which computes it when it is asked for.

        Raises:
            LakeError: DuckDB refuses the query.
        """
        with _refusals():
            return self.connection.sql(query, params=dict(params) if params else None)

    def arrow(self, query: str) -> "pa.Table":
        """A table by its name, or the answer of a query, as Arrow; errors as `sql`."""
        with _refusals():
            return self.sql(_query(query)).to_arrow_table()

    def polars(self, query: str) -> "pl.DataFrame":
        """A table by its name, or the answer of a query, as polars; errors as `sql`."""
        import polars as pl

        frame = pl.from_arrow(self.arrow(query))
        assert isinstance(frame, pl.DataFrame), "a table of rows is a frame"
        return frame

    @property
    def tables(self) -> list[str]:
        """The views there are."""
        return sorted(_VIEWS)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Lake":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self.close()

    def __repr__(self) -> str:
        what = f"snapshot {self.snapshot.snapshot_id[:12]} of " if self.snapshot else ""
        return f"<{what}lake {self.name}>"


def open_any(
    where: str | Path, snapshot: str | None = None, tables: Collection[str] = ALL
) -> Lake:  # fmt: skip
    """Open a lake's folder, a snapshot's file in it, or a remote's address (s3://, https://, file://).

    Args:
        snapshot: id, its beginning, or name. Of a remote the newest one is opened by default.
        tables: only these are looked at, which is quicker in a lake of many parts.

    Raises:
        LakeError: there is no lake, no such snapshot, or a file cannot be read.
    """
    text = str(where)
    if "://" in text:
        from lake.remote.reading import open_remote

        connection, chosen = open_remote(text, snapshot, tables)
        return Lake(connection, text, chosen)
    path = Path(where)
    if path.suffix == ".json" and path.parent.name == "snapshots":
        path, snapshot = path.parent.parent, path.stem
    found = find_snapshot(path, snapshot) if snapshot else None
    if found:
        return Lake(open_lake(path, found, tables), str(path), found)
    return Lake(open_lake(path, tables=tables), str(path), None)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise LakeError(f"DuckDB refuses the query: {error}\nTables: {', '.join(sorted(_VIEWS))}.") from error


def _query(text: str) -> str:
    return f'SELECT * FROM "{text}"' if text in _VIEWS else text
