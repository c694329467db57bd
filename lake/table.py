"""What a table is: typed columns, a key, and what its rows may hold; `lake/schema.py` has the tables.

Arrow is imported when a table is written or read as Arrow, not before: a log call and a query need none of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import LakeError

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]
Kind = Literal["text", "integer", "real", "flag", "instant"]
Range = tuple[float | None, float | None]

DUCKDB_TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "flag": "BOOLEAN",
    "instant": "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class Column:
    """A column: what kind of value it holds, what the value means, and what it may be.

    Attributes:
        since: schema version that brought it; parts of older ones read as `absent`, an SQL expression over
            their other columns.
    """

    kind: Kind
    doc: str
    nullable: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    since: int = 1
    absent: str = "NULL"

    @property
    def type(self) -> pa.DataType:
        return _arrow_types()[self.kind]

    def plain(self, value: Any) -> Any:
        """What a value that fits is kept as; a real is a float even where a whole number was given."""
        return None if value is None else _PLAIN[self.kind](value)

    def fault(self, value: Any) -> str | None:
        """Why `value` may not stand in this column, or None where it may."""
        if value is None:
            return None if self.nullable else "is missing"
        if fault := _KIND_FAULTS[self.kind](value):
            return f"is {value!r}, {fault}"
        if self.choices and value not in self.choices:
            return f"is {value!r}, not one of {', '.join(self.choices)}"
        if self.kind == "real" and not math.isfinite(value):
            return f"is {value}; only finite numbers are kept (null says 'not applicable')"
        if self.low is not None and value < self.low:
            return f"is {value}, below {self.low:g}"
        if self.high is not None and value > self.high:
            return f"is {value}, above {self.high:g}"
        return None


@cache
def _arrow_types() -> Mapping[Kind, pa.DataType]:
    import pyarrow as pa

    return {
        "text": pa.string(),
        "integer": pa.int64(),
        "real": pa.float64(),
        "flag": pa.bool_(),
        "instant": pa.timestamp("us", tz="UTC"),
    }


def _text_fault(value: Any) -> str | None:
    if not isinstance(value, str):
        return "no text"
    if value.isascii():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return "which UTF-8 cannot write"
    return None


def _integer_fault(value: Any) -> str | None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        return "no whole number"
    return None if -(2**63) <= int(value) < 2**63 else "beyond 64 bits"


def _real_fault(value: Any) -> str | None:
    if not isinstance(value, Real) or isinstance(value, bool):
        return "no number"
    try:
        is_lost = math.isinf(float(value)) and abs(value) != math.inf
    except OverflowError:
        is_lost = True
    return "beyond what 64 bits hold" if is_lost else None


def _instant_fault(value: Any) -> str | None:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        return "no time with a time zone"
    try:
        value.astimezone(UTC)
    except OverflowError:
        return "which is outside the years that UTC has"
    return None


# Why a column of a kind cannot hold a value. Numbers of numpy are numbers, a bool is none.
_KIND_FAULTS: Mapping[Kind, Callable[[Any], str | None]] = {
    "text": _text_fault,
    "flag": lambda value: None if isinstance(value, bool) else "neither true nor false",
    "instant": _instant_fault,
    "integer": _integer_fault,
    "real": _real_fault,
}


# What a value that fits is kept as: of numpy's and other numbers the plain one, so that a line and Arrow take it.
_PLAIN: Mapping[Kind, Callable[[Any], Any]] = {
    "text": str,
    "flag": bool,
    "instant": lambda value: value.astimezone(UTC),
    "integer": int,
    "real": float,
}


def text(doc: str, **options: Any) -> Column:
    return Column("text", doc, **options)


def integer(doc: str, **options: Any) -> Column:
    return Column("integer", doc, **options)


def count(doc: str, **options: Any) -> Column:
    return Column("integer", doc, low=0, **options)


def real(doc: str, **options: Any) -> Column:
    return Column("real", doc, **options)


def share(doc: str, **options: Any) -> Column:
    return Column("real", doc, low=0, high=1, **options)


def flag(doc: str, **options: Any) -> Column:
    return Column("flag", doc, **options)


def instant(doc: str, **options: Any) -> Column:
    return Column("instant", doc, **options)


@dataclass(frozen=True)
class Latest:
    """Which of several rows about the same thing counts, as where a resumed run wrote an epoch again.

    Attributes:
        about: rows that agree in these columns are about the same thing.
        order: SQL; the first row in this order counts.
    """

    about: tuple[str, ...]
    order: str


@dataclass(frozen=True, eq=False)
class Table:
    """A table: its columns and the key no two rows share; a null in a key is a value like any other.

    Attributes:
        version: of the schema it stands in; written into every file.
        owner: the column whose value names the folder of a part: whose rows they are.
        ranges: what `value` may be, by the name in the column `metric`.
        latest: given where several rows may be about the same thing; then the view `NAME` shows those that
            count, and `NAME_events` all of them (`run_events` for `runs`).
        is_bulk: written by a run in large parts of its own rather than through its journal; of a run that was
            attempted again only the last attempt's parts count.
        refuses_zeros: a batch of more than a few rows whose `value` is 0 throughout is no measurement.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    version: int
    owner: str = "run_id"
    ranges: Mapping[str, Range] = field(default_factory=dict)
    latest: Latest | None = None
    is_bulk: bool = False
    refuses_zeros: bool = False

    @property
    def view(self) -> str:
        """Where a query finds every row."""
        return f"{self.name.removesuffix('s')}_events" if self.latest else self.name

    @property
    def order_sql(self) -> str:
        """The key's order, in which all files have their rows."""
        return ", ".join(f'"{name}" NULLS FIRST' for name in self.key)

    @cached_property
    def schema(self) -> pa.Schema:
        import pyarrow as pa

        fields = [pa.field(name, column.type, column.nullable) for name, column in self.columns.items()]
        return pa.schema(fields, metadata={"kdgat.table": self.name, "kdgat.schema": str(self.version)})

    def check(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """The rows as dicts of plain values, once each fits.

        Raises:
            LakeError: a row has an unknown column, lacks one, holds a value outside its contract, two rows share
                a key, or all values of a table that measures are 0.
        """
        listed = [dict(row) for row in rows]
        seen: set[tuple[Any, ...]] = set()
        for number, row in enumerate(listed):
            self._check_row(number, row)
            row |= {name: self.columns[name].plain(value) for name, value in row.items()}
            key = tuple(row.get(name) for name in self.key)
            if key in seen:
                raise LakeError(f"{self.name}: row {number} repeats the key {dict(zip(self.key, key, strict=True))}.")
            seen.add(key)
        if self.refuses_zeros and is_all_zero(row["value"] for row in listed):
            raise LakeError(all_zero_fault(self.name, len(listed)))
        return listed

    def arrow(self, rows: Iterable[Row]) -> pa.Table:
        """The rows as Arrow, in key order.

        Raises:
            LakeError: as `check`.
        """
        import pyarrow as pa

        listed = sorted(self.check(rows), key=self._place)
        filled = [{name: row.get(name) for name in self.columns} for row in listed]
        return pa.Table.from_pylist(filled, schema=self.schema)

    def _place(self, row: Row) -> tuple[Any, ...]:
        """Sorts by key; a null, which compares with nothing, comes before every value."""
        return tuple((False,) if row.get(name) is None else (True, row[name]) for name in self.key)

    def _check_row(self, number: int, row: Row) -> None:
        if not row.keys() <= self.columns.keys():
            unknown = sorted(set(row) - set(self.columns))
            raise LakeError(
                f"{self.name}: row {number} has no such column as {', '.join(unknown)}. "
                f"Columns: {', '.join(self.columns)} (lake/schema.py)."
            )
        for name, column in self.columns.items():
            if fault := column.fault(row.get(name)):
                raise LakeError(f"{self.name}: row {number}: {name} {fault}. Nothing was written.")
        if self.ranges and (fault := range_fault(self.ranges, row["metric"], row["value"])):
            raise LakeError(f"{self.name}: row {number}: {fault}. Nothing was written.")


def range_fault(ranges: Mapping[str, Range], metric: str, value: float | None) -> str | None:
    """Why a metric of that name cannot have that value, or None where it can."""
    low, high = ranges.get(metric, (None, None))
    if value is None or ((low is None or value >= low) and (high is None or value <= high)):
        return None
    return f"{metric} is {value}, " + (f"below {low:g}" if high is None else f"outside [{low:g}, {high:g}]")


# So few zeros may be what was measured; a whole evaluation of them is a placeholder.
MOST_ZEROS = 4


def is_all_zero(values: Iterable[float | None]) -> bool:
    known = [value for value in values if value is not None]
    return len(known) > MOST_ZEROS and not any(known)


def all_zero_fault(table: str, rows: int) -> str:
    return (
        f"{table}: all {rows} values are 0, which no evaluation gives: base rate, accuracy or threshold would not be. "
        "Look at what computes them. Nothing was written."
    )
