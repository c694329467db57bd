"""Lightning's CSV logs: a folder `version_N` a fit, with `metrics.csv` and the module's `hparams.yaml`."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from lake.files import listable
from pipeline.legacy.curves import STEP_AS_EPOCH, Logged, add_curves, device_of, number_of, seed_of
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import place_of, run_id_of
from pipeline.legacy.runs import OldRun, When, file_date, origin_of

METRICS, HPARAMS = "metrics.csv", "hparams.yaml"


def is_lightning(path: Path) -> bool:
    return bool(_logs(path))


def _logs(path: Path) -> list[Path]:
    """Folders with a `metrics.csv`: `path`, or those directly in it."""
    if path.is_file():
        return [path.parent] if path.name == METRICS else []
    if not path.is_dir():
        return []
    found = {file.parent for pattern in (METRICS, f"*/{METRICS}") for file in listable(path).glob(pattern)}
    return sorted(found, key=lambda folder: (folder.parent, number_of(folder.name), folder.name))


def read_lightning(path: Path, wishes: Wishes) -> Found:
    """Every version as a run of its own: a logger starts a new one each time a fit is started."""
    name = wishes.name or "lightning"
    gathering = Gathering("lightning", name, path, origin_of("Lightning CSV logs", path))
    base = path.parent if path.is_dir() else path.parent.parent
    for folder in _logs(path):
        old = folder.relative_to(base).as_posix()
        config = read_hparams(folder / HPARAMS)
        place = place_of({**config, "run_name": config.get("run_name")}, wishes.dataset, wishes.stage)
        gathering.counted("runs", 1, 0, "runs")
        if isinstance(place, str):
            gathering.refuse("runs", old, place)
            continue
        gathering.counted("runs", 0, 1, "")
        run = OldRun(
            run_id=run_id_of(name, old), old=old, place=place, status="", seed=seed_of(config),
            config_text=json.dumps(config, sort_keys=True, default=str), device=device_of(config),
            when=When(file_date(folder / METRICS), f"the date of {METRICS}"),
        )  # fmt: skip
        gathering.add_run(run)
        add_log(gathering, old, folder, 1, wishes.split)
    return gathering.finish()


def add_log(gathering: Gathering, old: str, folder: Path, attempt: int, split: str | None) -> None:
    """The curves in one `metrics.csv`, for the run `old`."""
    rows, is_cut, has_epochs = read_metrics(folder / METRICS)
    if not has_epochs:
        gathering.change_run(old, STEP_AS_EPOCH)
    logged = [
        Logged(row["epoch" if has_epochs else "step"], name, value, f"{old} line {line} {name}", attempt)
        for line, row in rows
        for name, value in row.items()
        if name not in ("epoch", "step") and value not in ("", None)
    ]
    run_id = gathering.runs[old].run_id
    add_curves(gathering, METRICS, run_id, logged, split)
    if is_cut:
        gathering.counted(METRICS, 1, 0, "")
        gathering.refuse(METRICS, f"{old} last line", "it is cut off, so its last number may be a part of one")


def read_metrics(path: Path) -> tuple[list[tuple[int, dict[str, str]]], bool, bool]:
    """Lines with their number in the file, whether the last one was cut off and left out, whether epochs are logged.

    Raises:
        MigrateError: it is no CSV with a column `epoch` or `step`.
    """
    try:
        text = path.read_text()
    except UnicodeDecodeError as error:
        raise MigrateError(f"{path} is no text ({error}). Give a Lightning CSV log.") from error
    is_cut = bool(text) and not text.endswith("\n")
    if is_cut:
        text = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(text))
    columns = reader.fieldnames or []
    if not {"epoch", "step"} & set(columns):
        raise MigrateError(
            f"{path} has no column epoch or step, but {', '.join(columns) or 'none'}. Give a Lightning CSV log."
        )
    rows = [
        (number, {key: value for key, value in row.items() if key is not None}) for number, row in _numbered(reader)
    ]
    has_epochs = "epoch" in columns and all(row.get("epoch") not in ("", None) for _, row in rows)
    if not has_epochs and "step" not in columns:
        raise MigrateError(f"{path} has lines without an epoch and no column step: they have no place on a curve.")
    return rows, is_cut, has_epochs


def _numbered(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, Any]]]:
    for row in reader:
        yield reader.line_num, row


def read_hparams(path: Path) -> dict[str, Any]:
    """The module's settings; where they are not plain YAML, their text."""
    if not path.is_file():
        return {}
    text = path.read_text(errors="replace")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {HPARAMS: text}  # tags of Python objects, which are not to be built from somebody's file
    return found if isinstance(found, dict) else {HPARAMS: text} if found is not None else {}
