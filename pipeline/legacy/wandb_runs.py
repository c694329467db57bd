"""W&B runs that were kept offline: `wandb/offline-run-*/run-*.wandb`."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lake.files import listable
from pipeline.legacy.curves import STEP_AS_EPOCH, Logged, add_curves, device_of, seed_of
from pipeline.legacy.found import Found, Wishes
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import place_of, run_id_of
from pipeline.legacy.runs import OldRun, When, file_date, origin_of
from pipeline.legacy.wandb_log import Losses, read_records

_BOOKKEEPING = ("_step", "_runtime", "_timestamp", "epoch", "trainer/global_step")


def is_wandb(path: Path) -> bool:
    return bool(_files(path))


def _files(path: Path) -> list[Path]:
    """The run files of `path`: itself, of an offline run's folder, or of a folder of those."""
    if path.is_file():
        return [path] if path.suffix == ".wandb" else []
    if not path.is_dir():
        return []
    patterns = ("run-*.wandb", "*run-*/run-*.wandb")
    files = {file for pattern in patterns for file in listable(path).glob(pattern)}
    return sorted(file for file in files if not file.parent.is_symlink())


def read_wandb(path: Path, wishes: Wishes) -> Found:
    """Every run, with its config and its history as curves."""
    name = wishes.name or "wandb"
    gathering = Gathering("wandb", name, path, origin_of("W&B offline runs", path))
    for file in _files(path):
        _add_file(gathering, name, file, wishes)
    return gathering.finish()


def _add_file(gathering: Gathering, name: str, file: Path, wishes: Wishes) -> None:
    losses = Losses()
    record = _Run(file)
    for data in read_records(file, losses):
        record.take(data)
    if losses.at:
        gathering.note(f"{file.name}: {losses.size_bytes:,} of {file.stat().st_size:,} bytes cannot be read; "
                       f"{len(record.history)} steps before and after them are whole")  # fmt: skip
    gathering.counted("runs", 1, 0, "runs")
    facts = {"run_name": record.display_name, **record.config}
    place = (
        place_of(facts, wishes.dataset, wishes.stage)
        if record.run_id
        else "its first record, which names the run, is lost"
    )
    if isinstance(place, str):
        gathering.refuse("runs", f"{file.name} {record.display_name!r}", place)
        gathering.counted("history", len(record.history), 0, "epochs")
        for number, _ in enumerate(record.history):
            gathering.refuse("history", f"{file.name} step {number}", "its run is not imported")
        return
    gathering.counted("runs", 0, 1, "")
    notes = [f"W&B calls it {record.display_name!r}."] if record.display_name else []
    if losses.at:
        notes.append(f"{losses.size_bytes} bytes of its file cannot be read: numbers are missing.")
    run = OldRun(
        run_id=run_id_of(name, record.run_id), old=record.run_id, place=place, status=record.status,
        when=When(file_date(file), "the date of its file", record.started, record.finished),
        config_text=json.dumps(record.config, sort_keys=True), seed=seed_of(record.config),
        device=device_of(record.config), notes=tuple(notes),
    )  # fmt: skip
    gathering.add_run(run)
    _add_history(gathering, run, record, wishes.split)


def _add_history(gathering: Gathering, run: OldRun, record: "_Run", split: str | None) -> None:
    logged = []
    has_epochs = True
    for number, step in enumerate(record.history):
        epoch = step.get("epoch", step.get("_step", number))
        values = {key: value for key, value in step.items() if key not in _BOOKKEEPING}
        has_epochs &= "epoch" in step or not values
        logged += [Logged(epoch, key, value, f"{run.old} step {number} {key}") for key, value in values.items()]
    if not has_epochs:
        gathering.change_run(run.old, STEP_AS_EPOCH)
    add_curves(gathering, "history", run.run_id, logged, split)
    seen = {one.name for one in logged}
    for key, value in record.summary.items():
        if key not in seen and key not in _BOOKKEEPING and not key.startswith("_"):
            gathering.counted("summary", 1, 0, "")
            gathering.refuse("summary", f"{run.old} {key} = {value}", "a number of no step stands on no curve")


class _Run:
    """What the records of one file say together."""

    def __init__(self, file: Path) -> None:
        from wandb.proto import wandb_internal_pb2  # slow to import

        self._record = wandb_internal_pb2.Record  # type: ignore[attr-defined]
        self.run_id = self.display_name = ""
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.started: datetime | None = None
        self.finished: datetime | None = None
        self.status = ""

    def take(self, data: bytes) -> None:
        record = self._record.FromString(data)
        match record.WhichOneof("record_type"):
            case "run":
                self.run_id, self.display_name = record.run.run_id, record.run.display_name
                self.config |= _values(record.run.config.update)
                self.started = record.run.start_time.ToDatetime(UTC) if record.run.HasField("start_time") else None
            case "config":
                self.config |= _values(record.config.update)
            case "history":
                self.history.append(_values(record.history.item))
            case "summary":
                self.summary |= _values(record.summary.update)
            case "exit":
                self.status = "complete" if record.exit.exit_code == 0 else "failed"
                if self.started is not None and record.exit.runtime:
                    self.finished = self.started + timedelta(seconds=record.exit.runtime)


def _values(items: Iterable[Any]) -> dict[str, Any]:
    """Items by name; W&B's own settings are left out."""
    named = {item.key or ".".join(item.nested_key): item.value_json for item in items}
    return {
        key: json.loads(text)
        for key, text in named.items()
        if text and key != "_wandb" and not key.startswith("_wandb.")
    }
