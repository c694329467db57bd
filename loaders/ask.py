"""Asks a named query of a connection that has the lake's tables, or the site's, as views."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from lake.commands.shown import Rows
from lake.read import ALL, open_lake
from loaders.queries import QUERIES, Value, statements, views_of

if TYPE_CHECKING:
    from lake.snapshot import Snapshot

_HAVE = ("results",)  # views that an opened lake has, and the site's data not
_DERIVED = ("settings",)  # tables of the site that the lake has not; their loader makes them


def ask(connection: "duckdb.DuckDBPyConnection", name: str, values: Mapping[str, Value] | None = None) -> Rows:
    """The rows of a named query.

    Raises:
        LakeError: there is no such query or variable.
    """
    *before, question = statements(name, values, _HAVE if _has(connection, "results") else ())
    for statement in before:
        connection.execute(statement)
    answer = connection.execute(question)
    return Rows([column[0] for column in answer.description or ()], answer.fetchall())


def _has(connection: "duckdb.DuckDBPyConnection", view: str) -> bool:
    try:
        connection.execute(f"SELECT 1 FROM {view} LIMIT 0")  # the catalog's own views take ten times as long to ask
    except duckdb.CatalogException:
        return False
    return True


def open_for(root: Path, snapshot: "Snapshot | None", *names: str) -> "duckdb.DuckDBPyConnection":
    """A connection with the tables that these queries read.

    Raises:
        LakeError: `root` is no lake, or a part in it cannot be read.
    """
    tables = {table for name in names for table in (*QUERIES[name].tables, *views_of(name))} & {*ALL, *_DERIVED}
    connection = open_lake(root, snapshot, sorted(tables - {*_DERIVED}))
    if "settings" in tables:
        from loaders import settings  # reads whole tables as Arrow, which takes its time to import

        connection.register("settings", settings.load(connection))
    return connection
