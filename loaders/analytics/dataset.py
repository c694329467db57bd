"""A dataset as it was read: captures, attacks, duplicates, splits, and the models measured on it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lake.commands.shown import Rows
from lake.errors import LakeError
from loaders.analytics.leaderboard import leaderboard
from loaders.analytics.nothing import unknown
from loaders.analytics.report import Report, Section
from loaders.ask import ask
from loaders.queries import Value

if TYPE_CHECKING:
    import duckdb

QUERIES = ("dataset_read", "dataset_captures", "dataset_splits", "leaderboard", "measured", "run_conditions")
_ODD = {
    "empty_payloads": "empty payloads", "backward_steps": "backward steps", "repaired_rows": "repaired rows",
    "error_frames": "error frames", "clock_jumps": "clock jumps", "shared_frames": "frames shared with another",
}  # fmt: skip


def dataset(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> Report:
    """What the newest run that read the dataset found, and the leaderboard of the dataset; either may be missing.

    Raises:
        LakeError: no complete run of the lake read a dataset of that name, and none measured a model on it; or a word
            that was asked for, as a metric, is nowhere in the lake.
    """
    name = asked["dataset"]
    found = {query: ask(lake, query, {"dataset": name}) for query in QUERIES[:3]}
    read, captures, splits = (found[query].dicts for query in QUERIES[:3])
    if not read:
        return _measured_only(lake, asked)
    sections = [Section(f"{name}: {len(read)} dataset{'s' * (len(read) > 1)} as read", _read_table(read))]
    sections += [Section(f"{len(captures)} captures", _capture_table(captures))]
    sections += [Section("windows by split", found["dataset_splits"])] if splits else []
    rows = {"datasets": found["dataset_read"], "captures": found["dataset_captures"], "splits": found["dataset_splits"]}
    notes = []
    if len(read) > 1 or read[0]["collection"] != read[0]["dataset"]:
        notes.append(f"Splits are those of the whole collection {read[0]['collection']}.")
    models = {**asked, "dataset": read[0]["collection"]}
    sql = "SELECT count(*) FROM metrics WHERE dataset = $dataset"
    if not lake.execute(sql, {"dataset": models["dataset"]}).fetchall()[0][0]:
        notes.append("No complete evaluation measured a model on it yet.")
        return Report(QUERIES, asked, rows, sections, notes)
    try:
        best = leaderboard(lake, models)
        sections += best.sections
        rows["models"] = best.rows["rows"]
        notes += best.notes
    except LakeError as error:
        if unknown(lake, models):
            raise
        notes.append(f"No models are shown: {error}")
    return Report(QUERIES, asked, rows, sections, notes)


def _measured_only(lake: "duckdb.DuckDBPyConnection", asked: Mapping[str, Value]) -> Report:
    """The leaderboard of a dataset that no run here read, as where only evaluations were taken over."""
    name = asked["dataset"]
    sql = "SELECT dataset FROM datasets UNION SELECT dataset FROM runs UNION SELECT dataset FROM metrics ORDER BY ALL"
    there = [one for (one,) in lake.execute(sql).fetchall()]
    if name not in there:
        raise LakeError(f"no complete run read a dataset {name!r}. Datasets: {', '.join(there) or 'none'}.")
    try:
        best = leaderboard(lake, asked)
    except LakeError as error:
        raise LakeError(f"no complete prepare or index run read the dataset {name!r}, and {error}") from error
    note = f"No complete prepare or index run read the dataset {name!r}: its captures and splits are not known here."
    return Report(QUERIES, asked, {"models": best.rows["rows"]}, best.sections, [note, *best.notes])


def _read_table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    heads = ("dataset", "title", "captures", "frames", "attack frames", "ids", "licence", "read by")
    keys = ("dataset", "title", "captures", "frames", "attack_frames", "vocabulary_size", "licence", "run_id")
    return Rows(heads, [[row[key] for key in keys] for row in rows])


def _capture_table(rows: Sequence[Mapping[str, Any]]) -> Rows:
    heads = ("capture", "usage", "vehicle", "attack", "frames", "attack frames", "span, s", "same rows as", "odd")
    keys = ("capture", "usage", "vehicle", "attack", "frames", "attack_frames")
    return Rows(heads, [
        [
            *(row[key] for key in keys), f"{row['span_s']:.1f}", row["duplicate_of"] or row["same_recording_as"],
            _odd(row),
        ]
        for row in rows
    ])  # fmt: skip


def _odd(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{row[key]} {words}" for key, words in _ODD.items() if row[key])
