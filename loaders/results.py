"""`./run results`: docs/results.md from a lake's snapshot, every table with the runs behind it."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from lake.read import open_lake
from lake.snapshot import Snapshot
from loaders.values import Values, table

_VALUES = """
    SELECT
        coalesce(runs.variant, '') AS variant, runs.role,
        CASE WHEN runs.role = 'baseline' THEN runs.model ELSE runs.stage END AS stage, runs.seed, runs.parameters,
        metrics.* EXCLUDE (run_id)
    FROM metrics JOIN runs ON runs.run_id = metrics.model_run_id
    WHERE metrics.split = 'test' AND runs.status = 'complete'
"""
_POOLS = ("all", "known vehicles", "unknown vehicles")
_PROTOCOLS = (
    ("known vehicle", None, "P1: a known vehicle"),
    ("calibrated", 10.0, "P2: an unknown vehicle, calibrated on 10 s of its own attack-free traffic"),
    ("calibrated", 5.0, "P2: an unknown vehicle, calibrated on 5 s"),
    ("zero-shot", None, "P3: zero-shot"),
    ("unknown attack", None, "P4: a known vehicle, an attack that training lacks"),
)
# The columns of a table: heading, stage, metric.
_STUDENT, _TEACHERS = "fusion", ("vgae_teacher", "gat_teacher")


def results_page(root: Path, snapshot: Snapshot, notes: str) -> str:
    """The page's text.

    Args:
        notes: what a person has to say to the figures, in Markdown; it follows the summary.
    """
    with open_lake(root, snapshot) as lake:
        values = Values(lake.sql(_VALUES).to_arrow_table().to_pylist())
        parts = [
            _head(lake, snapshot), notes.strip(), _summary(values), *_by_capture(values), _teachers(values),
            _variants(values), _sources(lake),
        ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(lake: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> str:
    (runs, experiments, seeds, commits, devices) = lake.sql(
        "SELECT count(*), string_agg(DISTINCT experiment, ', '), count(DISTINCT seed), "
        "string_agg(DISTINCT left(code_commit, 10), ', '), string_agg(DISTINCT device, ', ') FROM runs"
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


def _summary(values: Values) -> str:
    """All captures of a protocol together, for every model of the experiment itself."""
    lines = ["## Summary"]
    for protocol, calibration_s, title in _PROTOCOLS:
        inside = values.of(protocol=protocol, calibration_s=calibration_s, variant="")
        for pool in ("known vehicles", "unknown vehicles"):
            pooled = inside.of(capture=pool)
            if not pooled.rows:
                continue
            heads = (
                "model",
                "F1",
                "AUROC",
                "recall",
                "FPR",
                "false alarms an hour outside episodes",
                "median delay, ms",
                "windows",
            )
            rows = [
                (
                    _named(stage), one.shown("f1", 4), one.shown("auroc", 4), one.shown("recall", 4),
                    one.shown("fpr", 4), one.shown("false_alarms_per_hour_outside_episodes", 1), _delay(one),
                    one.rows[0]["n"],
                )
                for stage in _order(pooled.distinct("stage"))
                if (one := pooled.of(stage=stage)).rows
            ]  # fmt: skip
            lines.append(f"**{title}; {pool}**\n\n{table(heads, rows)}")
    return "\n\n".join(lines)


def _by_capture(values: Values) -> Iterable[str]:
    """The student's detector, the rules alone and the networks alone on each capture."""
    for protocol, calibration_s, title in _PROTOCOLS:
        inside = values.of(protocol=protocol, calibration_s=calibration_s, variant="")
        captures = [name for name in inside.distinct("capture") if name not in _POOLS]
        stages = [stage for stage in _order(inside.distinct("stage")) if stage not in _TEACHERS]
        if not captures or not stages:
            continue
        heads = ("capture", "attack/benign windows", *(f"{_named(stage)}: F1 / FPR / AUROC" for stage in stages))
        rows = []
        for capture in sorted(captures):
            own = inside.of(capture=capture)
            n, attacks = own.rows[0]["n"], own.rows[0]["n_attack"]
            cells = [
                " / ".join(one.shown(metric) for metric in ("f1", "fpr", "auroc"))
                if (one := own.of(stage=stage)).rows
                else ""
                for stage in stages
            ]
            rows.append((capture, f"{attacks}/{n - attacks}", *cells))
        yield f"## {title}\n\n{table(heads, rows)}"


def _teachers(values: Values) -> str:
    """How far each student is from its teacher, capture by capture."""
    inside = values.of(protocol="known vehicle", variant="")
    rows = []
    for model in ("vgae", "gat"):
        for capture in sorted(set(inside.distinct("capture")) - set(_POOLS)):
            cells = []
            for metric in ("auroc", "f1"):
                student, teacher = (
                    inside.of(capture=capture, stage=f"{model}_{role}") for role in ("student", "teacher")
                )
                cells += [teacher.shown(metric), student.shown(metric)]
            if any(cells):
                rows.append((model.upper(), capture, *cells))
    if not rows:
        return ""
    heads = ("network", "capture", "teacher AUROC", "student AUROC", "teacher F1", "student F1")
    return f"## Students beside their teachers\n\n{table(heads, rows)}"


def _variants(values: Values) -> str:
    """What changes when one thing is changed."""
    names = [name for name in values.distinct("variant") if name]
    if not names:
        return ""
    lines = [
        "## Ablations",
        "Each row changes one thing; the first is the experiment itself. F1 / FPR / AUROC, pooled.",
    ]
    for stage in ("fusion", "gat_student", "vgae_student"):
        heads = ("variant", *(title.split(":")[0] + f", {pool}" for _, _, title, pool in _cells()))
        rows = []
        for variant in ("", *sorted(names)):
            own = values.of(variant=variant, stage=stage)
            if not own.rows:
                continue
            cells = []
            for protocol, calibration_s, _, pool in _cells():
                one = own.of(protocol=protocol, calibration_s=calibration_s, capture=pool)
                cells.append(" / ".join(one.shown(metric) for metric in ("f1", "fpr", "auroc")) if one.rows else "")
            rows.append((variant or "reference", *cells))
        if len(rows) > 1:
            lines.append(f"**{_named(stage)}**\n\n{table(heads, rows)}")
    return "\n\n".join(lines)


def _cells() -> list[tuple[str, float | None, str, str]]:
    return [
        ("known vehicle", None, "P1: a known vehicle", "known vehicles"),
        ("calibrated", 10.0, "P2: 10 s", "unknown vehicles"),
        ("zero-shot", None, "P3: zero-shot", "unknown vehicles"),
        ("unknown attack", None, "P4: unknown attack", "known vehicles"),
    ]


def _sources(lake: duckdb.DuckDBPyConnection) -> str:
    """Which runs the tables stand on."""
    rows = lake.sql(
        "SELECT coalesce(variant, 'reference') AS changed, stage, count(*), max(parameters), "
        "string_agg(run_id, ', ' ORDER BY seed, run_id) "
        "FROM runs WHERE status = 'complete' GROUP BY changed, stage ORDER BY changed <> 'reference', changed, stage"
    ).fetchall()
    heads = ("variant", "stage", "runs", "parameters", "run ids, by seed")
    return "## The runs\n\n" + table(heads, [(a, b, n, "" if p is None else f"{p:,}", ids) for a, b, n, p, ids in rows])


def _delay(values: Values) -> str:
    found = [row["value"] for row in values.rows if row["metric"] == "detection_delay_s_median"]
    given = [value * 1000 for value in found if value is not None]
    return f"{sum(given) / len(given):.0f}" if given else "–"


def _named(stage: str) -> str:
    names = {"fusion": "fused student", "vgae_student": "VGAE student", "gat_student": "GAT student"}
    return names.get(stage, stage.replace("_", " ").replace("vgae", "VGAE").replace("gat ", "GAT "))


def _order(stages: Iterable[str]) -> list[str]:
    first = ["fusion", "gat_student", "vgae_student", "gat_teacher", "vgae_teacher"]
    return sorted(stages, key=lambda stage: (first.index(stage) if stage in first else len(first), stage))
