"""The lab's SQLite tracker: `datasets`, `runs` with their frozen configs, `metrics` of every evaluation."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.legacy.dataset_runs import add_dataset_run
from pipeline.legacy.evaluation import Evaluated, add_evaluations
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import is_distilled, place_of, run_id_of
from pipeline.legacy.runs import OldRun, When, file_date, instant, origin_of
from pipeline.legacy.sqlite_store import open_store

NEEDS: Mapping[str, tuple[str, ...]] = {
    "runs": ("run_id", "dataset", "scale", "stage", "has_kd", "status", "teacher_run", "started_at", "completed_at",
             "config_json"),
    "metrics": ("run_id", "model", "scenario", "metric_name", "value"),
    "datasets": ("name", "added_date"),
}  # fmt: skip


def read_tracker(path: Path, wishes: Wishes) -> Found:
    """Every run, metric and dataset of the tracker."""
    name = wishes.name or "tracker"
    gathering = Gathering("tracker", name, path, origin_of("DQN-Fusion tracker", path))
    with open_store(path) as connection:
        runs, metrics, datasets = (_rows(connection, table) for table in ("runs", "metrics", "datasets"))
    substitute = _latest_date(path, runs, datasets)
    for row in runs:
        _add_run(gathering, name, row, substitute, wishes)
    _add_teachers(gathering, runs)
    add_evaluations(gathering, "metrics", _evaluated(metrics))
    for row in datasets:
        added = instant(row["added_date"])
        because = "the date the dataset was added on"
        add_dataset_run(gathering, "datasets", name, str(row["name"]), row, When(added or substitute[0], because))
    return gathering.finish()


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY rowid')]


def _latest_date(path: Path, runs: list[dict[str, Any]], datasets: list[dict[str, Any]]) -> tuple[datetime, str]:
    """The newest time that the store itself holds; unlike the file's date it is the same in every copy."""
    texts = [row[column] for row in runs for column in ("started_at", "completed_at")]
    texts += [row["added_date"] for row in datasets]
    dates = [found for text in texts if (found := instant(text)) is not None]
    return (max(dates), "the newest date in the store") if dates else (file_date(path), "the date of the file")


def _add_run(
    gathering: Gathering, name: str, row: Mapping[str, Any], substitute: tuple[datetime, str], wishes: Wishes
) -> None:
    gathering.counted("runs", 1, 0, "runs")
    old = str(row["run_id"])
    config = _config(row["config_json"])
    place = place_of({**row, "run_name": old}, wishes.dataset, wishes.stage)
    if isinstance(place, str):
        gathering.refuse("runs", old, place)
        return
    gathering.counted("runs", 0, 1, "runs")
    when = When(*substitute, started=instant(row["started_at"]), finished=instant(row["completed_at"]))
    notes = () if config else ("no config is recorded.",)
    seed = config.get("seed")
    run = OldRun(
        run_id=run_id_of(name, old), old=old, place=place, when=when, status=str(row["status"] or ""),
        config_text=str(row["config_json"] or "{}"), seed=seed if isinstance(seed, int) else None,
        device=str(config["device"]) if config.get("device") else None, notes=notes,
    )  # fmt: skip
    gathering.add_run(run)


def _config(text: object) -> dict[str, Any]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _add_teachers(gathering: Gathering, runs: list[dict[str, Any]]) -> None:
    """Students point to the run they were distilled from, where it is in the store."""
    for row in runs:
        old, teacher = str(row["run_id"]), row["teacher_run"]
        if old not in gathering.runs:
            continue
        if teacher and teacher in gathering.runs:
            gathering.add_teacher(old, str(teacher))
        elif teacher:
            gathering.change_run(old, f"its teacher {teacher!r} is not in the store.")
        elif row["has_kd"] or is_distilled(old):
            gathering.change_run(old, "it was distilled; its teacher is not recorded.")


def _evaluated(metrics: list[dict[str, Any]]) -> list[Evaluated]:
    """The rows of one run, model and scenario together."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in metrics:
        key = (str(row["run_id"]), str(row["model"]), str(row["scenario"]))
        groups.setdefault(key, {})[str(row["metric_name"])] = row["value"]
    return [Evaluated(*key, values) for key, values in groups.items()]
