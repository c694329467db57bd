"""What a torture found: a figure, the bar it is held against, and whether it holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Tick = Callable[[], None]


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        held: None where there is no bar, as of what was done and how often.
    """

    torture: str
    what: str
    figure: Any
    bar: str = ""
    held: bool | None = None


def none_of(torture: str, figures: Mapping[str, Any], *names: str) -> list[Figure]:
    """Figures that must be 0, or empty."""
    return [Figure(torture, name.replace("_", " "), figures[name] or 0, "0", not figures[name]) for name in names]


def told(torture: str, figures: Mapping[str, Any], *names: str) -> list[Figure]:
    """Figures without a bar."""
    return [Figure(torture, name.replace("_", " "), figures[name]) for name in names]


def at_least(torture: str, what: str, figure: float, least: float) -> Figure:
    return Figure(torture, what, figure, f"≥ {least:g}", figure >= least)


def exactly(torture: str, what: str, figure: Any, wanted: Any) -> Figure:
    return Figure(torture, what, figure, str(wanted), figure == wanted)
