"""What a release is made of, walked back from a fusion run through one snapshot of the lake."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake.read import open_lake
from lake.snapshot import latest_snapshot
from lake.table import Row
from models.detector import Detector
from pipeline.assemble import PARTS, assemble, thresholds_of
from pipeline.checkpoint import Checkpoint
from pipeline.config import AlarmConfig
from pipeline.datasets import CaptureFile, list_captures
from pipeline.graph_set import HABITS, GraphSet, load_graphs
from pipeline.handshake import load_recorded, run_of
from pipeline.release.lineage import checked_files, fusion_run, peers_of, rows_of, walk_back
from pipeline.runs import RunFolder
from pipeline.settings import Settings
from pipeline.tested import captures_tested

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


def find_source(model: str, settings: Settings) -> Source:
    """A fusion run's rows, checkpoints and graphs, each known to be the file that the lake recorded.

    Args:
        model: the run's id, or the name of a registered fusion.

    Raises:
        ReleaseError: no such run, not a complete and evaluated fusion run, or a file was altered since.
        HandshakeError: a checkpoint is not the one that the lake has of its run.
        LakeError: there is no lake, no snapshot of it, or no such registered version.
        ConfigError: the test captures are not where the catalogue looks for them.
    """
    snapshot = latest_snapshot(settings.lake)
    run_id = run_of(model, settings.lake)
    with open_lake(settings.lake, snapshot) as lake:
        runs = walk_back(lake, fusion_run(lake, run_id, snapshot.snapshot_id, settings))
        fusion, prepare, evaluate = (str(runs[stage]["run_id"]) for stage in ("fusion", "prepare", "evaluate"))
        folders = {stage: RunFolder(settings.runs, runs[stage]["run_id"]) for stage in (*PARTS, "prepare")}
        files = [row for folder in folders.values() for row in checked_files(lake, folder)]
        graphs = load_graphs(folders["prepare"].graphs)
        return Source(
            snapshot_id=snapshot.snapshot_id,
            runs=runs,
            files=files,
            checkpoints={stage: load_recorded(lake, folders[stage]) for stage in PARTS},
            graphs=graphs,
            metrics=rows_of(lake, METRICS_SQL, run_id=evaluate, model_run_id=fusion),
            dataset=rows_of(lake, "SELECT * FROM datasets WHERE run_id = $run_id", run_id=prepare)[0],
            captures=captures_tested(graphs, list_captures(str(runs["fusion"]["dataset"]), settings)),
            habits=(folders["prepare"].path / HABITS_FILE).read_bytes(),
            peers=peers_of(lake, runs["fusion"]),
        )
