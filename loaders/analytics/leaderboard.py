"""Which model is ahead by a metric, with the spread over its seeds."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.commands.shown import Rows
from lake.errors import LakeError
from lake.intervals import summarise
from loaders.analytics import conditions
from loaders.analytics.nothing import nothing_fits
from loaders.analytics.report import Report, Section
from loaders.analytics.words import distinct, interval, name_of, number, seeds, too_few
from loaders.ask import ask
from loaders.better import NO_WAY, better_of
from loaders.queries import Value

if TYPE_CHECKING:
    import duckdb

QUERY = "leaderboard"
_ORIGIN_NOTE = "Imported results are no results of this pipeline; what is wrong with each: loaders/legacy_results.sql."


def leaderboard(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> Report:
    """A section for each dataset, protocol and capture.

    Raises:
        LakeError: nothing fits what was asked.
    """
    values = {**asked, "better": better_of(str(asked["metric"]))}
    rows = ask(lake, QUERY, values).dicts
    if not rows:
        raise LakeError(nothing_fits(lake, asked))
    for row in rows:
        one = summarise(row["seed_values"])
        row |= {"deviation": one.deviation, "low": one.low, "high": one.high}
    conditions.mark_differing(lake, rows)
    notes = [] if values["better"] else [NO_WAY.format(metric=asked["metric"]) + " The largest stands first."]
    notes += _other_windows(rows) + conditions.averaged(rows) + too_few(rows)
    notes += [_ORIGIN_NOTE] if any(row["origin"] for row in rows) else []
    everything = Rows(list(rows[0]), [list(row.values()) for row in rows])
    return Report((QUERY, "measured", conditions.QUERY), values, {"rows": everything}, sections(rows), notes)


def sections(rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    found = []
    for dataset, under, capture in distinct(rows, "dataset", "under", "capture"):
        inside = [row for row in rows if (row["dataset"], row["under"], row["capture"]) == (dataset, under, capture)]
        first = inside[0]
        where = " · ".join(part for part in (dataset, under, capture) if part)
        count = f"{len(inside)} of {first['candidates']}" if len(inside) < first["candidates"] else str(len(inside))
        found.append(Section(f"{first['metric']} on {where}: {count} configurations", _table(inside)))
    return found


def _other_windows(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    places = distinct(rows, "dataset", "under", "capture")
    if len(distinct(rows, "dataset", "under", "capture", "windows")) == len(places):
        return []
    return ["Models with another number of windows look at windows of another size, so not at the same ones."]


def _table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Columns that say the same in each row are left out."""
    several = [key for key in ("experiment", "configuration") if len(distinct(rows, key)) > 1]
    differing = conditions.heads(rows)
    demo = ["note"] if any(row["is_demo"] for row in rows) else []
    heads = ["", "model", rows[0]["metric"], "95 % interval", "seeds", "windows", "parameters"]
    heads += [*several, *differing, *demo]
    return Rows(heads, [
        [
            row["place"], name_of(row), number(row["mean"]), interval(row["low"], row["high"]), seeds(row["seeds"]),
            row["windows"], row["parameters"], *(row[key] for key in several), *conditions.cells(row, differing),
            *(["demo, no result"] if row["is_demo"] else [""] * len(demo)),
        ]
        for row in rows
    ])  # fmt: skip
