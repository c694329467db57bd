"""Keeps an experiment's results beside the code: its rows as a small lake, and its detector ready to score."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lake.merge import merge
from lake.read import open_lake
from pipeline.config import RunConfig
from pipeline.detector_folder import find_detector, save_detector
from pipeline.errors import StageError
from pipeline.plan import BASE, PlannedRun, plan
from pipeline.runs import run_statuses
from pipeline.settings import Settings

MOST_BYTES = 25 * 2**20


@dataclass(frozen=True)
class Kept:
    """What was kept: the snapshot's id, the fusion run that scores, and the folder's size."""

    snapshot_id: str
    run_id: str
    size_bytes: int


def keep(config: RunConfig, settings: Settings, folder: Path, say: Callable[[str], None]) -> Kept:
    """Write the rows of all of the experiment's runs and its best detector into the new folder.

    The detector is the fusion run with the best validation reward among the experiment's own, not its variants'.

    Raises:
        StageError: a run is not complete, `folder` exists, or what is kept is too large for a repository.
    """
    if folder.exists():
        raise StageError(f"{folder} exists already; move it away, it is never written over.")
    runs = plan(config, settings)
    statuses = run_statuses(settings.lake, [run.run_id for run in runs])
    unfinished = [run.run_id for run in runs if statuses.get(run.run_id, ("missing", 0))[0] != "complete"]
    if unfinished:
        raise StageError(
            f"{len(unfinished)} of {len(runs)} runs are not complete, the first is {unfinished[0]}. Run them: "
            f"./run train {config.name}"
        )
    snapshot = merge(settings.lake, folder / "lake", [run.run_id for run in runs])
    say(f"kept {sum(snapshot.rows.values()):,} rows of {len(runs)} runs, snapshot {snapshot.snapshot_id[:12]}")
    best = _best_fusion(runs, settings)
    save_detector(folder / "detector", find_detector(best, settings))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        shutil.rmtree(folder)
        raise StageError(f"{folder} would take {size / 2**20:.1f} MiB; a repository should hold no more than 25.")
    say(f"kept the detector of {best}; {size / 2**20:.1f} MiB in all")
    return Kept(snapshot.snapshot_id, best, size)


def _best_fusion(runs: list[PlannedRun], settings: Settings) -> str:
    own = sorted(run.run_id for run in runs if run.stage.model == "fusion" and run.variant == BASE)
    with open_lake(settings.lake) as lake:
        rows = lake.sql(
            "SELECT run_id FROM runs WHERE list_contains($own, run_id) ORDER BY best_value DESC NULLS LAST, run_id",
            params={"own": own},
        ).fetchall()
    return str(rows[0][0])
