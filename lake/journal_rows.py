"""What a journal asks of a row before it takes it, in as little time as may be: a training step waits for it."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from lake.schema import EPOCHS, TABLES
from lake.table import range_fault

Key = tuple[Any, ...]  # table, and what no two rows of it share


def epoch_fault(epoch: int, split: str, values: Mapping[str, float]) -> str | None:
    """As `EPOCHS.check` of the rows, without making them."""
    columns = EPOCHS.columns
    for name, given in (("epoch", epoch), ("split", split)):
        if fault := columns[name].fault(given):
            return f"{name} {fault}"
    for metric, value in values.items():
        if not (type(value) is float and isfinite(value)) and (fault := columns["value"].fault(value)):
            return f"{metric}: value {fault}"
        if metric in EPOCHS.ranges and (fault := range_fault(EPOCHS.ranges, metric, value)):
            return fault
        if fault := columns["metric"].fault(metric):
            return f"metric {fault}"
    return None


def repeats(key: Key) -> str:
    names = dict(zip(TABLES[key[0]].key, key[1:], strict=True))
    return f"{key[0]}: the key {names} was logged before, and rows are never written over. Nothing was written."
