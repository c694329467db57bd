"""Rows that fit the schema, for tests to spoil."""

from datetime import UTC, datetime
from typing import Any

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def run_row(**changes: Any) -> dict[str, Any]:
    """The first row of a run; `append` adds its run id."""
    row = {
        "attempt": 1,
        "status": "running",
        "experiment": "made-up",
        "stage": "prepare",
        "dataset": "made-up",
        "is_demo": True,
        "config_json": "{}",
        "config_digest": "0" * 64,
        "versions_json": "{}",
        "device": "cpu",
        "started_at": NOON,
    }
    return {**row, **changes}


def epoch_row(**changes: Any) -> dict[str, Any]:
    return {"attempt": 1, "epoch": 0, "split": "validation", "metric": "loss", "value": 0.5, **changes}


def metric_row(**changes: Any) -> dict[str, Any]:
    row = {
        "model_run_id": "a-model",
        "dataset": "made-up",
        "split": "test",
        "capture": "all",
        "vehicle": "all",
        "attack": "all",
        "metric": "f1",
        "value": 0.5,
        "n": 10,
        "n_attack": 3,
    }
    return {**row, **changes}
