"""`./run results`: docs/results.md from a lake's snapshot, every table with the runs behind it."""

from pathlib import Path

import duckdb

from lake.read import open_lake
from lake.snapshot import Snapshot
from loaders.result_evidence import evidence, teachers
from loaders.result_tables import by_capture, summary, variants
from loaders.values import Values, table

_VALUES = """
    SELECT
        coalesce(runs.variant, '') AS variant, runs.role,
        CASE WHEN runs.role = 'baseline' THEN runs.model ELSE runs.stage END AS stage, runs.seed, runs.parameters,
        results.* EXCLUDE (variant, role, seed, parameters)
    FROM results JOIN runs ON runs.run_id = results.model_run_id
    WHERE results.split = 'test' AND results.origin IS NULL
"""


def results_page(root: Path, snapshot: Snapshot, notes: str) -> str:
    """The page's text.

    Args:
        notes: what a person has to say to the figures, in Markdown; it follows the summary.
    """
    with open_lake(root, snapshot) as lake:
        values = Values(lake.sql(_VALUES).to_arrow_table().to_pylist())
        parts = [
            _head(lake, snapshot), notes.strip(), summary(values), evidence(values), *by_capture(values),
            teachers(values), variants(values), _sources(lake),
        ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(lake: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> str:
    (runs, experiments, seeds, commits, devices) = lake.sql(
        "SELECT count(*), string_agg(DISTINCT experiment, ', '), count(DISTINCT seed), "
        "string_agg(DISTINCT left(code_commit, 10), ', '), string_agg(DISTINCT device, ', ') FROM runs "
        "WHERE origin IS NULL"
    ).fetchall()[0]
    return (
        "# Results\n\n"
        "Made by `./run results` from the lake in [`data/reference/`](../data/reference/); do not edit by hand.\n\n"
        f"Snapshot `{snapshot.snapshot_id[:16]}`, experiment `{experiments}`: {runs} runs, {seeds} seeds, trained on "
        f"{devices}, code {commits}. "
        '`./run lake --lake data/reference/lake sql "SELECT …"` asks the same rows. Values are means '
        "over seeds with a 95 % interval where seeds differ; F1, recall and FPR are at a threshold set on benign "
        "validation windows. What each metric and protocol is: [evaluation.md](evaluation.md)."
    )


def _sources(lake: duckdb.DuckDBPyConnection) -> str:
    """Which runs the tables stand on."""
    rows = lake.sql(
        "SELECT coalesce(variant, 'reference') AS changed, stage, count(*), max(parameters), "
        "string_agg(run_id, ', ' ORDER BY seed, run_id) "
        "FROM runs WHERE status = 'complete' AND origin IS NULL "
        "GROUP BY changed, stage ORDER BY changed <> 'reference', changed, stage"
    ).fetchall()
    heads = ("variant", "stage", "runs", "parameters", "run ids, by seed")
    return "## The runs\n\n" + table(heads, [(a, b, n, "" if p is None else f"{p:,}", ids) for a, b, n, p, ids in rows])
