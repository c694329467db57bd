"""The tables of docs/results.md: all captures together, each capture, students beside teachers, evidence, ablations."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from lake.schema import CONSTANTS
from lake.statistics import Cells
from loaders.comparisons import COMPARED, against_the_strongest
from loaders.values import Values, table

_POOLS = ("all", "known vehicles", "unknown vehicles")
_PROTOCOLS = (
    ("known vehicle", None, "P1: a known vehicle"),
    ("calibrated", 10.0, "P2: an unknown vehicle, calibrated on 10 s of its own attack-free traffic"),
    ("calibrated", 5.0, "P2: an unknown vehicle, calibrated on 5 s"),
    ("zero-shot", None, "P3: zero-shot"),
    ("unknown attack", None, "P4: a known vehicle, an attack that training lacks"),
)
_TEACHERS = ("vgae_teacher", "gat_teacher")
_NEAR = {"auroc": 0.005, "f1": 0.01}  # how far a student may fall short of its teacher
_WEIGHED = {"f1": "F1", "auroc": "AUROC", "fpr": "FPR"}  # whose differences are tested


def summary(values: Values) -> str:
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


def by_capture(values: Values) -> Iterable[str]:
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


def teachers(values: Values) -> str:
    """How far each student is from its teacher, capture by capture; the fused ones beside the fused teachers."""
    known = values.of(protocol="known vehicle")
    pairs = {
        "fused": (known.of(variant="", stage="fusion"), known.of(role="teacher", stage="fusion")),
        "GAT": (known.of(variant="", stage="gat_student"), known.of(variant="", stage="gat_teacher")),
        "VGAE": (known.of(variant="", stage="vgae_student"), known.of(variant="", stage="vgae_teacher")),
    }
    rows, counts = [], []
    for name, (students, theirs) in pairs.items():
        captures = sorted({*students.distinct("capture")} & {*theirs.distinct("capture")} - {*_POOLS})
        near = dict.fromkeys(_NEAR, 0)
        measured = dict.fromkeys(_NEAR, 0)
        for capture in captures:
            cells = []
            for metric, most in _NEAR.items():
                teacher, student = theirs.of(capture=capture), students.of(capture=capture)
                gap = _short_of(teacher, student, metric)
                measured[metric] += gap is not None
                near[metric] += gap is not None and gap <= most
                cells += [teacher.shown(metric), student.shown(metric)]
            rows.append((name, capture, *cells))
        if captures:
            counts.append(
                f"{name}: at most {_NEAR['auroc']} AUROC below its teacher on {near['auroc']} of {measured['auroc']} "
                f"captures, at most {_NEAR['f1']} F1 below on {near['f1']} of {measured['f1']}"
            )
    if not rows:
        return ""
    heads = ("network", "capture", "teacher AUROC", "student AUROC", "teacher F1", "student F1")
    return f"## Students beside their teachers\n\n{'; '.join(counts)}.\n\n{table(heads, rows)}"


def _short_of(teacher: Values, student: Values, metric: str) -> float | None:
    """How far the student's mean over seeds lies below its teacher's; None where the metric is not applicable."""
    means = [one.mean(metric) for one in (teacher, student)]
    return None if means[0] is None or means[1] is None else means[0] - means[1]


def evidence(values: Values) -> str:
    """Each model of the experiment itself against the strongest baseline, with a test over captures."""
    parts = [
        "## Against the strongest baseline",
        "Model less the baseline with the best mean over captures, capture by capture; effect size is the rank "
        "biserial correlation, p Wilcoxon's exact signed-rank test after Holm over all that stands beside that "
        "baseline under the protocol.",
        _tests(values, ("fusion", "gat_student", "vgae_student"), left_out=()),
        "The habit alone is one of the three that the fusion weighs. Against the strongest of the others:",
        _tests(values, ("fusion",), left_out=("habit",)),
    ]
    return "\n\n".join(parts) if parts[2] else ""


def _tests(values: Values, shown: Sequence[str], left_out: Sequence[str]) -> str:
    rows = []
    for protocol, calibration_s, title in _PROTOCOLS:
        inside = values.of(protocol=protocol, calibration_s=calibration_s, variant="")
        for metric, label in _WEIGHED.items():
            models = {name: cells for name, cells in _cells_of(inside, metric).items() if name[0] not in left_out}
            found = against_the_strongest(models, COMPARED[metric], role=1)
            if found is None:
                continue
            reference = found[0][0]
            where = title.split(":")[0] + (f", {calibration_s:g} s" if calibration_s else "")
            rows += [
                (
                    where, label, _named(reference), _named(stage), one.n,
                    f"{one.mean_difference:+.4f} {_range(one.low, one.high)}",
                    "–" if one.effect_size is None else f"{one.effect_size:+.2f}", f"{one.p_adjusted:.3f}", one.verdict,
                )
                for stage in shown
                for one in [found[1][name] for name in found[1] if name[0] == stage]
            ]  # fmt: skip
    heads = (
        "protocol", "metric", "baseline", "model", "captures", "mean difference [95 %]", "effect size",
        "p, corrected", "verdict",
    )  # fmt: skip
    return table(heads, rows) if rows else ""


def _cells_of(values: Values, metric: str) -> dict[tuple[str, str], Cells]:
    """Of each model that competes, by name and role, the metric's values by capture and seed."""
    models: dict[tuple[str, str], dict[Any, float]] = defaultdict(dict)
    for row in values.rows:
        competes = row["role"] != "teacher" and row["stage"] not in CONSTANTS and row["capture"] not in _POOLS
        if competes and row["metric"] == metric and row["value"] is not None:
            models[row["stage"], row["role"]][row["capture"], row["seed"]] = row["value"]
    return {**models}


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:+.4f}, {high:+.4f}]"


def variants(values: Values) -> str:
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
