"""Experiment folders: those of the old layout move to the new one, and all of them get a run in the lake."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lake.files import sha256_of
from lake.schema import ARTIFACTS
from lake.table import Row
from pipeline.legacy.curves import device_of, number_of, seed_of
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.gather import Gathering
from pipeline.legacy.layout import Experiment, empty_folders, files_of, new_experiments, old_experiments
from pipeline.legacy.lightning_logs import METRICS, add_log
from pipeline.legacy.misread import odd_folders
from pipeline.legacy.moves import plan_move
from pipeline.legacy.names import place_of, run_id_of
from pipeline.legacy.runs import OldRun, When
from pipeline.legacy.sift import SOURCE

_KINDS = {"config.json": "config", METRICS: "log", "hparams.yaml": "config", "metrics.json": "metrics"}
_WEIGHTS = (".pt", ".pth", ".ckpt")


def is_folders(path: Path) -> bool:
    return path.is_dir() and bool(old_experiments(path) or new_experiments(path))


def read_folders(path: Path, wishes: Wishes) -> Found:
    """A run for each experiment, and a move for each of the old layout; anything else is left where it is."""
    name = wishes.name or "folders"
    target = wishes.to or path
    gathering = Gathering("folders", name, path, f"experiment folders {path.name}")
    old = old_experiments(path)
    new = new_experiments(target) if target.is_dir() else []
    taken = {one.new for one in new}
    for one in [*new, *(one for one in old if one.new not in taken)]:  # the other is a collision, or a copy not deleted
        _add_experiment(gathering, name, one, wishes)
    moved = {one.path for one in old}
    found = gathering.finish()
    found.moves = [plan_move(one.path, target / one.new) for one in old]
    found.empty = [folder for folder in empty_folders(path, moved) if folder not in {one.path.parent for one in new}]
    known = moved | {one.path for one in new}
    found.notes += odd_folders(path)
    strays = [file for file in files_of(path) if not known & set(file.parents)]
    found.notes += [
        f"{file.relative_to(path)} is in no folder of either layout; it is left where it is" for file in strays
    ]
    return found


def _add_experiment(gathering: Gathering, name: str, one: Experiment, wishes: Wishes) -> None:
    gathering.counted("experiments", 1, 0, "runs, with artifacts and epochs")
    config = _config(one.path / "config.json")
    facts = {"dataset": one.dataset, "stage": one.stage, "scale": one.scale}
    place = place_of(facts, wishes.dataset, wishes.stage)
    if isinstance(place, str):
        gathering.refuse("experiments", one.new, f"{place} (it is moved all the same, without a run)")
        return
    gathering.counted("experiments", 0, 1, "")
    files = files_of(one.path)
    notes = []
    if config is None:
        notes.append("it has no config.json that can be read: its settings are not known.")
        gathering.note(f"{one.new}: no config.json that can be read; it is kept, and its run says so")
    has_weights = (one.path / "best_model.pt").is_file()
    notes.append("it has a best_model.pt, which was written at the end." if has_weights else "it has no best_model.pt.")
    oldest = min(path.lstat().st_mtime for path in files)
    logs = sorted((path.parent for path in files if path.name == METRICS), key=lambda log: (number_of(log.name), log))
    run = OldRun(
        run_id=run_id_of(name, one.new), old=one.new, place=place, status="complete" if has_weights else "",
        when=When(datetime.fromtimestamp(oldest, UTC), "the date of its oldest file"), seed=seed_of(config),
        config_text="{}" if config is None else json.dumps(config, sort_keys=True), device=device_of(config),
        attempt=max(1, len(logs)), notes=tuple(notes),
    )  # fmt: skip
    gathering.add_run(run)
    rows = [_artifact(one, path) for path in files if path.is_file() and not path.is_symlink()]
    gathering.counted("files", len(files), gathering.add_rows("files", ARTIFACTS, run.run_id, rows), "artifacts")
    for path in files:
        if path.is_symlink() or not path.is_file():
            gathering.refuse(
                "files", f"{one.new}/{path.relative_to(one.path)}", "a link has no bytes; it is moved as it is"
            )
    for attempt, log in enumerate(logs, 1):
        add_log(gathering, one.new, log, attempt, wishes.split)


def _config(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _artifact(one: Experiment, path: Path) -> Row:
    name = path.relative_to(one.path).as_posix()
    kind = "checkpoint" if path.suffix in _WEIGHTS else _KINDS.get(path.name, "file")
    return {
        "name": name,
        "kind": kind,
        "sha256": sha256_of(path),
        "size_bytes": path.stat().st_size,
        SOURCE: f"{one.new}/{name}",
    }
