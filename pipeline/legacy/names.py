"""What the old trackers called things, and what we call them. A name that means the same is mapped, others stay."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lake.schema import ROLES, STAGES
from lake.table import Range

_LONGEST = 120  # of a run id; the lake's own limit is higher, part names and digests come on top
_PLAIN = re.compile(r"[A-Za-z0-9_/-]+")

ROLE = {"teacher": "teacher", "large": "teacher", "student": "student", "small": "student"}
MODEL = {"autoencoder": "vgae", "curriculum": "gat", "normal": "gat", "fusion": "fusion", "evaluation": None}
ARCHITECTURE = {"vgae": "vgae", "gat": "gat", "dqn": "fusion", "fusion": "fusion", "eval": None}
STATUS = {
    "complete": "complete", "finished": "complete", "failed": "failed", "killed": "interrupted",
    "interrupted": "interrupted",
}  # fmt: skip
_SPLIT = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test",
}  # fmt: skip
_METRIC = {"acc": "accuracy", "auc": "auroc", "roc_auc": "auroc", "pr_auc": "auprc", "precision_": "precision"}
# Numbers that only the old trackers keep, so that lake/schema.py has no range for them.
RANGES: Mapping[str, Range] = {
    **dict.fromkeys(
        ("balanced_accuracy", "detection_rate", "fnr", "miss_rate", "specificity", "tnr", "tpr"), (0.0, 1.0)
    ),
    "kappa": (-1.0, 1.0), "youden_j": (-1.0, 1.0),
}  # fmt: skip
_RUN_NAME = re.compile(
    r"(?P<dataset>[^/]+)/(?:(?P<model>vgae|gat|dqn|eval)_)?(?P<scale>teacher|student|large|small)"
    r"_(?P<stage>[a-z]+?)(?P<kd>_kd)?"
)


def run_id_of(name: str, old: str) -> str:
    """`legacy-<name>-<old id>` with '/' as '.'; an id that would not stay unique, or is long, ends in a digest."""
    plain = re.sub(r"[^A-Za-z0-9._-]", ".", old)
    whole = f"legacy-{name}-{plain}"
    if _PLAIN.fullmatch(old) and len(whole) <= _LONGEST:
        return whole
    return f"{whole[: _LONGEST - 9]}-{hashlib.sha256(old.encode()).hexdigest()[:8]}"


def metric_name(old: str) -> str:
    return _METRIC.get(old, old)


def split_of(old: str) -> str | None:
    return _SPLIT.get(old)


def curve_name(old: str, split: str | None) -> tuple[str, str] | None:
    """Split and metric of a logged number, as of `val_loss`, `train/f1`; None where no split is said."""
    found = re.fullmatch(r"([a-z]+)[_/.](.+)", old, re.S)
    if found and found[1] in _SPLIT:
        return _SPLIT[found[1]], metric_name(found[2])
    if old.startswith(("lr", "learning_rate")):
        return "train", old  # it is set by what trains, whatever is measured
    return (split, metric_name(old)) if split else None


@dataclass(frozen=True)
class Scenario:
    """What an evaluation scored, in the columns of `metrics`."""

    split: str
    capture: str
    vehicle: str
    attack: str
    is_known_vehicle: bool | None


def scenario_of(old: str) -> Scenario | None:
    """`val`, `test_01_DoS`, `test_02_unknown_vehicle_known_attack` …; None for what is none of them."""
    if (split := split_of(old)) is not None:
        return Scenario(split, "all", "all", "all", None)
    found = re.fullmatch(r"test_\d+_(.+)", old)
    if not found:
        return None
    words = re.fullmatch(r"((?:un)?known)_vehicle_((?:un)?known)_attack", found[1])
    if words:
        return Scenario("test", old, f"{words[1]} vehicle", f"{words[2]} attack", words[1] == "known")
    return Scenario("test", old, "all", found[1].replace("_", " "), None)


@dataclass(frozen=True)
class Place:
    """Where a run stands among ours."""

    dataset: str
    stage: str
    model: str | None
    role: str | None


def place_of(facts: Mapping[str, Any], dataset: str | None = None, stage: str | None = None) -> Place | str:
    """The place that a run's facts give it (dataset, stage, scale or model_size …), or what they leave unsaid.

    Args:
        dataset, stage: taken where the facts name none.
    """
    known = {**_from_name(str(facts.get("run_name") or "")), **{key: value for key, value in facts.items() if value}}
    said = str(known.get("dataset") or dataset or "")
    old = str(known.get("stage") or "")
    role = ROLE.get(str(known.get("scale") or known.get("model_size") or known.get("role") or ""))
    if not said:
        return "it does not say its dataset; give --dataset"
    if not old and stage:
        old = stage
    if old in STAGES:  # our own words
        network, _, suffix = old.partition("_")
        return Place(said, old, ARCHITECTURE.get(network), suffix if suffix in ROLES else role)
    if not old:
        return "it does not say its stage; give --stage"
    if old not in MODEL:
        return f"its stage {old!r} is none of {', '.join(MODEL)}; give --stage"
    model = MODEL[old]
    if model is None or model == "fusion":
        return Place(said, "evaluate" if model is None else "fusion", model, role)
    if role is None:
        return "it does not say whether it is a teacher or a student; give --stage"
    return Place(said, f"{model}_{role}", model, role)


def _from_name(name: str) -> dict[str, str]:
    found = _RUN_NAME.fullmatch(name)
    return {key: value for key, value in found.groupdict().items() if value} if found else {}


def is_distilled(old: str) -> bool:
    return old.endswith("_kd")


def scored_runs(evaluation: str, model: str) -> tuple[str, ...]:
    """The runs whose network an evaluation scored: by their names alone, the old pipeline found them the same way."""
    stages = [stage for stage, trained in MODEL.items() if trained is not None and trained == model_name(model)]
    folder, _, name = evaluation.rpartition("/")
    architecture = {"fusion": "dqn"}.get(str(model_name(model)), str(model_name(model)))
    if name.startswith("eval_"):
        name = f"{architecture}_{name.removeprefix('eval_')}"
    return tuple(f"{folder}/{name.replace('_evaluation', f'_{stage}')}" for stage in stages)


def model_name(old: str) -> str | None:
    return ARCHITECTURE.get(old, old)


def first_known(names: Iterable[str], known: Mapping[str, str]) -> str | None:
    return next((known[name] for name in names if name in known), None)
