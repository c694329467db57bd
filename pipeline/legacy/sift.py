"""Rows apart: those that fit their table's contract, and those that do not, each with the reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from lake.table import Range, Row, Table, is_all_zero, range_fault
from pipeline.legacy.names import RANGES

SOURCE = "__source"  # of a row: what it is called in messages; no column of a table

_ZEROS = "all values of this evaluation are 0, which is a placeholder and no measurement"
_REPEATED = "logged again later under the same key; the last one is kept"


def sift(table: Table, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The rows that fit, without `SOURCE`, and what was refused with its reason; of a repeated key the last row fits.

    A batch of measurements that is 0 throughout is refused whole, as the lake would.
    """
    refused = []
    fitting: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        plain = {name: value for name, value in row.items() if name != SOURCE}
        if fault := _fault(table, plain):
            refused.append((str(row[SOURCE]), fault))
            continue
        key = tuple(plain.get(name) for name in table.key)
        if key in fitting:
            refused.append((fitting[key][SOURCE], _REPEATED))
        fitting[key] = {**plain, SOURCE: str(row[SOURCE])}
    kept = list(fitting.values())
    if table.refuses_zeros and is_all_zero(row["value"] for row in kept):
        return [], refused + [(row[SOURCE], _ZEROS) for row in kept]
    return [{name: value for name, value in row.items() if name != SOURCE} for row in kept], refused


def _fault(table: Table, row: Row) -> str | None:
    for name, column in table.columns.items():
        if fault := column.fault(row.get(name)):
            return f"{name} {fault}"
    if table.ranges:
        return range_fault(_ranges(table.ranges), row["metric"], row["value"])
    return None


def _ranges(known: Mapping[str, Range]) -> Mapping[str, Range]:
    return {**RANGES, **known}
