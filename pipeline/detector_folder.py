"""A detector ready to score: by a fusion run's id or registered name, by its folder, or by the name `reference`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake.files import sha256_of, write_json
from lake.read import open_lake
from models.detector import Detector
from pipeline.assemble import PARTS, assemble, experts_of, thresholds_of
from pipeline.checkpoint import FILES, Checkpoint, load_checkpoint, save_checkpoint
from pipeline.config import HabitConfig, WindowConfig
from pipeline.errors import StageError
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.habits import load_habits, save_habits
from pipeline.handshake import TABLES, load_recorded, run_of
from pipeline.names import nearest
from pipeline.runs import RunFolder
from pipeline.scoring import Knowledge, Scorer, scorer_of
from pipeline.settings import Settings

_INDEX, _HABITS = "detector.json", "habits.npz"
_FACTS = ("run_id", "data_digest", "window", "habit")
_FILES = (*(f"{part}/{name}" for part in PARTS for name in FILES), _HABITS)  # none is read that no digest vouches for
NAMED = {"reference": Path("reference") / "detector"}  # below the bundled data


class DetectorError(StageError):
    """No such detector, or its files are not what they were."""


@dataclass(frozen=True, eq=False)
class KeptDetector:
    """A detector, what it knows of vehicles, and where it comes from."""

    run_id: str
    checkpoints: dict[str, Checkpoint]
    knowledge: Knowledge
    data_digest: str

    def build(self) -> Detector:
        return assemble(self.checkpoints)

    def scorer(self) -> Scorer:
        return scorer_of(self.build())

    def threshold(self, protocol: str) -> float:
        """An alarm lies above it."""
        return thresholds_of(self.checkpoints["fusion"])[protocol]


def find_detector(model: str, settings: Settings) -> KeptDetector:
    """The detector that `model` names: a fusion run's id or a registered model's name, a folder, or `reference`.

    Raises:
        DetectorError: there is none, or its files were changed.
        HandshakeError: a checkpoint is not the one that the lake has of its run.
        LakeError: there is no lake, or no such registered version.
    """
    if model in NAMED:
        return load_detector(settings.bundled / NAMED[model])
    if Path(model).is_dir():
        return load_detector(Path(model))
    return _of_run(run_of(model, settings.lake), settings)


def save_detector(folder: Path, kept: KeptDetector) -> list[Path]:
    """Write checkpoints, habits and the index that names their digests; gives the files written."""
    paths = [path for part in PARTS for path in save_checkpoint(folder / part, kept.checkpoints[part])]
    save_habits(folder / _HABITS, kept.knowledge.habits)
    paths.append(folder / _HABITS)
    index = {
        "run_id": kept.run_id,
        "data_digest": kept.data_digest,
        "window": kept.knowledge.window.model_dump(),
        "habit": kept.knowledge.habit.model_dump(),
        "sha256": {str(path.relative_to(folder)): sha256_of(path) for path in paths},
    }
    write_json(folder / _INDEX, index)
    return [*paths, folder / _INDEX]


def load_detector(folder: Path) -> KeptDetector:
    """The detector in `folder`. Raises DetectorError where it is missing or a file is not the one written."""
    try:
        index: dict[str, Any] = json.loads((folder / _INDEX).read_text())
        expected = dict(index["sha256"])
        missing = [name for name in (*_FACTS, *_FILES) if name not in {*index, *expected}]
        if missing:
            raise KeyError(f"{_INDEX} lacks {', '.join(missing)}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DetectorError(
            f"{folder} holds no detector ({error!r}). Name a fusion run, a folder that a detector was kept in, or "
            f"one of {', '.join(NAMED)}."
        ) from error
    for name, digest in expected.items():
        path = folder / name
        if not path.is_file() or sha256_of(path) != digest:
            raise DetectorError(
                f"{path} is {'not the file' if path.is_file() else 'gone, the one'} that {_INDEX} names "
                f"(SHA-256 {digest[:12]}…). Restore it from where the detector was published."
            )
    checkpoints = {part: load_checkpoint(folder / part) for part in PARTS}
    knowledge = Knowledge(
        checkpoints["fusion"].vocabulary,
        load_habits(folder / _HABITS),
        WindowConfig.model_validate(index["window"]),
        HabitConfig.model_validate(index["habit"]),
    )
    return KeptDetector(index["run_id"], checkpoints, knowledge, index["data_digest"])


def knowledge_of(graphs: GraphSet) -> Knowledge:
    """What a model trained on these graphs brings to a capture."""
    return Knowledge(graphs.vocabulary, graphs.habits, graphs.window, graphs.habit)


def _of_run(run_id: str, settings: Settings) -> KeptDetector:
    parents = _parents(run_id, settings)
    parts = {**experts_of(parents), "fusion": run_id}
    folders = {part: RunFolder(settings.runs, run) for part, run in parts.items()}
    graphs = load_graphs(RunFolder(settings.runs, parents["prepare"]).graphs)
    with open_lake(settings.lake, tables=TABLES) as lake:
        checkpoints = {part: load_recorded(lake, folders[part]) for part in PARTS}
    if {checkpoint.data_digest for checkpoint in checkpoints.values()} != {graphs.data_digest}:
        raise DetectorError(
            f"run {run_id} and those it was fused from were not trained on one set of data. Train it again with "
            "--set repeat=1."
        )
    return KeptDetector(run_id, checkpoints, knowledge_of(graphs), graphs.data_digest)


def _parents(run_id: str, settings: Settings) -> dict[str, str]:
    """The runs that a fusion run was made from, by stage."""
    with open_lake(settings.lake) as lake:
        runs = dict(lake.sql("SELECT run_id, stage FROM runs WHERE status = 'complete'").fetchall())
        found = lake.sql(
            "SELECT parent_run_id FROM lineage WHERE run_id = $run_id", params={"run_id": run_id}
        ).fetchall()
    known = sorted(name for name, stage in runs.items() if stage == "fusion")
    if runs.get(run_id) != "fusion":
        what = f"is a run of {runs[run_id]}" if run_id in runs else "is no complete run, no registered model, no folder"
        raise DetectorError(
            f"{run_id!r} {what}{nearest(run_id, [*known, *NAMED], cutoff=0.4)} A detector is named by its fusion "
            f"run: {', '.join(known[:8]) or 'none yet, ./run train CONFIG makes one'}; or by a folder, or by "
            f"{', '.join(NAMED)}."
        )
    return {runs[parent]: parent for (parent,) in found}
