"""What a release is made of, walked back from a fusion run through one snapshot of the lake."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lake.files import sha256_of
from lake.read import open_lake
from lake.schema import Row
from lake.snapshot import latest_snapshot
from models.detector import Detector
from pipeline.assemble import PARTS, assemble, thresholds_of
from pipeline.checkpoint import Checkpoint, load_checkpoint
from pipeline.config import AlarmConfig
from pipeline.datasets import CaptureFile, list_captures
from pipeline.evaluate import captures_tested
from pipeline.graph_set import HABITS, GraphSet, load_graphs
from pipeline.protocols import KNOWN, ZERO_SHOT
from pipeline.release.errors import ReleaseError
from pipeline.runs import RunFolder, run_statuses
from pipeline.settings import Settings

HABITS_FILE = Path("graphs") / HABITS  # inside the prepare run's folder
METRICS_SQL = "SELECT * FROM metrics WHERE run_id = $run_id AND model_run_id = $model_run_id ORDER BY ALL"


@dataclass(frozen=True)
class Source:
    """A fusion run and all it came from.

    Attributes:
        runs: rows of `runs` by stage; teachers only where the students were distilled.
        files: rows of `artifacts` of the prepare run and of the detector's three networks.
        metrics: rows of `metrics` that the evaluate run wrote about the fusion run.
        captures: the test captures that were evaluated.
        habits: the bytes of the prepare run's habits file.
        peers: fusion runs of the same config by seed, this one included, with their metrics over all test captures,
            by protocol.
    """

    snapshot_id: str
    runs: Mapping[str, Row]
    files: Sequence[Row]
    checkpoints: Mapping[str, Checkpoint]
    graphs: GraphSet
    metrics: Sequence[Row]
    dataset: Row
    captures: Sequence[CaptureFile]
    habits: bytes
    peers: Mapping[int, Mapping[tuple[str, str], float | None]]

    @property
    def run_id(self) -> str:
        return str(self.runs["fusion"]["run_id"])

    @property
    def config(self) -> dict[str, Any]:
        """The config that the fusion run was trained with."""
        return dict(json.loads(self.runs["fusion"]["config_json"]))

    @property
    def alarm(self) -> AlarmConfig:
        """What the evaluate run measured with."""
        return AlarmConfig.model_validate(json.loads(self.runs["evaluate"]["config_json"])["alarm"])

    @property
    def thresholds(self) -> dict[str, float]:
        """By protocol: a window raises an alarm where its score lies above."""
        return thresholds_of(self.checkpoints["fusion"])

    @property
    def habits_sha256(self) -> str:
        """The digest of the habits file that the prepare run wrote."""
        run_id = self.runs["prepare"]["run_id"]
        name = str(HABITS_FILE)
        return str(next(row["sha256"] for row in self.files if (row["run_id"], row["name"]) == (run_id, name)))

    def detector(self) -> Detector:
        """The network of this release, ready to score."""
        return assemble(self.checkpoints)


def find_source(run_id: str, settings: Settings) -> Source:
    """The fusion run's rows, checkpoints and graphs, each known to be the file that the lake recorded.

    Raises:
        ReleaseError: no such run, not a complete and evaluated fusion run, or a file was altered since.
        LakeError: there is no lake, or no snapshot of it.
        ConfigError: the test captures are not where the catalogue looks for them.
    """
    snapshot = latest_snapshot(settings.lake)
    with open_lake(settings.lake, snapshot) as lake:
        runs = _walk(lake, _fusion_run(lake, run_id, snapshot.snapshot_id, settings))
        fusion, prepare, evaluate = (str(runs[stage]["run_id"]) for stage in ("fusion", "prepare", "evaluate"))
        folders = {stage: RunFolder(settings.runs, runs[stage]["run_id"]) for stage in (*PARTS, "prepare")}
        files = [row for folder in folders.values() for row in _checked_files(lake, folder)]
        graphs = load_graphs(folders["prepare"].graphs)
        return Source(
            snapshot_id=snapshot.snapshot_id,
            runs=runs,
            files=files,
            checkpoints={stage: load_checkpoint(folders[stage].checkpoint) for stage in PARTS},
            graphs=graphs,
            metrics=_rows(lake, METRICS_SQL, run_id=evaluate, model_run_id=fusion),
            dataset=_rows(lake, "SELECT * FROM datasets WHERE run_id = $run_id", run_id=prepare)[0],
            captures=captures_tested(graphs, list_captures(str(runs["fusion"]["dataset"]), settings)),
            habits=(folders["prepare"].path / HABITS_FILE).read_bytes(),
            peers=_peers(lake, runs["fusion"]),
        )


def _fusion_run(lake: duckdb.DuckDBPyConnection, run_id: str, snapshot_id: str, settings: Settings) -> Row:
    found = _rows(lake, "SELECT * FROM runs WHERE run_id = $run_id", run_id=run_id)
    known = [
        row["run_id"]
        for row in _rows(
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
        near = difflib.get_close_matches(run_id, known, n=1, cutoff=0.3)
        raise ReleaseError(f"no run is called {run_id!r}{f'; did you mean {near[0]!r}?' if near else '.'} {listed}")
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


def _walk(lake: duckdb.DuckDBPyConnection, fusion: Row) -> dict[str, Row]:
    """The runs by stage: the fusion's ancestors, and the latest run that evaluated it."""
    ancestors = _rows(
        lake,
        "WITH RECURSIVE up(run_id) AS (SELECT $run_id UNION SELECT parent_run_id FROM lineage JOIN up USING (run_id)) "
        "SELECT runs.* FROM up JOIN runs USING (run_id)",
        run_id=fusion["run_id"],
    )
    evaluations = _rows(
        lake,
        "SELECT runs.* FROM lineage JOIN runs USING (run_id) WHERE relation = 'evaluated' AND status = 'complete' "
        "AND parent_run_id = $run_id ORDER BY finished_at",
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


def _checked_files(lake: duckdb.DuckDBPyConnection, folder: RunFolder) -> list[dict[str, Any]]:
    artifacts = _rows(lake, "SELECT * FROM artifacts WHERE run_id = $run_id ORDER BY name", run_id=folder.run_id)
    for artifact in artifacts:
        path = folder.path / artifact["name"]
        if not path.is_file() or sha256_of(path) != artifact["sha256"]:
            raise ReleaseError(
                f"{path} is {'not the file' if path.is_file() else 'gone, the one'} that the lake recorded "
                f"(SHA-256 {artifact['sha256'][:12]}…). Restore it, or train again with --set repeat=1."
            )
    return artifacts


def _peers(lake: duckdb.DuckDBPyConnection, fusion: Row) -> dict[int, dict[tuple[str, str], float | None]]:
    """Test metrics over all captures, by protocol and metric, of every seed of the same config; the latest
    evaluation of each counts."""
    rows = _rows(
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


def _rows(lake: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> list[dict[str, Any]]:
    table: pa.Table = lake.sql(sql, params=values).to_arrow_table()
    return table.to_pylist()  # type: ignore[no-any-return]
