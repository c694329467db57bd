"""The runs whose checkpoints are versions of a model, or are to become one."""

from collections.abc import Iterable
from pathlib import Path

from lake.errors import LakeError
from lake.read import open_lake
from lake.table import Row

CARD = "checkpoint.json"  # names the digests of all else that makes up a checkpoint, so its own stands for the whole


def find_candidate(root: Path, run_id: str) -> tuple[Row, str]:
    """The run's row and its checkpoint's digest.

    Raises:
        LakeError: no such run, it is not complete, or it left no checkpoint.
    """
    with open_lake(root, tables=["runs", "artifacts"]) as lake:
        runs = lake.sql("SELECT * FROM runs WHERE run_id = $id", params={"id": run_id}).to_arrow_table().to_pylist()
        cards = lake.execute(
            "SELECT sha256 FROM artifacts WHERE run_id = $id AND kind = 'checkpoint' AND parse_filename(name) = $card",
            {"id": run_id, "card": CARD},
        ).fetchall()
    if not runs:
        raise LakeError(f"{root} has no run {run_id!r}. ./run lake sql 'SELECT run_id FROM runs' lists them.")
    run = runs[0]
    if run["status"] != "complete":
        raise LakeError(
            f"run {run_id} is {run['status']}, not complete ({run['reason'] or 'no end was recorded'}). "
            "Only what was trained to its end is registered."
        )
    if len(cards) != 1 or not run["model"] or not run["role"]:
        raise LakeError(
            f"run {run_id} is a run of {run['stage']} with {len(cards)} checkpoints in the lake; a version is the one "
            "checkpoint of a run that trained a network."
        )
    return run, str(cards[0][0])


def origins_of(root: Path, run_ids: Iterable[str]) -> dict[str, str]:
    """Where those of the runs come from that were imported; this pipeline's own are left out.

    Raises:
        LakeError: the lake cannot be read.
    """
    asked = sorted(set(run_ids))
    if not asked:
        return {}
    with open_lake(root, tables=["runs"]) as lake:
        found = lake.execute(
            "SELECT run_id, origin FROM runs WHERE origin IS NOT NULL AND list_contains($ids, run_id)", {"ids": asked}
        )
        return dict(found.fetchall())
