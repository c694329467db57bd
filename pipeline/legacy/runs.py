"""The `runs` row of an imported run."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lake.files import listable, sha256_of
from pipeline.legacy.names import STATUS, Place

NO_DATE = "no start is recorded: started_at is"  # begins the note of every run whose start was put in


@dataclass(frozen=True)
class When:
    """When a run started and ended, as far as the source says.

    Attributes:
        substitute: what stands in where there is no start, and `because` what that is.
    """

    substitute: datetime
    because: str
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True)
class OldRun:
    """A run as its source tells it; `place` is where it stands among ours.

    Attributes:
        notes: sentences for `reason`.
    """

    run_id: str
    old: str
    place: Place
    when: When
    status: str
    config_text: str = "{}"
    seed: int | None = None
    device: str | None = None
    parameters: int | None = None
    teacher_run_id: str | None = None
    attempt: int = 1
    notes: tuple[str, ...] = ()


def run_row(run: OldRun, experiment: str, origin: str, defects: str) -> dict[str, Any]:
    """The row, with what the source does not know as null or said in `reason`."""
    status, notes = _status(run.status)
    started, finished = run.when.started, run.when.finished
    notes = [f"imported from {run.old!r}.", *notes, *run.notes]
    if started is None:
        started = run.when.substitute
        notes.append(f"{NO_DATE} {run.when.because}.")
    if finished is not None and finished < started:
        notes.append(f"its end is recorded as {finished.isoformat()}, before its start, and is left out.")
        finished = None
    return {
        "run_id": run.run_id, "attempt": run.attempt, "status": status, "experiment": experiment,
        "stage": run.place.stage, "dataset": run.place.dataset, "model": run.place.model, "role": run.place.role,
        "teacher_run_id": run.teacher_run_id, "seed": run.seed, "is_demo": False, "config_json": run.config_text,
        "config_digest": hashlib.sha256(run.config_text.encode()).hexdigest(), "versions_json": "{}",
        "device": run.device or "unknown", "started_at": started, "finished_at": finished,
        "parameters": run.parameters, "reason": " ".join(notes), "origin": origin, "defects": defects,
    }  # fmt: skip


def _status(old: str) -> tuple[str, list[str]]:
    if (status := STATUS.get(old.lower())) is not None:
        return status, []
    if old:
        return "unknown", [f"the source says {old!r}, and nothing of how it ended."]
    return "unknown", ["the source does not say how it ended."]


def instant(text: object) -> datetime | None:
    """An ISO 8601 time; without a time zone it is taken for UTC. None for what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def from_ms(value: object) -> datetime | None:
    """Milliseconds since 1970, as MLflow keeps them."""
    try:
        return datetime.fromtimestamp(float(str(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def file_date(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def origin_of(title: str, path: Path) -> str:
    """`<title> <file>, sha256 <digest>`; of a folder the digest is over its files' names and digests."""
    return f"{title} {path.name}, sha256 {digest_of_files([path] if path.is_file() else _files(path), path)}"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in listable(folder).rglob("*") if path.is_file() and not path.is_symlink())


def digest_of_files(paths: list[Path], base: Path) -> str:
    if paths == [base]:
        return sha256_of(base)
    lines = [f"{sha256_of(path)} {path.relative_to(base).as_posix()}\n" for path in paths]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
