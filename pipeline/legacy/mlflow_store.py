"""An MLflow SQLite store, read by its tables; MLflow itself is not needed."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.legacy.curves import STEP_AS_EPOCH, Logged, add_curves, device_of, seed_of
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import place_of, run_id_of
from pipeline.legacy.runs import OldRun, When, file_date, from_ms, origin_of
from pipeline.legacy.sqlite_store import open_store

NEEDS: Mapping[str, tuple[str, ...]] = {
    "experiments": ("experiment_id", "name"),
    "runs": ("run_uuid", "name", "status", "start_time", "end_time", "lifecycle_stage", "experiment_id"),
    "params": ("key", "value", "run_uuid"),
    "tags": ("key", "value", "run_uuid"),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "latest_metrics": ("key", "value", "step", "is_nan", "run_uuid"),
}
_LARGEST = 1.7976931348623157e308  # MLflow keeps infinity as this
Rows = list[dict[str, Any]]


def read_mlflow(path: Path, wishes: Wishes) -> Found:
    """Every run that was not deleted, with its parameters and tags as its config and its metrics as curves."""
    name = wishes.name or "mlflow"
    gathering = Gathering("mlflow", name, path, origin_of("MLflow store", path))
    with open_store(path) as connection:
        runs = _rows(connection, "SELECT runs.*, experiments.name AS experiment FROM runs LEFT JOIN experiments "
                                 "USING (experiment_id) ORDER BY start_time, run_uuid")  # fmt: skip
        params, tags = (_by_run(_rows(connection, f"SELECT * FROM {table}")) for table in ("params", "tags"))
        metrics = _by_run(_rows(connection, "SELECT * FROM metrics ORDER BY timestamp, rowid"))
        latest = _by_run(_rows(connection, "SELECT * FROM latest_metrics"))
    for row in runs:
        own = str(row["run_uuid"])
        facts = _texts(params.get(own, [])), _texts(tags.get(own, []))
        listed = _with_latest(metrics.get(own, []), latest.get(own, []))
        _add_run(gathering, name, row, *facts, listed, file_date(path), wishes)
    _add_teachers(gathering, {old: _texts(rows) for old, rows in tags.items()}, runs)
    return gathering.finish()


def _rows(connection: sqlite3.Connection, sql: str) -> Rows:
    return [dict(row) for row in connection.execute(sql)]


def _by_run(rows: Rows) -> dict[str, Rows]:
    groups: dict[str, Rows] = {}
    for row in rows:
        groups.setdefault(str(row["run_uuid"]), []).append(row)
    return groups


def _texts(rows: Rows) -> dict[str, str]:
    return {str(row["key"]): str(row["value"]) for row in rows}


def _with_latest(metrics: Rows, latest: Rows) -> Rows:
    """The history, and those latest values that it lacks."""
    have = {(row["key"], row["step"]) for row in metrics}
    return metrics + [row for row in latest if (row["key"], row["step"]) not in have]


def _add_run(
    gathering: Gathering, name: str, row: Mapping[str, Any], params: Mapping[str, str], tags: Mapping[str, str],
    metrics: Rows, date: Any, wishes: Wishes,
) -> None:  # fmt: skip
    old, run_name = str(row["run_uuid"]), str(row["name"] or tags.get("mlflow.runName", ""))
    what = f"{old} {run_name!r}".replace(" ''", "")
    facts = {**params, **tags, "run_name": run_name}
    place = place_of(facts, wishes.dataset, wishes.stage)
    why = "it was deleted in MLflow" if row["lifecycle_stage"] == "deleted" else place
    gathering.counted("runs", 1, 0, "runs")
    if isinstance(why, str):
        gathering.refuse("runs", what, why)
        gathering.counted("metrics", len(metrics), 0, "epochs")
        for one in metrics:
            gathering.refuse("metrics", f"{what} step {one['step']} {one['key']}", "its run is not imported")
        return
    assert not isinstance(place, str)
    gathering.counted("runs", 0, 1, "")
    config = {"params": params, "tags": tags, "experiment": row["experiment"]}
    run = OldRun(
        run_id=run_id_of(name, old), old=old, place=place, status=str(row["status"] or ""),
        when=When(date, "the date of the file", from_ms(row["start_time"]), from_ms(row["end_time"])),
        config_text=json.dumps(config, sort_keys=True), seed=seed_of(facts), device=device_of(facts),
        notes=(f"MLflow calls it {run_name!r}.",) if run_name else (),
    )  # fmt: skip
    gathering.add_run(run)
    epochs = {one["step"]: one["value"] for one in metrics if one["key"] == "epoch"}
    logged = [
        Logged(
            epochs.get(one["step"], one["step"]),
            str(one["key"]),
            _value(one),
            f"{what} step {one['step']} {one['key']}",
        )
        for one in metrics
        if one["key"] != "epoch"
    ]
    gathering.counted("metrics", len(metrics) - len(logged), len(metrics) - len(logged), "epochs")
    if logged and not {one["step"] for one in metrics} <= epochs.keys():
        gathering.change_run(old, STEP_AS_EPOCH)
    add_curves(gathering, "metrics", run.run_id, logged, wishes.split)


def _value(row: Mapping[str, Any]) -> Any:
    """MLflow writes NaN as 0 and a flag, infinity as the largest number there is."""
    if row["is_nan"]:
        return float("nan")
    value = row["value"]
    return float("inf") if isinstance(value, float) and abs(value) >= _LARGEST else value


def _add_teachers(gathering: Gathering, tags: Mapping[str, Mapping[str, str]], runs: Rows) -> None:
    """`teacher_run_id` names a run by its name; where two have it, which one taught is not known."""
    named: dict[str, list[str]] = {}
    for row in runs:
        named.setdefault(str(row["name"]), []).append(str(row["run_uuid"]))
    for old in list(gathering.runs):
        teacher = tags.get(old, {}).get("teacher_run_id")
        if not teacher:
            continue
        found = [one for one in (named.get(teacher, []) or [teacher]) if one in gathering.runs]
        if len(found) == 1:
            gathering.add_teacher(old, found[0])
        else:
            why = "is not in the store" if not found else f"is the name of {len(found)} runs"
            gathering.change_run(old, f"its teacher {teacher!r} {why}.")
