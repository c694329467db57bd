"""A run: its id, its folder, its first and last row in the lake. A run is never overwritten."""

import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from lake.configuration import configuration_of
from lake.errors import LakeError
from lake.files import sha256_of
from lake.journal import Journal
from lake.read import open_lake
from lake.root import MARKER
from lake.schema import ARTIFACTS, LINEAGE, RUNS, TABLES
from lake.table import Row, Table
from pipeline.errors import StageError


@dataclass(frozen=True)
class RunFolder:
    """Where a run's files lie."""

    root: Path
    run_id: str

    @property
    def path(self) -> Path:
        return self.root / self.run_id

    @property
    def graphs(self) -> Path:
        return self.path / "graphs"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def baseline(self) -> Path:
        return self.path / "baseline"

    @property
    def resume(self) -> Path:
        """State of an unfinished training, removed once the run is complete."""
        return self.path / "resume"

    @property
    def scores(self) -> Path:
        return self.path / "scores.parquet"

    @property
    def wandb(self) -> Path:
        return self.path / "wandb"


@dataclass
class Outcome:
    """What a stage hands back: facts for its `runs` row, files it wrote, rows for other tables.

    Attributes:
        journal: for rows that are kept at once, as each epoch's.
    """

    journal: Journal
    facts: dict[str, Any] = field(default_factory=dict)
    artifacts: list[tuple[str, Path]] = field(default_factory=list)
    lineage: list[tuple[str, str]] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value with its keys sorted."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def run_id_of(experiment: str, stage: str, seed: int | None, determinants: Any) -> str:
    """A readable name that ends in a digest of all that determines the run."""
    middle = "" if seed is None else f"s{seed}-"
    return f"{experiment}-{stage}-{middle}{digest_of(determinants)[:10]}"


def run_statuses(lake: Path, run_ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Status and attempt of the runs that the lake knows among `run_ids`."""
    if not (lake / MARKER).exists():
        return {}
    with open_lake(lake, tables=["runs"]) as connection:
        rows = connection.execute(
            "SELECT run_id, status, attempt FROM runs WHERE list_contains($ids, run_id)",
            {"ids": list(run_ids)},
        ).fetchall()
    return {run_id: (status, attempt) for run_id, status, attempt in rows}


@contextmanager
def claim(folder: RunFolder) -> Iterator[None]:
    """Hold the run against a second process until the block ends; a dead process holds nothing.

    Raises:
        StageError: another process is executing the run, or its folder cannot be written.
    """
    with _lock_file(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"run {folder.run_id} is being executed by {_holder(lock)}. "
                "Wait for it, or stop it; what it has finished stays."
            ) from error
        lock.truncate(0)
        with suppress(OSError):  # on a full disk the claim holds all the same, without a name
            os.write(lock.fileno(), f"process {os.getpid()}".encode())
        yield


def _lock_file(folder: RunFolder) -> TextIO:
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        return (folder.path / ".lock").open("a+")
    except OSError as error:
        raise StageError(
            f"{folder.path} cannot be written ({error.strerror}). "
            "Free some space, or point KDGAT_RUNS at a folder that can be written."
        ) from error


def _holder(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read().strip() or "another process"


@contextmanager
def recorded(
    lake: Path, folder: RunFolder, first: Mapping[str, Any], attempt: int, say: Callable[[str], None] = print
) -> Iterator[Outcome]:
    """Keeps the run's first row, and its last one however the block ends, short of a kill.

    A killed run keeps its first row and all that it logged, and stays visible as not complete. The rows of an
    outcome and the row that says `complete` are kept together or not at all, so a complete run is complete in every
    table.

    Raises:
        LakeError: a row does not fit the schema, or the lake could not be written at the end.
    """
    journal = Journal(lake, folder.run_id, attempt, say=say)
    outcome = Outcome(journal=journal)
    row = {
        **first, "attempt": attempt, "status": "running", "started_at": datetime.now(UTC),
        "host": socket.gethostname(), "process_id": os.getpid(),
    }  # fmt: skip
    journal.log({RUNS: [_configured(row)]})
    try:
        yield outcome
        rows = _outcome_rows(folder, outcome)
        ended = {**row, **outcome.facts, "status": "complete", "finished_at": datetime.now(UTC)}
        journal.log({**rows, RUNS: [_configured(ended)]})
    except BaseException as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        reason = f"{type(error).__name__}: {error}"
        if status == "interrupted":
            reason = f"stopped by {error}" if error.args else "stopped by Ctrl-C"
        ended = {**row, "status": status, "finished_at": datetime.now(UTC), "reason": reason[:2000]}
        try:
            journal.log({RUNS: [_configured(ended)]})
            journal.seal()
        except LakeError as second:
            error.add_note(f"and the run's end could not be recorded: {second}")
        raise
    journal.seal()


def _configured(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "configuration": configuration_of(row["config_json"], row.get("data_digest"))}


def _outcome_rows(folder: RunFolder, outcome: Outcome) -> dict[Table, list[Row]]:
    files: list[Row] = [
        {
            "name": path.relative_to(folder.path).as_posix(),
            "kind": kind,
            "sha256": sha256_of(path),
            "size_bytes": path.stat().st_size,
        }
        for kind, path in outcome.artifacts
    ]
    parents: list[Row] = [{"relation": relation, "parent_run_id": parent} for relation, parent in outcome.lineage]
    rows: dict[str, list[Row]] = {**outcome.rows, ARTIFACTS.name: files, LINEAGE.name: parents}
    return {TABLES[name]: listed for name, listed in rows.items() if listed}
