"""How analytics puts numbers, seeds and places into words."""

from collections.abc import Mapping, Sequence
from typing import Any

from lake.intervals import FEWEST

DIGITS = 4


def number(value: float | None, digits: int = DIGITS) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = DIGITS) -> str:
    return "–" if value is None else f"{value:+.{digits}f}"


def interval(low: float | None, high: float | None, *, is_signed: bool = False) -> str:
    if low is None or high is None:
        return ""
    shown = signed if is_signed else number
    return f"[{shown(low)}, {shown(high)}]"


def seeds(seeds_drawn: Sequence[int | None]) -> str:
    """ "1 seed", "5 seeds", or that nothing is drawn at random."""
    drawn = [seed for seed in seeds_drawn if seed is not None]
    if not drawn:
        return "none drawn"
    return f"{len(drawn)} seed{'' if len(drawn) == 1 else 's'}"


def too_few(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to say of rows whose seeds are too few for an interval."""
    few = sum(1 for row in rows if any(seed is not None for seed in row["seeds"]) and row["n_seeds"] < FEWEST)
    if not few:
        return []
    return [f"{few} of these have fewer than {FEWEST} seeds: too few for a 95 % interval, so none is given."]


def name_of(row: Mapping[str, Any]) -> str:
    """A model as a command takes it; an imported one says so."""
    return f"{row['name']} (imported)" if row.get("origin") else str(row["name"])


def distinct(rows: Sequence[Mapping[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return list(dict.fromkeys(tuple(row[key] for key in keys) for row in rows))
