"""A lake of trained and evaluated runs, to register."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from lake.append import append
from lake.parts import part_name
from lake.registry import register
from lake.schema import ARTIFACTS, METRICS, RUNS
from tests.lake.rows import NOON, metric_row, run_row

_PROTOCOLS = {"known_vehicle": "known vehicle", "zero_shot": "zero-shot"}
NAME = "gat-student-made-up"
IMPORTED = {"origin": "MLflow store old.db, sha256 00", "defects": "windows of one capture on both sides"}


def digest_of(run_id: str) -> str:
    return hashlib.sha256(run_id.encode()).hexdigest()


def add_trained(root: Path, run_id: str, **changes: Any) -> str:
    """A complete run with a checkpoint of two files."""
    about = {"stage": "gat_student", "model": "gat", "role": "student", "data_digest": "d" * 64, "finished_at": NOON}
    row = run_row(**{"status": "complete", **about, **changes})
    append(root, RUNS, run_id, part_name(1, "ended"), [row])
    files = {"checkpoint/checkpoint.json": digest_of(run_id), "checkpoint/weights.safetensors": "w" * 64}
    rows = [{"name": n, "kind": "checkpoint", "sha256": d, "size_bytes": 1} for n, d in files.items()]
    append(root, ARTIFACTS, run_id, part_name(1, "files"), rows)
    return run_id


def add_evaluated(
    root: Path, run_id: str, model_run_id: str, minutes: int = 0, origin: str | None = None, **f1: float | None
) -> None:
    """A complete evaluation: F1 over all test captures by protocol, zero_shot for `zero-shot`."""
    ended = NOON + timedelta(minutes=minutes)
    row = run_row(status="complete", stage="evaluate", finished_at=ended, origin=origin)
    append(root, RUNS, run_id, part_name(1, "ended"), [row])
    rows = [
        metric_row(model_run_id=model_run_id, protocol=_PROTOCOLS.get(name, name), value=value)
        for name, value in f1.items()
    ]
    append(root, METRICS, run_id, part_name(1, "metrics"), rows)


def add_two_versions(root: Path) -> None:
    """Two runs of one model, both evaluated, the second one better; both are versions."""
    for number, f1 in enumerate((0.8, 0.9), 1):
        add_trained(root, f"run-{number}")
        add_evaluated(root, f"evaluate-{number}", f"run-{number}", known_vehicle=f1)
        register(root, f"run-{number}")
