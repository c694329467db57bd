"""Named queries: a question asked in many places is one `.sql` here, and each place reads that very file.

What a question leaves open it takes from DuckDB's variables, `getvariable('metric')`, which the engine of the pages
knows as well; the defaults stand in `QUERIES`. A query may stand on another one, as a view of its name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lake.errors import LakeError

Value = str | int | float | list[str] | None

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Query:
    """One question.

    Attributes:
        tables: it reads, of the lake or of the site's data files, where they have the same names.
        views: other queries that it reads as views.
        defaults: of its own variables; it has those of its views besides.
    """

    doc: str
    tables: tuple[str, ...]
    views: tuple[str, ...] = ()
    defaults: Mapping[str, Value] = field(default_factory=dict)


_WHICH_RUNS: Mapping[str, Value] = {"origin": "own", "dataset": None, "experiment": None}

QUERIES: Mapping[str, Query] = {
    "results": Query(
        "every metric that counts with the model it is of; a view of every opened lake", ("runs", "metrics")
    ),
    "measured": Query(
        "every value of a metric that counts, a row a seed",
        ("runs", "metrics"),
        ("results",),
        defaults={"metric": "f1", "split": "test", "captures": "main", **_WHICH_RUNS},
    ),
    "leaderboard": Query(
        "model configurations by a metric's mean over seeds",
        ("runs", "metrics"),
        ("measured",),
        {"protocol": None, "better": "higher", "top": 20},
    ),
    "models": Query("the model configurations there are, with their runs", ("runs",), defaults=_WHICH_RUNS),
    "paired_values": Query(
        "a metric's value for each capture and seed of some runs",
        ("runs", "metrics"),
        ("measured",),
        {"run_ids": [], "protocol": "all"},
    ),
    "sweep": Query(
        "a metric beside the value of one setting, a row a configuration",
        ("runs", "metrics", "settings"),
        ("measured",),
        {"parameter": "window.size", "protocol": None},
    ),
    "run_facts": Query("what is known of some runs before any result", ("runs",), defaults={"run_ids": []}),
    "run_conditions": Query(
        "code, lock and device of some runs, which seeds should have in common", ("runs",), defaults={"run_ids": []}
    ),
    "run_metrics": Query(
        "the metrics of some models, or those an evaluation measured", ("runs", "metrics"), defaults={"run_ids": []}
    ),
    "run_artifacts": Query("the files some runs left behind", ("artifacts",), defaults={"run_ids": []}),
    "run_lineage": Query(
        "what a run came from and what came from it, an edge a row", ("runs", "lineage"), defaults={"run_id": None}
    ),
    "dataset_read": Query(
        "a dataset as its newest prepare or index run read it", ("runs", "datasets"), defaults={"dataset": None}
    ),
    "dataset_captures": Query(
        "the captures of that run", ("runs", "datasets", "captures"), ("dataset_read",)
    ),
    "dataset_splits": Query(
        "the windows of that run by split", ("runs", "datasets", "splits"), ("dataset_read",)
    ),
}  # fmt: skip


def parameters_of(name: str) -> dict[str, Value]:
    """The variables of a query and of the views it stands on, with their defaults."""
    found: dict[str, Value] = {}
    for view in QUERIES[name].views:
        found |= parameters_of(view)
    return found | dict(QUERIES[name].defaults)


def views_of(name: str) -> list[str]:
    """The queries that one stands on, directly or not, each after those that it stands on itself."""
    below = [view for one in QUERIES[name].views for view in (*views_of(one), one)]
    return list(dict.fromkeys(below))


def text_of(name: str) -> str:
    """The query's SQL; that of `results` is the lake's."""
    if name == "results":
        from lake.results import SQL

        return SQL
    return (FOLDER / f"{name}.sql").read_text()


def statements(
    name: str, values: Mapping[str, Value] | None = None, have: Collection[str] = ()
) -> list[str]:  # fmt: skip
    """What a connection is to execute, in order; the last statement gives the rows.

    Args:
        have: views that the connection has already, as an opened lake has `results`.

    Raises:
        LakeError: there is no such query, or it has no such variable.
    """
    if name not in QUERIES:
        raise LakeError(f"there is no query {name!r}. Queries: {', '.join(QUERIES)} (loaders/queries).")
    parameters = parameters_of(name)
    if unknown := sorted({*(values or {})} - {*parameters}):
        raise LakeError(f"the query {name} has no variable {', '.join(unknown)}. It has: {', '.join(parameters)}.")
    variables = [f"SET VARIABLE {key} = {literal(value)}" for key, value in (parameters | dict(values or {})).items()]
    views = [f"CREATE OR REPLACE TEMP VIEW {view} AS {text_of(view)}" for view in views_of(name) if view not in have]
    question = f"{text_of(name)} ORDER BY ALL" if name == "results" else text_of(name)  # a view needs no order
    return [*variables, *views, question]


def literal(value: Value) -> str:
    """A value as SQL writes it."""
    if value is None:
        return "NULL::VARCHAR"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]::VARCHAR[]"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
