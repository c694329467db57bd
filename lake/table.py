"""What a table is: typed columns, a key, and what its rows may hold; `lake/schema.py` has the tables."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from numbers import Integral, Real
from typing import Any

import pyarrow as pa

from lake.errors import LakeError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its Arrow type, what it means, and what it may hold."""

    type: pa.DataType
    doc: str
    nullable: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    def fault(self, value: Any) -> str | None:
        """Why `value` may not stand in this column, or None where it may."""
        if value is None:
            return None if self.nullable else "is missing"
        if fault := _type_fault(self.type, value):
            return f"is {value!r}, {fault}"
        if self.choices and value not in self.choices:
            return f"is {value!r}, not one of {', '.join(self.choices)}"
        if isinstance(value, Real) and not math.isfinite(value):
            return f"is {value}; only finite numbers are kept (null says 'not applicable')"
        if self.low is not None and value < self.low:
            return f"is {value}, below {self.low:g}"
        if self.high is not None and value > self.high:
            return f"is {value}, above {self.high:g}"
        return None


def _type_fault(kind: pa.DataType, value: Any) -> str | None:
    """Why a column of type `kind` cannot hold `value`; numbers of numpy are numbers, a bool is none."""
    if pa.types.is_string(kind):
        return None if isinstance(value, str) else "no text"
    if pa.types.is_boolean(kind):
        return None if isinstance(value, bool) else "neither true nor false"
    if pa.types.is_timestamp(kind):
        return None if isinstance(value, datetime) and value.tzinfo else "no time with a time zone"
    if pa.types.is_integer(kind):
        return None if isinstance(value, Integral) and not isinstance(value, bool) else "no whole number"
    return None if isinstance(value, Real) and not isinstance(value, bool) else "no number"


def text(doc: str, **options: Any) -> Column:
    return Column(pa.string(), doc, **options)


def integer(doc: str, **options: Any) -> Column:
    return Column(pa.int64(), doc, **options)


def count(doc: str, **options: Any) -> Column:
    return Column(pa.int64(), doc, low=0, **options)


def real(doc: str, **options: Any) -> Column:
    return Column(pa.float64(), doc, **options)


def flag(doc: str, **options: Any) -> Column:
    return Column(pa.bool_(), doc, **options)


def instant(doc: str, **options: Any) -> Column:
    return Column(pa.timestamp("us", tz="UTC"), doc, **options)


@dataclass(frozen=True)
class Table:
    """A table: its columns and the key no two rows share; a null in a key is a value like any other.

    Attributes:
        version: of the schema it stands in; written into every file.
        checks: what a column alone cannot say; each gives why a row may not stand here, or None where it may.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    version: int
    checks: tuple[Callable[[Row], str | None], ...] = ()

    @property
    def view(self) -> str:
        """Where a query finds every row; the view `runs` itself shows the latest row of a run."""
        return "run_events" if self.name == "runs" else self.name

    @property
    def schema(self) -> pa.Schema:
        fields = [pa.field(name, column.type, column.nullable) for name, column in self.columns.items()]
        return pa.schema(fields, metadata={"kdgat.table": self.name, "kdgat.schema": str(self.version)})

    def arrow(self, rows: Iterable[Row]) -> pa.Table:
        """The rows as Arrow, in key order.

        Raises:
            LakeError: a row has an unknown column, lacks one, holds a value outside its contract, or
                two rows share a key.
        """
        listed = [dict(row) for row in rows]
        seen: set[tuple[Any, ...]] = set()
        for number, row in enumerate(listed):
            self._check(number, row)
            key = tuple(row.get(name) for name in self.key)
            if key in seen:
                raise LakeError(f"{self.name}: row {number} repeats the key {dict(zip(self.key, key, strict=True))}.")
            seen.add(key)
        listed.sort(key=self._place)
        filled = [{name: row.get(name) for name in self.columns} for row in listed]
        return pa.Table.from_pylist(filled, schema=self.schema)

    def _place(self, row: Row) -> tuple[Any, ...]:
        """Sorts by key; a null, which compares with nothing, comes before every value."""
        return tuple((False,) if row.get(name) is None else (True, row[name]) for name in self.key)

    def _check(self, number: int, row: Row) -> None:
        unknown = sorted(set(row) - set(self.columns))
        if unknown:
            raise LakeError(
                f"{self.name}: row {number} has no such column as {', '.join(unknown)}. "
                f"Columns: {', '.join(self.columns)} (lake/schema.py)."
            )
        for name, column in self.columns.items():
            if fault := column.fault(row.get(name)):
                raise LakeError(f"{self.name}: row {number}: {name} {fault}. Nothing was written.")
        for check in self.checks:
            if fault := check(row):
                raise LakeError(f"{self.name}: row {number}: {fault}. Nothing was written.")
