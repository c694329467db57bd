"""Rows as a command prints them: a table for people, JSON, CSV or Markdown for scripts and texts."""

import csv
import json
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO
from unicodedata import combining, east_asian_width

from lake.errors import LakeError

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("table", "json", "csv", "md")


@dataclass(frozen=True)
class Rows:
    """Rows below the names of their columns, of which no two are alike."""

    names: Sequence[str]
    values: Sequence[Sequence[Any]]

    @classmethod
    def of(cls, table: "Rows | pa.Table") -> "Rows":
        """Raises LakeError where it has a time that no calendar of ours has."""
        if isinstance(table, Rows):
            return table
        try:
            return cls(table.column_names, [tuple(row.values()) for row in table.to_pylist()])
        except (OverflowError, ValueError) as error:
            raise LakeError(
                f"the answer has a value that cannot be shown ({error}): a time outside of the years 1 to 9999, "
                "or finer than a microsecond. Ask for it as text: CAST(… AS VARCHAR)."
            ) from error

    @property
    def dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.names, row, strict=True)) for row in self.values]


def print_rows(table: "Rows | pa.Table", form: str) -> None:
    """To stdout; how many there are goes to stderr where people read."""
    rows = Rows.of(table)
    if form == "json":
        print(json.dumps(plain(rows.dicts), default=str))
    elif form == "csv":
        write_csv(rows, sys.stdout)
    elif form == "md":
        print(markdown(rows))
    else:
        print(text_table(rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
        print(f"{len(rows.values)} rows", file=sys.stderr)


def plain(value: Any) -> Any:
    """For JSON: decimals, which are what DuckDB's sums are, as numbers; NaN and infinity, unknown there, as null; bytes
    in hexadecimal; an interval as words that DuckDB reads."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "nanoseconds"):  # Arrow's interval, a tuple
        return _interval(value.months, value.days, value.nanoseconds)
    if isinstance(value, timedelta):
        return _interval(0, value.days, (value - timedelta(value.days)) // timedelta(microseconds=1) * 1000)
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _interval(months: int, days: int, nanoseconds: int) -> str:
    seconds = Decimal(nanoseconds) / 10**9
    parts = ((months, "months"), (days, "days"), (seconds, "seconds"))
    return " ".join(f"{Decimal(count):f} {unit}" for count, unit in parts if count) or "0 seconds"


def write_csv(rows: Rows, out: TextIO) -> None:
    """Numbers in full; what is no text, number or time as JSON has it."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.names)
    writer.writerows([_scalar(value) for value in row] for row in rows.values)


def _scalar(value: Any) -> Any:
    """The value, or the text of what Python would show in a notation of its own."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | timedelta) or hasattr(value, "nanoseconds"):
        return plain(value)
    if isinstance(value, dict | list | tuple):
        return json.dumps(plain(value), default=str, ensure_ascii=False)
    return value


def markdown(rows: Rows) -> str:
    """A table of Markdown; what would end a cell is escaped."""
    lines = [rows.names, ["---"] * len(rows.names), *([_cell(value) for value in row] for row in rows.values)]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def text_table(rows: Rows, width: int | None = None) -> str:
    """Columns below each other, numbers to the right; a line a value where `width` columns hold no row."""
    cells = [[_cell(value) for value in row] for row in rows.values]
    widths = [max(map(_width, column)) for column in zip(rows.names, *cells, strict=True)]
    if not widths:
        return "no columns"
    if width is not None and sum(widths) + 2 * len(widths) > width:
        return _records(rows.names, cells)  # columns of four letters each tell nobody anything
    is_number = [
        all(value is None or _is_number(value) for value in column) for column in zip(*rows.values, strict=True)
    ] or [False] * len(widths)
    lines = [list(rows.names), ["─" * one for one in widths], *cells]
    return "\n".join(
        "  ".join(
            _padded(cell, one, right) for cell, one, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in lines
    )  # fmt: skip


def _records(names: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A line a value, for rows that are wider than the terminal."""
    lines = []
    for number, row in enumerate(cells, 1):
        lines += [f"row {number}", *(f"  {name:20} {cell}" for name, cell in zip(names, row, strict=True))]
    return "\n".join(lines)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    value = _scalar(value)
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|")


def _padded(cell: str, width: int, right: bool) -> str:
    blank = " " * (width - _width(cell))
    return blank + cell if right else cell + blank


def _width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 1 + (east_asian_width(char) in "WF") for char in text)
