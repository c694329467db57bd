"""The tables of docs/results.md that compare: students with their teachers, models with the strongest baseline."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lake.schema import CONSTANTS
from lake.statistics import Cells
from loaders.comparisons import COMPARED, against_the_strongest
from loaders.result_tables import POOLS, PROTOCOLS, named
from loaders.values import Values, table

_NEAR = {"auroc": 0.005, "f1": 0.01}  # how far a student may fall short of its teacher
_WEIGHED = {"f1": "F1", "auroc": "AUROC", "fpr": "FPR"}  # whose differences are tested


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
        captures = sorted({*students.distinct("capture")} & {*theirs.distinct("capture")} - {*POOLS})
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
    for protocol, calibration_s, title in PROTOCOLS:
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
                    where, label, named(reference), named(stage), one.n,
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
        competes = row["role"] != "teacher" and row["stage"] not in CONSTANTS and row["capture"] not in POOLS
        if competes and row["metric"] == metric and row["value"] is not None:
            models[row["stage"], row["role"]][row["capture"], row["seed"]] = row["value"]
    return {**models}


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:+.4f}, {high:+.4f}]"
