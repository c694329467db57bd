"""Looking a name up, and the nearest one that is known where it is none."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from pipeline.errors import ConfigError

Row = TypeVar("Row")


def find_named(kind: str, name: str, rows: Mapping[str, Row], where: str = "") -> Row:
    """The row of that name.

    Args:
        kind: what a row is, in one word.
        where: what a person would look through for the names.

    Raises:
        ConfigError: there is none; says the nearest, and all.
    """
    if name in rows:
        return rows[name]
    raise ConfigError(
        f"no {kind} is called {name!r}{nearest(name, rows)} "
        f"{kind.capitalize()}s: {', '.join(rows)}{f' ({where})' if where else ''}."
    )


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """'; did you mean …?' where a known name is close, else a full stop."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {close[0]!r}?" if close else "."
