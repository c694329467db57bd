"""What a snapshot of the lake says of a fusion run: its ancestors, its files and the other seeds."""

import json
from typing import Any

import duckdb
import pyarrow as pa

from lake.files import sha256_of
from lake.table import Row
from pipeline.assemble import PARTS
from pipeline.names import nearest
from pipeline.protocols import KNOWN, ZERO_SHOT
from pipeline.release.errors import ReleaseError
from pipeline.runs import RunFolder, run_statuses
from pipeline.settings import Settings


def fusion_run(lake: duckdb.DuckDBPyConnection, run_id: str, snapshot_id: str, settings: Settings) -> Row:
    """The complete fusion run of that name; a ReleaseError says why another is none."""
    found = rows_of(lake, "SELECT * FROM runs WHERE run_id = $run_id", run_id=run_id)
    known = [
        row["run_id"]
        for row in rows_of(
            lake,
            "SELECT run_id FROM runs WHERE stage = 'fusion' AND role = 'student' AND status = 'complete' "
            "ORDER BY run_id",
        )
    ]
    listed = "Complete fusion runs: " + (", ".join(known[:8]) or "none yet; ./run train CONFIG makes one") + "."
    if not found and run_statuses(settings.lake, [run_id]):
        raise ReleaseError(
            f"run {run_id} is not in the latest snapshot, {snapshot_id[:12]}, which a release names as the source of "
            "its numbers. Take a new one: ./run lake snapshot"
        )
    if not found:
        raise ReleaseError(f"no run is called {run_id!r}{nearest(run_id, known, cutoff=0.3)} {listed}")
    run = found[0]
    if run["stage"] != "fusion":
        raise ReleaseError(
            f"run {run_id} is a run of {run['stage']}; a detector is released by its fusion run. {listed}"
        )
    if run["role"] != "student":
        raise ReleaseError(f"run {run_id} fuses teachers, which stand for reference; students are released. {listed}")
    if run["status"] != "complete":
        raise ReleaseError(
            f"run {run_id} is {run['status']}, not complete ({run['reason'] or 'no end was recorded'}). "
            f"Train it to its end: ./run train {run['experiment']}"
        )
    return run


def walk_back(lake: duckdb.DuckDBPyConnection, fusion: Row) -> dict[str, Row]:
    """The runs by stage: the fusion's ancestors, and the latest run that evaluated it on test windows."""
    ancestors = rows_of(
        lake,
        "WITH RECURSIVE up(run_id) AS (SELECT $run_id UNION SELECT parent_run_id FROM lineage JOIN up USING (run_id)) "
        "SELECT runs.* FROM up JOIN runs USING (run_id)",
        run_id=fusion["run_id"],
    )
    evaluations = rows_of(
        lake,
        "SELECT runs.* FROM lineage JOIN runs USING (run_id) WHERE relation = 'evaluated' AND status = 'complete' "
        "AND parent_run_id = $run_id AND runs.run_id IN "
        "(SELECT run_id FROM metrics WHERE model_run_id = $run_id AND split = 'test') ORDER BY finished_at",
        run_id=fusion["run_id"],
    )
    if not evaluations:
        raise ReleaseError(
            f"run {fusion['run_id']} was never evaluated, so it has no threshold and no metrics to publish. "
            f"Evaluate it: ./run train {fusion['experiment']}, then ./run lake snapshot"
        )
    runs: dict[str, Row] = {str(row["stage"]): row for row in [*ancestors, evaluations[-1]]}
    missing = [stage for stage in (*PARTS, "prepare") if stage not in runs]
    if missing or len(runs) != len(ancestors) + 1:
        raise ReleaseError(
            f"the lineage of {fusion['run_id']} gives {', '.join(row['run_id'] for row in ancestors)}; a detector "
            f"comes from one run each of prepare, {', '.join(PARTS)}. Check the lake: ./run lake verify"
        )
    return runs


def checked_files(lake: duckdb.DuckDBPyConnection, folder: RunFolder) -> list[dict[str, Any]]:
    """The run's rows of `artifacts`; raises ReleaseError where a file is not the one that was recorded."""
    artifacts = rows_of(lake, "SELECT * FROM artifacts WHERE run_id = $run_id ORDER BY name", run_id=folder.run_id)
    for artifact in artifacts:
        path = folder.path / artifact["name"]
        if not path.is_file() or sha256_of(path) != artifact["sha256"]:
            raise ReleaseError(
                f"{path} is {'not the file' if path.is_file() else 'gone, the one'} that the lake recorded "
                f"(SHA-256 {artifact['sha256'][:12]}…). Restore it, or train again with --set repeat=1."
            )
    return artifacts


def peers_of(lake: duckdb.DuckDBPyConnection, fusion: Row) -> dict[int, dict[tuple[str, str], float | None]]:
    """Test metrics over all captures, by protocol and metric, of every seed of the same config; the latest
    evaluation of each counts."""
    rows = rows_of(
        lake,
        "SELECT model.*, metrics.protocol, metrics.metric, metrics.value FROM metrics "
        "JOIN runs AS evaluate USING (run_id) "
        "JOIN runs AS model ON model.run_id = metrics.model_run_id AND model.stage = 'fusion' "
        "WHERE evaluate.status = 'complete' AND metrics.split = 'test' AND metrics.capture = 'all' "
        "AND list_contains($protocols, metrics.protocol) AND model.data_digest = $data_digest "
        "ORDER BY evaluate.finished_at",
        protocols=[KNOWN, ZERO_SHOT],
        data_digest=fusion["data_digest"],
    )
    peers: dict[int, dict[tuple[str, str], float | None]] = {}
    for row in rows:
        if _without_seeds(row) == _without_seeds(fusion):
            peers.setdefault(row["seed"], {})[row["protocol"], row["metric"]] = row["value"]
    return dict(sorted(peers.items()))


def _without_seeds(run: Row) -> dict[str, Any]:
    config = dict(json.loads(run["config_json"]))
    return {key: value for key, value in config.items() if key not in ("seeds", "description", "tracking", "variants")}


def rows_of(lake: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> list[dict[str, Any]]:
    """What the query gives; `values` stand for its `$names`."""
    table: pa.Table = lake.sql(sql, params=values).to_arrow_table()
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
