"""Whether models differ from a reference, over the captures that both were measured on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lake.commands.shown import Rows
from lake.errors import LakeError
from lake.statistics import Cells, Comparison, compare_all
from loaders.analytics.names import Side, find_side
from loaders.analytics.nothing import nothing_fits
from loaders.analytics.report import Report, Section
from loaders.analytics.words import interval, number, signed
from loaders.ask import ask
from loaders.better import better_of
from loaders.queries import Value

if TYPE_CHECKING:
    import duckdb

QUERIES = ("models", "paired_values", "measured")
METRICS = ("f1",)
_HOW = (
    "Each capture is one observation, averaged over its seeds; of one capture each seed is. p by Wilcoxon's exact "
    'signed-rank test, after Holm over all {pairs} comparisons shown; 95 % bootstrap interval. "better" and "worse" '
    'need both; "not shown" is no statement that models are equal.'
)
Pair = tuple[str, str, str]  # label, metric, protocol


def compare_models(
    lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value], names: Sequence[str], metrics: Sequence[str]
) -> Report:
    """Each model less the last one named, metric by metric and protocol by protocol.

    Raises:
        LakeError: a name fits no model or several, or no capture was measured on both sides.
    """
    runs = {key: asked[key] for key in ("origin", "dataset", "experiment")}
    models = ask(lake, "models", runs).dicts
    *sides, reference = [find_side(models, name) for name in names]
    if same := [side.label for side in sides if {*side.run_ids} & {*reference.run_ids}]:
        raise LakeError(f"{same[0]} and {reference.label} are the same runs, or share some: nothing is to be compared.")
    pairs = _pairs(lake, asked, sides, reference, metrics)
    found = compare_all(pairs)
    if not found:
        raise LakeError(
            f"{', '.join(one.label for one in sides)} and {reference.label} have no capture in common on which a "
            f"newest evaluation measured {', '.join(metrics)}; of one capture, no seed.\n"
            f"{_why_nothing(lake, asked, metrics)}"
        )
    rows = [_row(pair, reference.label, one, pairs[pair]) for pair, one in found.items()]
    everything = Rows(list(rows[0]), [list(row.values()) for row in rows])
    parameters = {**asked, "models": names, "metrics": metrics}
    title = f"less {reference.label}, the reference"
    notes = [_HOW.format(pairs=len(rows)), *_single(rows), *_alone(rows)]
    return Report(QUERIES, parameters, {"rows": everything}, [Section(title, _table(rows))], notes)


def _pairs(
    lake: "duckdb.DuckDBPyConnection",
    asked: Mapping[str, Value],
    sides: Sequence[Side],
    reference: Side,
    metrics: Sequence[str],
) -> dict[Pair, tuple[Cells, Cells, Any]]:
    run_ids = sorted({run_id for side in (*sides, reference) for run_id in side.run_ids})
    pairs: dict[Pair, tuple[Cells, Cells, Any]] = {}
    for metric in metrics:
        values = {**asked, "metric": metric, "captures": "each", "run_ids": run_ids}
        by_run: dict[str, dict[str, dict[Any, float]]] = defaultdict(lambda: defaultdict(dict))
        for row in ask(lake, "paired_values", values).dicts:
            by_run[row["under"]][row["model_run_id"]][row["capture"], row["seed"]] = row["value"]
        for under, runs in by_run.items():
            theirs = _cells(reference, runs)
            for side in sides:
                pairs[side.label, metric, under] = (_cells(side, runs), theirs, better_of(metric))
    return {pair: cells for pair, cells in pairs.items() if cells[0] and cells[1]}


def _cells(side: Side, runs: Mapping[str, Mapping[Any, float]]) -> dict[Any, float]:
    return {cell: value for run_id in side.run_ids for cell, value in runs.get(run_id, {}).items()}


def _why_nothing(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value], metrics: Sequence[str]) -> str:
    return nothing_fits(lake, {**asked, "metric": metrics[0], "captures": "each"})


def _row(pair: Pair, reference: str, one: Comparison, cells: tuple[Cells, Cells, Any]) -> dict[str, Any]:
    model, metric, under = pair
    about = {"model": model, "reference": reference, "metric": metric, "under": under}
    return about | {"n_seeds": _drawn(cells[0]), "n_seeds_reference": _drawn(cells[1])} | asdict(one)


def _drawn(cells: Cells) -> int:
    """How many seeds; 0 where nothing is drawn at random."""
    return len({seed for _, seed in cells if seed is not None})


def _table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    heads = (
        "model",
        "protocol",
        "metric",
        "verdict",
        "difference",
        "95 % interval",
        "effect",
        "p, corrected",
        "over",
        "seeds",
    )
    return Rows(heads, [
        [
            row["model"], row["under"], row["metric"], row["verdict"], signed(row["mean_difference"]),
            interval(row["low"], row["high"], is_signed=True),
            "–" if row["effect_size"] is None else f"{row['effect_size']:+.2f}", number(row["p_adjusted"]),
            f"{row['n']} {row['unit']}{'' if row['n'] == 1 else 's'}",
            " against ".join(str(row[side]) if row[side] else "none" for side in ("n_seeds", "n_seeds_reference")),
        ]
        for row in rows
    ])  # fmt: skip


def _single(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if all(1 not in (row["n_seeds"], row["n_seeds_reference"]) for row in rows):
        return []
    return ["Where a side has 1 seed, what is shown holds for those runs; another seed of the model may do otherwise."]


def _alone(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not (left := max(row["left_out"] for row in rows)):
        return []
    return [f"Up to {left} captures or seeds had no partner on the other side and were left out."]
