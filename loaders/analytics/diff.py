"""What differs between two runs: what they were given, and what came of it."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.commands.shown import Rows
from lake.errors import LakeError
from loaders.analytics.report import Report, Section
from loaders.analytics.words import number, signed
from loaders.ask import ask
from loaders.flat import flat

if TYPE_CHECKING:
    import duckdb

QUERIES = ("run_facts", "run_metrics")
# What every two runs differ in and nobody asks about.
_OF_COURSE = ("run_id", "config_json", "versions_json", "started_at", "finished_at")
_SHOWN_METRICS = ("f1", "auroc", "fpr")
_PLACE = ("dataset", "under", "split", "capture", "metric")
_POOLS = ("all", "known vehicles", "unknown vehicles")


def diff_runs(lake: "duckdb.DuckDBPyConnection", one: str, other: str, metric: str | None) -> Report:
    """Settings, facts and metrics in which `one` and `other` differ.

    Raises:
        LakeError: a run is not in the lake, or neither has the metric.
    """
    asked = {"run_ids": [one, other]}
    runs = {run["run_id"]: run for run in ask(lake, "run_facts", asked).dicts}
    for run_id in (one, other):
        if run_id not in runs:
            raise LakeError(f"there is no run {run_id!r}. ./run lake sql 'SELECT run_id FROM runs' lists them.")
    a, b = runs[one], runs[other]
    settings = _differing(_flat(a["config_json"]), _flat(b["config_json"]))
    facts = _differing(_facts(a), _facts(b)) + _differing(_flat(a["versions_json"]), _flat(b["versions_json"]))
    measured = ask(lake, "run_metrics", asked).dicts
    if metric and metric not in (there := sorted({row["metric"] for row in measured})):
        raise LakeError(f"neither run has a metric {metric!r}. Metrics: {', '.join(there) or 'none'}.")
    metrics = _metrics(measured, one, other)
    rows = {
        "config": Rows(("key", "a", "b"), settings),
        "facts": Rows(("key", "a", "b"), facts),
        "metrics": Rows((*_PLACE, "a", "b", "difference"), metrics),
    }
    return Report(QUERIES, {"a": one, "b": other}, rows, _sections(rows, metric), _notes(a, b, settings, metrics))


def _sections(rows: Mapping[str, Rows], metric: str | None) -> list[Section]:
    chosen = [
        [dataset, under, capture, name, number(a), number(b), signed(difference)]
        for dataset, under, split, capture, name, a, b, difference in rows["metrics"].values
        if split == "test" and capture in _POOLS and name in ([metric] if metric else _SHOWN_METRICS)
    ]
    return [
        Section(f"config: {_count(rows['config'])}", rows["config"]),
        Section(f"code, data, environment: {_count(rows['facts'])}", rows["facts"]),
        Section(
            f"metrics: {len(chosen)} of {len(rows['metrics'].values)} that differ or that one side lacks (pools of the "
            "test split; --format json has all)",
            Rows(("dataset", "protocol", "captures", "metric", "a", "b", "b − a"), chosen),
        ),
    ]


def _notes(a: Mapping[str, Any], b: Mapping[str, Any], settings: Sequence[Any], metrics: Sequence[Any]) -> list[str]:
    notes = [f"a is {a['run_id']}, b is {b['run_id']}."]
    if a["configuration"] == b["configuration"]:
        notes.append("Both have one configuration: they differ in seed or repeat alone, as far as config and data go.")
    if not settings and not metrics:
        notes.append("Nothing that was kept of their results differs.")
    for name, run in (("a", a), ("b", b)):
        if run["status"] != "complete":
            notes.append(f"{name} is {run['status']}{': ' + run['reason'] if run['reason'] else ''}.")
        if run["code_patch_digest"]:
            notes.append(f"{name} ran on uncommitted changes (digest {run['code_patch_digest'][:12]}).")
        if run["origin"]:
            notes.append(f"{name} is imported from {run['origin']}. {run['defects'] or ''}".strip())
    return notes


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[list[Any]]:
    return [[key, a.get(key), b.get(key)] for key in sorted({*a, *b}) if a.get(key) != b.get(key)]


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key not in _OF_COURSE}


def _flat(text: str) -> dict[str, str]:
    return dict(flat(json.loads(text)))


def _metrics(rows: Sequence[Mapping[str, Any]], one: str, other: str) -> list[list[Any]]:
    """Models' metrics side by side; of an evaluation run its own, by the model it scored."""
    sides: list[dict[tuple[Any, ...], float | None]] = []
    for run_id in (one, other):
        own = [row for row in rows if run_id in (row["model_run_id"], row["evaluate_run_id"])]
        sides.append({tuple(row[key] for key in _PLACE): row["value"] for row in own})
    a, b = sides
    keys = dict.fromkeys([*a, *b])
    return [
        [*key, a.get(key), b.get(key), None if None in (a.get(key), b.get(key)) else b[key] - a[key]]  # type: ignore[operator]
        for key in keys
        if a.get(key) != b.get(key)
    ]


def _count(rows: Rows) -> str:
    return f"{len(rows.values)} differ" if rows.values else "nothing differs"
