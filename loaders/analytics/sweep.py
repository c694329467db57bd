"""How a metric moves with one setting, as far as the configurations in the lake say."""

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
from loaders.queries import Value

if TYPE_CHECKING:
    import duckdb

QUERIES = ("sweep", "measured", "settings", conditions.QUERY)
# Differ between configurations by name, and decide no number.
_NAMES = ("name", "description", "variants", "is_demo", "seeds", "seed", "repeat")


def sweep(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> Report:
    """A section for each dataset, protocol and captures; seeds are grouped, configurations never are.

    Raises:
        LakeError: no config has the setting, or no evaluation fits.
    """
    rows = ask(lake, "sweep", asked).dicts
    parameter = str(asked["parameter"])
    if not rows:
        raise LakeError(_why_nothing(lake, parameter, asked))
    own = [row["config_digest"] for row in rows if row["variant"] is None]
    digests = [row["config_digest"] for row in rows]
    besides = _besides(_settings(lake, parameter, digests), own or digests)
    for row in rows:
        one = summarise(row["seed_values"])
        row |= {"mean": one.mean, "deviation": one.deviation, "low": one.low, "high": one.high}
        row["also_differs_in"] = besides[row["config_digest"]]
    conditions.mark_differing(lake, rows)
    notes = conditions.averaged(rows) + too_few(rows)
    if any(besides.values()):
        notes.append(
            "Rows differ in the settings named beside them as well: what moves the metric may be those. "
            "They are told against the experiment itself, its variants aside."
        )
    everything = Rows(list(rows[0]), [list(row.values()) for row in rows])
    return Report(QUERIES, asked, {"rows": everything}, _sections(rows, parameter, str(asked["metric"])), notes)


def _sections(rows: Sequence[Mapping[str, Any]], parameter: str, metric: str) -> list[Section]:
    found = []
    for dataset, under, capture in distinct(rows, "dataset", "under", "capture"):
        inside = [row for row in rows if (row["dataset"], row["under"], row["capture"]) == (dataset, under, capture)]
        where = " · ".join(part for part in (dataset, under, capture) if part)
        differing = conditions.heads(rows)
        heads = ("model", parameter, metric, "95 % interval", "seeds", "also differs in", *differing)
        table = [
            [
                name_of(row), row["setting"], number(row["mean"]), interval(row["low"], row["high"]),
                seeds(row["seeds"]), ", ".join(row["also_differs_in"]), *conditions.cells(row, differing),
            ]
            for row in inside
        ]  # fmt: skip
        found.append(Section(f"{metric} by {parameter} on {where}", Rows(heads, table)))
    return found


def _settings(lake: "duckdb.DuckDBPyConnection", parameter: str, digests: Sequence[str]) -> dict[str, dict[str, str]]:
    """By config its settings other than the one asked about."""
    settings: dict[str, dict[str, str]] = {digest: {} for digest in digests}
    for digest, key, value in lake.execute("SELECT config_digest, key, value FROM settings").fetchall():
        if digest in settings and key != parameter and key.split(".")[0] not in _NAMES:
            settings[digest][key] = value
    return settings


def _besides(settings: Mapping[str, Mapping[str, str]], usual: Sequence[str]) -> dict[str, list[str]]:
    """Of each config the settings in which it is unlike most of the configs `usual`."""
    keys = sorted({key for one in settings.values() for key in one})
    common = {key: _most_common([settings[digest].get(key) for digest in usual]) for key in keys}
    return {digest: [key for key in keys if one.get(key) != common[key]] for digest, one in settings.items()}


def _most_common(values: Sequence[str | None]) -> str | None:
    return max(dict.fromkeys(values), key=values.count)


def _why_nothing(lake: "duckdb.DuckDBPyConnection", parameter: str, asked: Mapping[str, Value]) -> str:
    keys = [key for (key,) in lake.execute("SELECT DISTINCT key FROM settings ORDER BY key").fetchall()]
    if parameter in keys:
        return f"configs have {parameter}, but {nothing_fits(lake, asked)}"
    from difflib import get_close_matches

    near = get_close_matches(parameter, keys, n=5, cutoff=0.4) or keys[:10]
    return f"no config has a setting {parameter!r}. Near it: {', '.join(near) or 'none; the lake has no config'}."
