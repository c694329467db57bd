"""Logged numbers of any tracker, as rows of `epochs`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lake.schema import EPOCHS, SPLITS
from lake.table import Row
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import curve_name
from pipeline.legacy.sift import SOURCE

STEP_AS_EPOCH = "it logged no epoch beside its numbers: epoch is the logged step."
NO_SPLIT = f"its name begins with neither train, val nor test; say with --split which of {', '.join(SPLITS)} it is of"


@dataclass(frozen=True)
class Logged:
    """One number as it was logged; `what` is how messages call it."""

    epoch: Any
    name: str
    value: Any
    what: str
    attempt: int = 1


def add_curves(gathering: Gathering, source: str, run_id: str, logged: Iterable[Logged], split: str | None) -> None:
    """Rows of a run's curves; of a number logged twice in an epoch the later one is kept."""
    listed = list(logged)
    gathering.counted(source, len(listed), 0, "epochs")
    rows: list[Row] = []
    for one in listed:
        named = curve_name(one.name, split)
        if named is None:
            gathering.refuse(source, one.what, NO_SPLIT)
            continue
        rows.append(
            {
                "attempt": one.attempt, "epoch": _whole(one.epoch), "split": named[0], "metric": named[1],
                "value": number(one.value), SOURCE: one.what,
            }
        )  # fmt: skip
    gathering.counted(source, 0, gathering.add_rows(source, EPOCHS, run_id, rows), "")


def number(value: Any) -> Any:
    """Text that is a number, as CSV and JSON have it, as that number; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _whole(value: Any) -> Any:
    value = number(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def number_of(path_name: str) -> int:
    """N of `version_N`."""
    found = re.fullmatch(r"version_(\d+)", path_name)
    return int(found[1]) if found else 0


def seed_of(config: Any) -> int | None:
    """A config's `seed`, wherever trackers put it, where it is a whole number."""
    found = config.get("seed") if isinstance(config, dict) else None
    found = number(found)
    if isinstance(found, float) and found.is_integer():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def device_of(config: Any) -> str | None:
    found = config.get("device") if isinstance(config, dict) else None
    return str(found) if found else None
