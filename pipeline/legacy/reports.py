"""The folder that the old dashboard read: the export of the same runs, in Parquet and JSON."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lake.schema import EPOCHS
from lake.table import Row
from pipeline.legacy.dataset_runs import add_dataset_run
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.evaluation import Evaluated, add_evaluations
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import ARCHITECTURE, ROLE, curve_name, is_distilled, place_of, run_id_of
from pipeline.legacy.reports_bulk import BULK_FILES, add_bulk_file
from pipeline.legacy.reports_figures import add_sample_graphs, add_similarity
from pipeline.legacy.runs import OldRun, When, file_date, instant, origin_of
from pipeline.legacy.sift import SOURCE

RUN_COLUMNS = ("run_id", "dataset", "model_type", "scale", "stage", "has_kd", "success", "started_at", "completed_at")


def is_reports(path: Path) -> bool:
    """A folder with the export's `runs.parquet`."""
    runs = path / "runs.parquet"
    if not path.is_dir() or not runs.is_file():
        return False
    try:
        return set(RUN_COLUMNS) <= set(pq.read_schema(runs).names)
    except (pa.ArrowException, OSError):
        return True  # so that reading it says what is wrong with it


def read_reports(path: Path, wishes: Wishes) -> Found:
    """Everything in the folder; a file that is not there is said, one that is none of the export's too."""
    name = wishes.name or "reports"
    gathering = Gathering("reports", name, path, origin_of("DQN-Fusion export", path))
    for row in _rows(path, "runs.parquet", RUN_COLUMNS):
        _add_run(gathering, name, row, file_date(path / "runs.parquet"), wishes)
    known = {"runs.parquet"}
    for bulk in BULK_FILES:
        known.add(bulk.file)
        if (path / bulk.file).exists():
            add_bulk_file(gathering, path, bulk)
    for file, read in _SMALL.items():
        known.add(file)
        if (path / file).exists():
            read(gathering, path, name)
    for absent in sorted(known - {file.name for file in path.iterdir()}):
        gathering.note(f"{absent} is not there; nothing of it is imported")
    for other in sorted(path.iterdir()):
        if other.name not in known:
            gathering.note(f"{other.name} is no file of the export; it is left out")
    return gathering.finish()


def _rows(folder: Path, file: str, needs: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        table = pq.ParquetFile(folder / file).read()
    except (pa.ArrowException, OSError) as error:
        raise MigrateError(f"{folder / file} cannot be read as Parquet ({error}). Give a whole copy.") from error
    if missing := sorted(set(needs) - set(table.column_names)):
        raise MigrateError(f"{folder / file} has no column {', '.join(missing)}: it is not the export's {file}.")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def read_envelope(folder: Path, file: str) -> tuple[list[dict[str, Any]], datetime | None]:
    """The records of one of the export's JSON files, and when it was exported."""
    try:
        value = json.loads((folder / file).read_text())
        records = value["data"]
        if not isinstance(records, list):
            raise TypeError("data is no list")
    except (ValueError, KeyError, TypeError, UnicodeError) as error:
        raise MigrateError(
            f"{folder / file} cannot be read as the export's {file} ({error}). Give a whole copy."
        ) from error
    return records, instant(value.get("exported_at"))


def _add_run(gathering: Gathering, name: str, row: Mapping[str, Any], date: datetime, wishes: Wishes) -> None:
    gathering.counted("runs.parquet", 1, 0, "runs")
    old = str(row["run_id"])
    place = place_of({**row, "run_name": old}, wishes.dataset, wishes.stage)
    if isinstance(place, str):
        gathering.refuse("runs.parquet", old, place)
        return
    gathering.counted("runs.parquet", 0, 1, "runs")
    notes = ["the export holds no config and no seed; its own record of the run stands in the config's place."]
    if row["has_kd"] or is_distilled(old):
        notes.append("it was distilled; its teacher is not recorded.")
    when = When(date, "the date of runs.parquet", instant(row["started_at"]), instant(row["completed_at"]))
    status = {True: "complete", False: "failed"}.get(row["success"], "")
    record = json.dumps({"export": row}, sort_keys=True, default=str)
    run = OldRun(run_id_of(name, old), old, place, when, status, record, notes=tuple(notes))
    gathering.add_run(run)


def _add_metrics(gathering: Gathering, folder: Path, name: str) -> None:
    rows = _rows(folder, "metrics.parquet", ("run_id", "model"))
    gathering.note(f"metrics.parquet: its {len(rows)} wide rows are counted by value; the export is of validation only")
    add_evaluations(
        gathering,
        "metrics.parquet",
        [
            Evaluated(str(row.pop("run_id")), str(row.pop("model")), "val", row)
            for row in rows
        ],
    )  # fmt: skip


def _add_curves(gathering: Gathering, folder: Path, name: str) -> None:
    file = "training_curves.parquet"
    rows = _rows(folder, file, ("run_id", "epoch", "metric_name", "value"))
    gathering.counted(file, len(rows), 0, "epochs")
    by_run: dict[str, list[Row]] = {}
    for number, row in enumerate(rows):
        what = f"row {number}, {row['run_id']} epoch {row['epoch']} {row['metric_name']}"
        named = curve_name(str(row["metric_name"]), None)
        if row["run_id"] not in gathering.runs or named is None:
            why = "its run is not in runs.parquet" if named else "its name says neither train, val nor test"
            gathering.refuse(file, what, why)
            continue
        split, metric = named
        by_run.setdefault(gathering.runs[row["run_id"]].run_id, []).append(
            {"attempt": 1, "epoch": row["epoch"], "split": split, "metric": metric, "value": row["value"], SOURCE: what}
        )
    for run_id, curve in by_run.items():
        gathering.counted(file, 0, gathering.add_rows(file, EPOCHS, run_id, curve), "epochs")


def _add_datasets(gathering: Gathering, folder: Path, name: str) -> None:
    when = When(file_date(folder / "datasets.parquet"), "the date of datasets.parquet")
    for row in _rows(folder, "datasets.parquet", ("name",)):
        add_dataset_run(gathering, "datasets.parquet", name, str(row["name"]), row, when)


def _add_sizes(gathering: Gathering, folder: Path, name: str) -> None:
    """Parameters of a kind of network: said of every run that trained one."""
    file = "model_sizes.json"
    records, _ = read_envelope(folder, file)
    for record in records:
        gathering.counted(file, 1, 0, "parameters of every run of that network and role")
        what = f"{record.get('model_type')} {record.get('scale')}"
        model, role = ARCHITECTURE.get(str(record.get("model_type"))), ROLE.get(str(record.get("scale")))
        size = record.get("param_count")
        runs = [
            run
            for run in gathering.runs.values()
            if run.place.model and (run.place.model, run.place.role) == (model, role)
        ]
        if not runs or not isinstance(size, int) or size < 0:
            why = "no run is of this network" if not runs else f"param_count is {size!r}, no number of parameters"
            gathering.refuse(file, what, why)
            continue
        gathering.counted(file, 0, 1, "")
        for run in runs:
            gathering.change_run(run.old, parameters=size)


def _add_graphs(gathering: Gathering, folder: Path, name: str) -> None:
    records, exported = read_envelope(folder, "graph_samples.json")
    date = exported or file_date(folder / "graph_samples.json")
    add_sample_graphs(gathering, name, records, When(date, "the date of the export"))


def _add_similarity(gathering: Gathering, folder: Path, name: str) -> None:
    rows = _rows(folder, "cka_similarity.parquet", ("run_id", "teacher_layer", "student_layer", "similarity"))
    add_similarity(gathering, rows)


# The export's small files; datasets before graphs, which belong to the runs made for them.
_SMALL = {
    "metrics.parquet": _add_metrics,
    "training_curves.parquet": _add_curves,
    "datasets.parquet": _add_datasets,
    "model_sizes.json": _add_sizes,
    "graph_samples.json": _add_graphs,
    "cka_similarity.parquet": _add_similarity,
}
