"""Whether models differ from a reference, over the captures that both were measured on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lake.commands.shown import Rows
from lake.errors import LakeError
from lake.statistics import Cells, Comparison, compare_all
from loaders.analytics import conditions
from loaders.analytics.names import Side, called, find_side
from loaders.analytics.nothing import nothing_fits
from loaders.analytics.report import Report, Section
from loaders.analytics.words import distinct, interval, number, signed
from loaders.ask import ask
from loaders.better import NO_WAY, better_of
from loaders.queries import Value

if TYPE_CHECKING:
    import duckdb

QUERIES = ("models", "paired_values", "measured", conditions.QUERY)
METRICS = ("f1",)
_HOW = (
    "Each capture is one observation, averaged over its seeds; of one capture each seed is. p by Wilcoxon's exact "
    'signed-rank test, after Holm over all {pairs} comparisons shown; 95 % bootstrap interval. "better" and "worse" '
    'need both; "not shown" is no statement that models are equal.'
)
Pair = tuple[str, str, str, str]  # label, metric, dataset, protocol
Runs = Mapping[str, Sequence[Mapping[str, Any]]]  # values, by the run whose model they are of


def compare_models(
    lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value], names: Sequence[str], metrics: Sequence[str]
) -> Report:
    """Each model less the last one named, metric by metric, on each dataset and under each protocol by itself.

    Raises:
        LakeError: a name fits no model or several, or no capture was measured on both sides.
    """
    runs = {key: asked[key] for key in ("origin", "dataset", "experiment")}
    *sides, reference = _sides(lake, runs, names)
    if same := [side.label for side in sides if {*side.run_ids} & {*reference.run_ids}]:
        raise LakeError(f"{same[0]} and {reference.label} are the same runs, or share some: nothing is to be compared.")
    pairs, behind = _pairs(lake, asked, sides, reference, metrics)
    found = compare_all(pairs)
    if not found:
        raise LakeError(
            f"{', '.join(one.label for one in sides)} and {reference.label} have no capture in common on which a "
            f"newest evaluation measured {', '.join(metrics)}; of one capture, no seed.\n"
            f"{_why_nothing(lake, asked, metrics)}"
        )
    rows = [_row(pair, reference.label, one, pairs[pair]) | behind[pair] for pair, one in found.items()]
    conditions.mark_differing(lake, rows)
    everything = Rows(list(rows[0]), [list(row.values()) for row in rows])
    parameters = {**asked, "models": names, "metrics": metrics}
    title = f"less {reference.label}, the reference"
    notes = [_HOW.format(pairs=len(rows)), *_no_way(rows), *conditions.compared(rows), *_single(rows), *_alone(rows)]
    return Report(QUERIES, parameters, {"rows": everything}, [Section(title, _table(rows))], notes)


def _sides(lake: "duckdb.DuckDBPyConnection", runs: Mapping[str, Value], names: Sequence[str]) -> list[Side]:
    models = ask(lake, "models", runs).dicts
    if missing := [name for name in names if not called(models, name)]:
        every = ask(lake, "models", {**runs, "origin": "all"}).dicts
        for name in missing:
            if others := called(every, name):
                whose = "an imported one" if others[0]["origin"] else "one of this pipeline"
                raise LakeError(
                    f"no complete run trained a model {name!r} that --origin {runs['origin']} takes in, but {whose} is "
                    "called so: --origin all compares both."
                )
    return [find_side(models, name) for name in names]


def _pairs(
    lake: "duckdb.DuckDBPyConnection",
    asked: Mapping[str, Value],
    sides: Sequence[Side],
    reference: Side,
    metrics: Sequence[str],
) -> tuple[dict[Pair, tuple[Cells, Cells, Any]], dict[Pair, dict[str, list[str]]]]:
    """What is compared with what, and the ids of the runs behind it."""
    run_ids = sorted({run_id for side in (*sides, reference) for run_id in side.run_ids})
    pairs: dict[Pair, tuple[Cells, Cells, Any]] = {}
    behind: dict[Pair, dict[str, list[str]]] = {}
    for metric in metrics:
        values = {**asked, "metric": metric, "captures": "each", "run_ids": run_ids}
        places: dict[tuple[str, str], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for row in ask(lake, "paired_values", values).dicts:
            places[row["dataset"], row["under"]][row["model_run_id"]].append(row)
        for place, runs in places.items():
            theirs = _cells(reference, runs)
            for side in sides:
                if theirs and (mine := _cells(side, runs)):
                    pairs[side.label, metric, *place] = (mine, theirs, better_of(metric))
                    behind[side.label, metric, *place] = _behind(side, reference, runs)
    return pairs, behind


def _cells(side: Side, runs: Runs) -> dict[Any, float]:
    return {(row["capture"], row["seed"]): row["value"] for run_id in side.run_ids for row in runs.get(run_id, ())}


def _behind(side: Side, reference: Side, runs: Runs) -> dict[str, list[str]]:
    mine, theirs = ([run_id for run_id in one.run_ids if run_id in runs] for one in (side, reference))
    evaluations = sorted({row["evaluate_run_id"] for run_id in (*mine, *theirs) for row in runs[run_id]})
    return {"model_run_ids": mine, "reference_run_ids": theirs, "evaluate_run_ids": evaluations}


def _why_nothing(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value], metrics: Sequence[str]) -> str:
    return nothing_fits(lake, {**asked, "metric": metrics[0], "captures": "each"})


def _row(pair: Pair, reference: str, one: Comparison, cells: tuple[Cells, Cells, Any]) -> dict[str, Any]:
    model, metric, dataset, under = pair
    about = {"model": model, "reference": reference, "metric": metric, "dataset": dataset, "under": under}
    return about | {"n_seeds": _drawn(cells[0]), "n_seeds_reference": _drawn(cells[1])} | asdict(one)


def _drawn(cells: Cells) -> int:
    """How many seeds; 0 where nothing is drawn at random."""
    return len({seed for _, seed in cells if seed is not None})


def _table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    several = ["dataset"] if len(distinct(rows, "dataset")) > 1 else []
    differing = conditions.heads(rows)
    heads = (
        "model", *several, "protocol", "metric", "verdict", "difference", "95 % interval", "effect", "p, corrected",
        "over", "seeds", *differing,
    )  # fmt: skip
    return Rows(heads, [
        [
            row["model"], *(row[key] for key in several), row["under"], row["metric"], row["verdict"],
            signed(row["mean_difference"]),
            interval(row["low"], row["high"], is_signed=True),
            "–" if row["effect_size"] is None else f"{row['effect_size']:+.2f}", number(row["p_adjusted"]),
            f"{row['n']} {row['unit']}{'' if row['n'] == 1 else 's'}",
            " against ".join(str(row[side]) if row[side] else "none" for side in ("n_seeds", "n_seeds_reference")),
            *conditions.cells(row, differing),
        ]
        for row in rows
    ])  # fmt: skip


def _no_way(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [NO_WAY.format(metric=metric) for (metric,) in distinct(rows, "metric") if better_of(metric) is None]


def _single(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if all(1 not in (row["n_seeds"], row["n_seeds_reference"]) for row in rows):
        return []
    return ["Where a side has 1 seed, what is shown holds for those runs; another seed of the model may do otherwise."]


def _alone(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not (left := max(row["left_out"] for row in rows)):
        return []
    return [f"Up to {left} captures or seeds had no partner on the other side and were left out."]
