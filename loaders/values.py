"""Metric values picked by what they are of, and shown as a cell of a table in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.intervals import summarise


@dataclass(frozen=True)
class Values:
    """Metric values by what they are of."""

    rows: Sequence[Mapping[str, Any]]

    def of(self, **wanted: Any) -> "Values":
        return Values([row for row in self.rows if all(row[name] == value for name, value in wanted.items())])

    def distinct(self, name: str) -> list[Any]:
        return list(dict.fromkeys(row[name] for row in self.rows))

    def mean(self, metric: str) -> float | None:
        """Over seeds; None where there is no value."""
        values = [row["value"] for row in self.rows if row["metric"] == metric and row["value"] is not None]
        return summarise(values).mean if values else None

    def shown(self, metric: str, digits: int = 3) -> str:
        """Mean over seeds, with its interval where there are enough seeds; a dash where not applicable."""
        found = [row["value"] for row in self.rows if row["metric"] == metric]
        values = [value for value in found if value is not None]
        if not found:
            return ""
        if not values:
            return "–"
        about = summarise(values)
        text = f"{about.mean:.{digits}f}"
        if about.low is not None and about.high is not None and about.high > about.low:
            text += f" [{about.low:.{digits}f}, {about.high:.{digits}f}]"
        return text


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows below their heads, in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
