"""In what the runs behind one row differ besides seed, config and data: a mean over them is over that as well."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loaders.ask import ask

if TYPE_CHECKING:
    import duckdb

QUERY = "run_conditions"
_NAMES = {
    "code_commit": "code commits", "code_patch_digest": "uncommitted changes", "lock_digest": "locks of packages",
    "device": "devices",
}  # fmt: skip


def mark_differing(lake: "duckdb.DuckDBPyConnection", rows: Sequence[dict[str, Any]]) -> None:
    """Each row gets `differs_in`: columns of `runs` in which its training runs, or its evaluations, are not alike."""
    groups = [
        ([*row["model_run_ids"], *row.get("reference_run_ids", ())], row["evaluate_run_ids"]) for row in rows
    ]  # fmt: skip
    asked = sorted({run_id for row in groups for group in row for run_id in group})
    runs = {run["run_id"]: run for run in ask(lake, QUERY, {"run_ids": asked}).dicts}
    for row, own in zip(rows, groups, strict=True):
        row["differs_in"] = [
            name for name in _NAMES if any(len({runs[run_id][name] for run_id in group}) > 1 for group in own)
        ]


def averaged(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to say of rows with means over runs that differ."""
    return _note(rows, "average", "their means and intervals are over those as well as over seeds.")


def compared(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to say of differences between runs that differ."""
    return _note(rows, "compare", "a difference may come from those, not from the model.")


def _note(rows: Sequence[Mapping[str, Any]], does: str, doubt: str) -> list[str]:
    found = [row["differs_in"] for row in rows if row["differs_in"]]
    if not found:
        return []
    names = ", ".join(words for name, words in _NAMES.items() if any(name in one for one in found))
    return [f"{len(found)} of these rows {does} runs of different {names}: {doubt}"]


def heads(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The column that names them, where a row has some."""
    return ["runs differ in"] if any(row["differs_in"] for row in rows) else []


def cells(row: Mapping[str, Any], heads: Sequence[str]) -> list[str]:
    return [", ".join(row["differs_in"]) for _ in heads]
