"""A checkpoint is the one that its run left behind: it and the lake are asked the same questions, and must agree.

Whoever evaluates, distils, fuses, scores or releases names a run or a registered model, never a file; here the file
found in that run's folder is held against what the lake recorded of the run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from lake.errors import LakeError
from lake.files import sha256_of
from lake.read import open_lake
from lake.registry import resolve
from lake.registry_candidate import find_candidate
from lake.registry_log import events_of
from lake.registry_names import read_reference
from lake.table import Row
from models.build import SHAPES
from pipeline.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from pipeline.runs import RunFolder

TABLES = ("runs", "artifacts", "lineage", "datasets")  # what `load_recorded` asks
_RUN = """
SELECT runs.*, datasets.vocabulary_size
FROM runs
LEFT JOIN lineage ON lineage.run_id = runs.run_id AND relation = 'prepared_from'
LEFT JOIN datasets ON datasets.run_id = parent_run_id
WHERE runs.run_id = $run_id
"""
_FILES = "SELECT name, sha256 FROM artifacts WHERE run_id = $run_id AND kind = 'checkpoint'"


class HandshakeError(CheckpointError):
    """A checkpoint and what the lake, or the registry, has of it do not agree."""


@dataclass(frozen=True)
class Difference:
    """One thing that the checkpoint and the lake see differently."""

    what: str
    checkpoint: Any
    lake: Any


def load_run(lake: Path, folder: RunFolder) -> Checkpoint:
    """As `load_recorded`, asking the lake as it is now."""
    with open_lake(lake, tables=TABLES) as connection:
        return load_recorded(connection, folder)


def load_recorded(lake: duckdb.DuckDBPyConnection, folder: RunFolder) -> Checkpoint:
    """The run's checkpoint, once it agrees with the lake on config, vocabulary, data and the digest of each file.

    Raises:
        CheckpointError: it is missing or damaged.
        HandshakeError: the lake has no such complete run, or says something else of it.
    """
    run = _run(lake, folder.run_id)
    checkpoint = load_checkpoint(folder.checkpoint)
    if found := differences(checkpoint, run):
        raise HandshakeError(
            f"checkpoint {checkpoint.run_id} in {folder.checkpoint} does not fit the run {folder.run_id} of the lake: "
            f"it has {_listed(found, 'checkpoint')}, the lake says {_listed(found, 'lake')}. "
            "Restore the folder that the run wrote, or name the run that this checkpoint is of."
        )
    for name, digest in lake.execute(_FILES, {"run_id": folder.run_id}).fetchall():
        path = folder.path / name
        if not path.is_file() or (is_digest := sha256_of(path)) != digest:
            now = is_digest[:12] if path.is_file() else "gone"
            raise HandshakeError(
                f"{path} is not the file that the lake recorded of run {folder.run_id}: its SHA-256 is {now}, the lake "
                f"says {digest[:12]}. Restore it from a copy, or train again with --set repeat=1."
            )
    return checkpoint


def differences(checkpoint: Checkpoint, run: Row) -> list[Difference]:
    """Where the two disagree; what the lake does not know is not held against the checkpoint."""
    pairs = {
        "the run id": (checkpoint.run_id, run["run_id"]),
        "the model": (checkpoint.model, run["model"]),
        "the role": (checkpoint.role, run["role"]),
        **_shapes(checkpoint, run),
        "arbitration IDs": (len(checkpoint.vocabulary), run.get("vocabulary_size")),
        "the data": (checkpoint.data_digest[:12], (run["data_digest"] or "")[:12] or None),
        "the config": (checkpoint.config_digest[:12], run["config_digest"][:12]),
    }
    return [Difference(what, own, other) for what, (own, other) in pairs.items() if other is not None and own != other]


def run_of(name: str, lake: Path) -> str:
    """The run that a registered model's name or a run id names; a run id is given back as it is.

    Raises:
        LakeError: the name is a reference to no registered version.
        HandshakeError: the registry's digest of the version is not the one that the lake has of its run.
    """
    try:
        reference = read_reference(name)
    except LakeError:
        return name  # nothing that could be registered; whoever asked knows how to tell what it is not
    if reference.is_name and not events_of(lake, name):
        return name
    found = resolve(lake, name)
    version = found.version
    _, digest = find_candidate(lake, version.run_id)
    if digest != version.checkpoint_digest:
        raise HandshakeError(
            f"{found.name}:{version.number} was registered with the checkpoint {version.checkpoint_digest[:12]}; the "
            f"lake has {digest[:12]} of its run {version.run_id}. Register the run again: ./run registry register "
            f"{version.run_id}"
        )
    return version.run_id


def _run(lake: duckdb.DuckDBPyConnection, run_id: str) -> Row:
    rows: list[Row] = lake.sql(_RUN, params={"run_id": run_id}).to_arrow_table().to_pylist()
    if not rows or rows[0]["status"] != "complete":
        what = f"has the run {run_id} as {rows[0]['status']}" if rows else f"has no run {run_id}"
        raise HandshakeError(f"the lake {what}; a checkpoint is loaded of a complete run. Train it to its end.")
    return rows[0]


def _shapes(checkpoint: Checkpoint, run: Row) -> Mapping[str, tuple[Any, Any]]:
    """The fields of the network's shape, as the checkpoint and the run's config have them."""
    section = json.loads(run["config_json"]).get(run["model"], {})
    said = section.get("shape" if run["model"] == "fusion" else run["role"])
    if said is None or run["model"] != checkpoint.model:
        return {}
    shape = SHAPES[checkpoint.model].model_validate(said).model_dump()
    own = checkpoint.shape.model_dump()
    return {name: (own[name], shape[name]) for name in own}


def _listed(found: list[Difference], side: str) -> str:
    *first, last = (f"{one.what} {getattr(one, side)}" for one in found)
    return f"{', '.join(first)} and {last}" if first else last
