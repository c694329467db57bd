"""A block of text as columns: comma-separated ones by name, or whole lines."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipeline.readers.blocks import shown
from pipeline.readers.frames import RowError

Columns = Mapping[str, Any]  # name -> polars type


def read_columns(block: bytes, columns: Columns) -> pl.DataFrame:
    """[N] rows of a CSV without header; a column that a row lacks is null.

    Raises:
        RowError: the first row that has more columns, or no number where one belongs.
    """
    try:
        rows = pl.read_csv(block, has_header=False, schema=columns, quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise _first_misfit(block, columns, str(error).splitlines()[0]) from error
    return rows


def read_lines(block: bytes) -> pl.DataFrame:
    """[N] one column `line`, trimmed, empty ones left out.

    Raises:
        RowError: the block is not text.
    """
    try:
        # a separator that no text log holds: the whole line becomes one field
        rows = pl.read_csv(block, has_header=False, separator="\x1f", quote_char=None, schema={"line": pl.String})
    except pl.exceptions.PolarsError as error:
        raise _first_misfit(block, {"line": pl.String}, str(error).splitlines()[0]) from error
    return rows.select(pl.col("line").str.strip_chars()).filter(pl.col("line").str.len_bytes() > 0)


def read_fields(block: bytes, separator: str, count: int) -> pl.DataFrame | None:
    """[N] up to `count` fields of each line as text, `0` to `count - 1`; None where a line has more, or none.

    Reading fields is several times as quick as taking lines apart, so it is tried first.
    """
    names = [str(index) for index in range(count)]
    try:
        rows = pl.read_csv(
            block, has_header=False, separator=separator, quote_char=None, schema=dict.fromkeys(names, pl.String)
        )
    except pl.exceptions.PolarsError:
        return None
    return None if rows.is_empty() or rows["0"].null_count() else rows


def _first_misfit(block: bytes, columns: Columns, otherwise: str) -> RowError:
    lines = block.split(b"\n")
    faulty = [index for index, line in enumerate(lines) if line.strip() and not _fits(line.rstrip(b"\r"), columns)]
    if not faulty:
        return RowError(0, otherwise, shown(lines[0]), 1)
    reason = f"this does not fit the columns {','.join(columns)}"
    return RowError(faulty[0], reason, shown(lines[faulty[0]]), len(faulty))


def _fits(line: bytes, columns: Columns) -> bool:
    try:
        fields = line.decode().split(",") if len(columns) > 1 else [line.decode()]
    except UnicodeDecodeError:
        return False
    if len(fields) > len(columns):
        return False
    pairs = zip(fields, columns.values(), strict=False)
    return all(kind == pl.String or field == "" or _is_number(field, kind) for field, kind in pairs)


def _is_number(field: str, kind: Any) -> bool:
    return pl.Series([field]).cast(kind, strict=False).null_count() == 0
