"""What to say where nothing fits what was asked: which of the words are not in the lake, and what is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from loaders.queries import Value

if TYPE_CHECKING:
    import duckdb

_MOST = 15
# Of each word asked for the plural, where its values stand, and those that need not stand there.
_WORDS = {
    "metric": ("metrics", "SELECT metric FROM metrics", ()),
    "split": ("splits", "SELECT split FROM metrics", ()),
    "captures": ("captures", "SELECT capture FROM metrics", ("main", "pooled", "each")),
    "protocol": (
        "protocols",
        "SELECT unnest([protocol, concat_ws(', ', protocol, printf('%g', calibration_s) || ' s')]) FROM metrics",
        ("all",),
    ),
    "dataset": ("datasets", "SELECT dataset FROM runs UNION SELECT dataset FROM metrics", ()),
    "experiment": ("experiments", "SELECT experiment FROM runs", ()),
}


def nothing_fits(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> str:
    """Sentences that say what there is to ask for instead; `lake` has `runs` and `metrics`."""
    given = ", ".join(f"{key} {asked[key]}" for key in (*_WORDS, "origin") if asked.get(key) is not None)
    lines = [f"no complete evaluation fits what was asked ({given})."]
    return "\n".join([*lines, *(unknown(lake, asked) or [_together(lake, asked)])])


def unknown(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> list[str]:
    """A sentence for each word asked for that is nowhere in the lake."""
    lines = []
    for key, (plural, select, others) in _WORDS.items():
        there = [str(one) for (one,) in lake.execute(f"SELECT DISTINCT * FROM ({select}) ORDER BY 1").fetchall() if one]
        if (word := asked.get(key)) is not None and word not in (*there, *others):
            lines.append(
                f"There is no {plural.removesuffix('s')} {word!r}. {plural.capitalize()}{_there(word, there)}."
            )
    return lines


def _there(word: Value, values: list[str]) -> str:
    from difflib import get_close_matches  # takes a tenth of the time that a leaderboard may take

    near = get_close_matches(str(word), values, n=5, cutoff=0.5)
    more = f" and {len(values) - _MOST} more" if len(values) > _MOST else ""
    return f" near it: {', '.join(near)}" if near else f": {', '.join(values[:_MOST]) or 'none'}{more}"


def _together(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> str:
    """Every word is there by itself, or nothing is at all."""
    own, legacy = lake.execute(
        "SELECT count(*) FILTER (origin IS NULL), count(*) FILTER (origin IS NOT NULL) FROM runs "
        "WHERE run_id IN (SELECT run_id FROM metrics)"
    ).fetchall()[0]
    if asked.get("origin") == "own" and legacy and not own:
        return "The lake has imported results only: --origin legacy shows them."
    if asked.get("origin") == "legacy" and own and not legacy:
        return "The lake has no imported results: leave --origin out."
    hint = " --origin all shows imported results as well." if asked.get("origin") == "own" and legacy else ""
    return (
        f"Each is there, but not together. ./run analytics leaderboard --captures each --protocol all lists more.{hint}"
    )
