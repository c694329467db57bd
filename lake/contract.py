"""A table's contract over many rows at once: what `Table.check` says of rows, said of Arrow columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.errors import LakeError
from lake.table import Row, Table, all_zero_fault, is_all_zero, range_fault

if TYPE_CHECKING:
    import pyarrow as pa


def check_arrow(table: Table, columns: Mapping[str, Any], zeros: bool = True) -> pa.Table:
    """The columns as the table's rows in key order, once all fit; a missing column is null.

    Args:
        zeros: as of `arrow_fault`.

    Raises:
        LakeError: as `Table.check`.
    """
    import pyarrow as pa

    if unknown := sorted(columns.keys() - table.columns.keys()):
        raise LakeError(
            f"{table.name} has no such column as {', '.join(unknown)}. Columns: {', '.join(table.columns)}."
        )
    rows = len(columns[table.owner])
    try:
        data = pa.table(
            {name: columns.get(name, pa.nulls(rows, one.type)) for name, one in table.columns.items()}
        ).cast(table.schema)
    except (pa.ArrowException, ValueError) as error:
        raise LakeError(f"{table.name}: {error}. Nothing was written.") from error
    if fault := arrow_fault(table, data, zeros):
        raise LakeError(f"{table.name}: {fault}. Nothing was written.")
    order = [(name, "ascending", "at_start") for name in table.key]
    data = data.sort_by(order) if len(data) > 1 else data
    if key := repeated_key(table, data):
        raise LakeError(f"{table.name}: the key {key} stands in more than one row. Nothing was written.")
    return data


def arrow_of(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Rows that were checked one by one when they were logged, as Arrow in key order; the contract is checked again,
    but for that of tables that are 0 throughout: what was acknowledged is kept, and `verify` says so.

    Raises:
        LakeError: as `Table.check`.
    """
    import pyarrow as pa

    try:
        filled = pa.Table.from_pylist([{name: row.get(name) for name in table.columns} for row in rows], table.schema)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise LakeError(f"{table.name}: {error}. Nothing was written.") from error
    return check_arrow(table, {name: filled[name] for name in table.columns}, zeros=False)


def arrow_fault(table: Table, data: pa.Table, zeros: bool = True) -> str | None:
    """The first breach of a column's contract among rows, as a sentence without its end, or None.

    Args:
        zeros: also refuse a table of measurements that is 0 throughout, which one part of it may well be.
    """
    for name in data.column_names:
        if fault := _column_fault(table, name, data[name]):
            return fault
    if table.ranges and (fault := _range_fault(table, data)):
        return fault
    if zeros and table.refuses_zeros and is_all_zero(data["value"].to_pylist()):
        return (
            all_zero_fault(table.name, len(data)).removeprefix(f"{table.name}: ").removesuffix(" Nothing was written.")
        )
    return None


def _column_fault(table: Table, name: str, values: pa.ChunkedArray) -> str | None:
    """Finds the first faulty row with Arrow and asks the column what is wrong with it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.columns[name]
    suspects = [] if column.nullable else [pc.is_null(values)]
    if column.choices:
        suspects.append(
            pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, pa.array(column.choices, pa.string()))))
        )
    if column.kind == "real":
        suspects.append(pc.invert(pc.is_finite(values)))
    if column.low is not None:
        suspects.append(pc.less(values, column.low))
    if column.high is not None:
        suspects.append(pc.greater(values, column.high))
    for suspect in suspects:
        row = pc.index(pc.fill_null(suspect, False), True).as_py()
        if row >= 0:
            return f"row {row}: {name} {column.fault(values[row].as_py())}"
    return None


def _range_fault(table: Table, data: pa.Table) -> str | None:
    """The extremes of each metric tell whether all its values are in range.

    By numpy, which is there already: Arrow's group_by imports its engine, half of what closing a journal takes.
    """
    import numpy as np

    rows = data.select(["metric", "value"]).drop_null().combine_chunks()
    if not len(rows):
        return None
    coded = rows["metric"].chunk(0).dictionary_encode()
    codes, values = coded.indices.to_numpy(), rows["value"].to_numpy()
    least, most = np.full(len(coded.dictionary), np.inf), np.full(len(coded.dictionary), -np.inf)
    np.minimum.at(least, codes, values)
    np.maximum.at(most, codes, values)
    for metric, *extremes in zip(coded.dictionary.to_pylist(), least.tolist(), most.tolist(), strict=True):
        for value in extremes:
            if fault := range_fault(table.ranges, metric, value):
                return fault
    return None


def repeated_key(table: Table, data: pa.Table) -> dict[str, Any] | None:
    """The first key that stands in two rows. In sorted rows those lie side by side."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(data) < 2:
        return None
    same = pa.chunked_array([pa.repeat(pa.scalar(True), len(data) - 1)])
    for name in table.key:
        first, second = data[name].slice(0, len(data) - 1), data[name].slice(1)
        equal = pc.coalesce(pc.equal(first, second), pc.and_(pc.is_null(first), pc.is_null(second)))
        same = pc.and_(same, equal)
    row = pc.index(same, True).as_py()
    return {name: data[name][row].as_py() for name in table.key} if row >= 0 else None
