"""The tables of docs/results.md that show values: all captures together, each capture, ablations."""

from collections.abc import Iterable

from loaders.values import Values, table

POOLS = ("all", "known vehicles", "unknown vehicles")
PROTOCOLS = (
    ("known vehicle", None, "P1: a known vehicle"),
    ("calibrated", 10.0, "P2: an unknown vehicle, calibrated on 10 s of its own attack-free traffic"),
    ("calibrated", 5.0, "P2: an unknown vehicle, calibrated on 5 s"),
    ("zero-shot", None, "P3: zero-shot"),
    ("unknown attack", None, "P4: a known vehicle, an attack that training lacks"),
)
_TEACHERS = ("vgae_teacher", "gat_teacher")


def summary(values: Values) -> str:
    """All captures of a protocol together, for every model of the experiment itself."""
    lines = ["## Summary"]
    for protocol, calibration_s, title in PROTOCOLS:
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
                    named(stage), one.shown("f1", 4), one.shown("auroc", 4), one.shown("recall", 4),
                    one.shown("fpr", 4), one.shown("false_alarms_per_hour_outside_episodes", 1), _delay(one),
                    one.rows[0]["n"],
                )
                for stage in order(pooled.distinct("stage"))
                if (one := pooled.of(stage=stage)).rows
            ]  # fmt: skip
            lines.append(f"**{title}; {pool}**\n\n{table(heads, rows)}")
    return "\n\n".join(lines)


def by_capture(values: Values) -> Iterable[str]:
    """The student's detector, the rules alone and the networks alone on each capture."""
    for protocol, calibration_s, title in PROTOCOLS:
        inside = values.of(protocol=protocol, calibration_s=calibration_s, variant="")
        captures = [name for name in inside.distinct("capture") if name not in POOLS]
        stages = [stage for stage in order(inside.distinct("stage")) if stage not in _TEACHERS]
        if not captures or not stages:
            continue
        heads = ("capture", "attack/benign windows", *(f"{named(stage)}: F1 / FPR / AUROC" for stage in stages))
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
            lines.append(f"**{named(stage)}**\n\n{table(heads, rows)}")
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


def named(stage: str) -> str:
    names = {"fusion": "fused student", "vgae_student": "VGAE student", "gat_student": "GAT student"}
    return names.get(stage, stage.replace("_", " ").replace("vgae", "VGAE").replace("gat ", "GAT "))


def order(stages: Iterable[str]) -> list[str]:
    first = ["fusion", "gat_student", "vgae_student", "gat_teacher", "vgae_teacher"]
    return sorted(stages, key=lambda stage: (first.index(stage) if stage in first else len(first), stage))
