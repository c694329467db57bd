"""A small lake with made-up numbers, written through the lake's own writer.

Nothing here is a result: the values come from a digest of the row's key, so that they are the same in
every run and differ from row to row.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lake.append import append
from lake.configuration import configuration_of
from lake.schema import AMOUNTS, TABLES
from lake.snapshot import Snapshot, take_snapshot
from lake.table import Row

DATASET = "made_up"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EPOCHS = 6
# (capture, vehicle, attack, usage, is_known_vehicle)
CAPTURES = (
    ("train/benign-1", "Car A", "benign", "train", True),
    ("train/dos-1", "Car A", "DoS", "train", True),
    ("train/dos-2", "Car A", "DoS", "duplicate", True),
    ("test/known-dos", "Car A", "DoS", "test", True),
    ("test/known-fuzzing", "Car A", "fuzzing", "test", True),
    ("test/unknown-benign", "Car B", "benign", "test", False),
)
# (stage, model, role)
TRAINED = (
    ("vgae_teacher", "vgae", "teacher"),
    ("gat_teacher", "gat", "teacher"),
    ("vgae_student", "vgae", "student"),
    ("gat_student", "gat", "student"),
    ("fusion", "fusion", "student"),
)
METRICS = (
    "f1", "precision", "recall", "fpr", "accuracy", "mcc", "auroc", "auprc", "base_rate", "ece", "brier",
    *AMOUNTS, "fpr_outside_episodes", "recall_at_fpr_1e-2", "recall_at_fpr_1e-3",
)  # fmt: skip
# Metrics that a benign capture has too.
OF_BENIGN = {"fpr", "accuracy", "ece", "brier", "fpr_outside_episodes", "episodes", "episodes_found"} | {
    name for name in AMOUNTS if name.startswith(("false_alarms", "benign_hours"))
}
Protocol = tuple[str | None, float | None]  # its name, seconds of calibration


def made_up_lake(
    root: Path, seeds: Sequence[int] = (42,), is_demo: bool = True, ended: bool = True, config: Row | None = None
) -> Snapshot:
    """One experiment, whole: data, five models a seed, their evaluation; then a snapshot of it.

    Args:
        ended: whether the evaluations ended; without it they stand as running.
    """
    settings = {"name": "made_up", "seeds": list(seeds), "window": {"size": 100, "stride": 100}, **(config or {})}
    add_run(root, "made_up-prepare", "prepare", None, settings, is_demo=is_demo)
    _append_data(root, "made_up-prepare")
    for seed in seeds:
        for stage, model, role in TRAINED:
            add_run(root, f"made_up-{stage}-{seed}", stage, seed, settings, model, role, is_demo=is_demo)
            _append_epochs(root, f"made_up-{stage}-{seed}")
        add_evaluation(root, f"made_up-evaluate-{seed}", seed, settings, is_demo=is_demo, ended=ended)
        _append_lineage(root, seed)
    return take_snapshot(root, now=START + timedelta(days=1))


def add_run(
    root: Path,
    run_id: str,
    stage: str,
    seed: int | None,
    settings: Row,
    model: str | None = None,
    role: str | None = None,
    *,
    is_demo: bool = True,
    status: str = "complete",
    started_at: datetime = START,
    reason: str | None = None,
    variant: str | None = None,
) -> None:
    """A run's first row, and its last where `status` is not running."""
    text = json.dumps(settings, sort_keys=True)
    row: dict[str, Any] = {
        "attempt": 1,
        "status": "running",
        "experiment": "made_up",
        "variant": variant,
        "stage": stage,
        "dataset": DATASET,
        "model": model,
        "role": role,
        "seed": seed,
        "is_demo": is_demo,
        "config_json": text,
        "config_digest": _digest(text),
        "data_digest": _digest("data"),
        "configuration": configuration_of(text, _digest("data")),
        "code_commit": _digest("commit")[:40],
        "lock_digest": _digest("lock"),
        "versions_json": "{}",
        "device": "cpu",
        "started_at": started_at,
    }
    append(root, TABLES["runs"], run_id, "started", [row])
    if status == "running":
        return
    ending = {"status": status, "finished_at": started_at + timedelta(seconds=30 + len(run_id)), "reason": reason}
    if model:
        ending |= {"parameters": 1000 * len(stage), "monitor": "auroc", "best_epoch": 3, "best_value": 0.9}
    append(root, TABLES["runs"], run_id, "ended", [row | ending])


def add_evaluation(
    root: Path,
    run_id: str,
    seed: int,
    settings: Row,
    *,
    is_demo: bool = True,
    ended: bool = True,
    started_at: datetime = START + timedelta(hours=1),
    salt: str = "",
    without: str = "",
    protocols: Sequence[Protocol] = ((None, None),),
    models: Sequence[str] = (),
) -> None:
    """An evaluate run over the five models of a seed: rows for each capture, known and unknown vehicles, and all.

    Args:
        salt: another one gives other values.
        without: a metric that is null in every row.
        protocols: the test captures are scored under each of these.
        models: runs to score in place of the five.
    """
    status = "complete" if ended else "running"
    add_run(root, run_id, "evaluate", seed, settings, is_demo=is_demo, status=status, started_at=started_at)
    rows: list[Row] = []
    for model_run_id in models or [f"made_up-{stage}-{seed}" for stage, _, _ in TRAINED]:
        rows += _metric_rows(model_run_id, "validation", "all", "all", "all", None, 300, 40, salt)
        rows.append({**rows[-1], "metric": "threshold", "value": 3.5, "n": 260, "n_attack": 0})
        for protocol, calibration_s in protocols:
            under = {"protocol": protocol, "calibration_s": calibration_s}
            salted = f"{salt}{protocol or ''}{calibration_s or ''}"
            rows += [{**row, **under} for row in _test_rows(model_run_id, salted)]
    rows = [{**row, "value": None} if row["metric"] == without else row for row in rows]
    append(root, TABLES["metrics"], run_id, "metrics", rows)


def _test_rows(model_run_id: str, salt: str) -> list[Row]:
    rows = _metric_rows(model_run_id, "test", "all", "all", "all", None, 900, 120, salt)
    rows += _metric_rows(model_run_id, "test", "known vehicles", "all", "all", True, 600, 120, salt)
    rows += _metric_rows(model_run_id, "test", "unknown vehicles", "all", "all", False, 300, 0, salt)
    for capture, vehicle, attack, usage, known in CAPTURES:
        if usage == "test":
            n_attack = 0 if attack == "benign" else 60
            rows += _metric_rows(model_run_id, "test", capture, vehicle, attack, known, 300, n_attack, salt)
    return rows


def made_up_value(*key: object) -> float:
    """A number in [0.5, 1) that the key alone decides."""
    return 0.5 + int(_digest("|".join(map(str, key)))[:8], 16) / 2**33


def _metric_rows(
    model_run_id: str,
    split: str,
    capture: str,
    vehicle: str,
    attack: str,
    known: bool | None,
    n: int,
    n_attack: int,
    salt: str,
) -> list[Row]:
    about = {
        "model_run_id": model_run_id,
        "dataset": DATASET,
        "split": split,
        "capture": capture,
        "vehicle": vehicle,
        "attack": attack,
        "is_known_vehicle": known,
        "n": n,
        "n_attack": n_attack,
    }
    rows = []
    for metric in METRICS:
        value: float | None = made_up_value(model_run_id, split, capture, metric, salt)
        if metric == "fpr":
            value = (value or 0) / 50
        if metric == "base_rate":
            value = n_attack / n
        elif n_attack == 0 and metric not in OF_BENIGN:
            value = None  # one class only
        rows.append({**about, "metric": metric, "value": value})
    return rows


def _append_epochs(root: Path, run_id: str) -> None:
    for epoch in range(EPOCHS):
        rows = [
            {
                "attempt": 1,
                "epoch": epoch,
                "split": split,
                "metric": metric,
                "value": _curve(run_id, split, metric, epoch),
            }
            for split in ("train", "validation")
            for metric in ("loss", "auroc")
        ]
        append(root, TABLES["epochs"], run_id, f"epoch-{epoch:04d}", rows)


def _curve(run_id: str, split: str, metric: str, epoch: int) -> float:
    wobble = made_up_value(run_id, split, metric, epoch) / 20
    return 2.0 / (epoch + 1) + wobble if metric == "loss" else 0.94 - 0.4 / (epoch + 1) + wobble


def _append_lineage(root: Path, seed: int) -> None:
    parents = {
        "vgae_student": ("distilled_from", ["vgae_teacher"]),
        "gat_student": ("distilled_from", ["gat_teacher"]),
        "fusion": ("fused_from", ["vgae_student", "gat_student"]),
        "evaluate": ("evaluated", [stage for stage, _, _ in TRAINED]),
    }
    for stage, _, _ in TRAINED:
        rows = [{"relation": "prepared_from", "parent_run_id": "made_up-prepare"}]
        relation, stages = parents.get(stage, ("", []))
        rows += [{"relation": relation, "parent_run_id": f"made_up-{parent}-{seed}"} for parent in stages]
        append(root, TABLES["lineage"], f"made_up-{stage}-{seed}", "lineage", rows)
    relation, stages = parents["evaluate"]
    rows = [{"relation": relation, "parent_run_id": f"made_up-{parent}-{seed}"} for parent in stages]
    append(root, TABLES["lineage"], f"made_up-evaluate-{seed}", "lineage", rows)


def _append_data(root: Path, run_id: str) -> None:
    used = [capture for capture in CAPTURES if capture[3] != "duplicate"]
    append(
        root,
        TABLES["datasets"],
        run_id,
        "dataset",
        [
            {
                "dataset": DATASET,
                "title": "A made-up dataset",
                "licence": "none: made up",
                "citation": "made up",
                "address": "made up",
                "captures": len(used),
                "frames": 30_000 * len(used),
                "attack_frames": 21_000,
                "data_digest": _digest("data"),
                "vocabulary_size": 50,
            }
        ],
    )
    append(
        root,
        TABLES["captures"],
        run_id,
        "captures",
        [
            {
                "dataset": DATASET,
                "capture": capture,
                "vehicle": vehicle,
                "attack": attack,
                "usage": usage,
                "duplicate_of": "train/dos-1" if usage == "duplicate" else None,
                "row_digest": _digest(capture),
                "frames": 30_000,
                "attack_frames": 0 if attack == "benign" else 7_000,
                "arbitration_ids": 45,
                "span_s": 12.5,
                "empty_payloads": 0,
                "backward_steps": 1,
                "repaired_rows": 0,
            }
            for capture, vehicle, attack, usage, _ in CAPTURES
        ],
    )
    append(
        root,
        TABLES["splits"],
        run_id,
        "splits",
        [
            {"capture": capture, "split": split, "windows": windows, "attack_windows": 0 if attack == "benign" else 60}
            for capture, _, attack, usage, _ in used
            for split, windows in (
                (("test", 300),) if usage == "test" else (("train", 230), ("validation", 60), ("embargo", 10))
            )
        ],
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
