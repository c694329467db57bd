"""docs/schema.md: every column of every table, from the schema itself."""

from lake.schema import TABLES
from lake.table import Column, Table
from lake.version import SCHEMA_VERSION

_HEAD = f"""# The lake's tables

Made by `./run lake schema > docs/schema.md`; a test says when it is out of date. Schema version {SCHEMA_VERSION}.

Each row is checked against its column's contract when it is logged; a breach is refused by name. A column that came
with a later schema reads as null, or as what the older columns say, where a part of an older schema lacks it. A name
with `_events` shows every row, the name without it those that count.
"""


def schema_page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *(_table(table) for table in TABLES.values())])


def _table(table: Table) -> str:
    events = f" Every row: `{table.view}`." if table.latest else ""
    lines = [
        f"## {table.name}", "", f"{table.doc}{events} Key: {', '.join(f'`{name}`' for name in table.key)}.", "",
        "| column | holds | may be | meaning |", "| --- | --- | --- | --- |",
        *(_column(table, name, column) for name, column in table.columns.items()), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _column(table: Table, name: str, column: Column) -> str:
    since = f" Since schema {column.since}." if column.since > 1 else ""
    return f"| `{name}` | {column.kind} | {_contract(table, name, column)} | {column.doc}.{since} |"


def _contract(table: Table, name: str, column: Column) -> str:
    said = []
    if column.choices:
        said.append(", ".join(column.choices))
    if column.low is not None and column.high is not None:
        said.append(f"{column.low:g} to {column.high:g}")
    elif column.low is not None:
        said.append(f"at least {column.low:g}")
    if table.ranges and name == "value":
        said.append("in the metric's range")
    if column.kind == "real":
        said.append("finite")
    if column.nullable:
        said.append("null")
    return "; ".join(said) or "any"
