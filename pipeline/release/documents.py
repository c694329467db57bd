"""The JSON files of a release and the metadata inside its graph: lake rows and digests, nothing of the machine."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.assemble import EXPERTS
from pipeline.graphs import EDGE_FEATURES, NODE_FEATURES
from pipeline.release.features import describe_features
from pipeline.release.source import METRICS_SQL, Source

FORMAT = "kd-gat-release 1"


def metadata(source: Source) -> dict[str, str]:
    """What the graph file says of itself, wherever it ends up."""
    vocabulary = source.checkpoints["fusion"].vocabulary
    facts = {
        "format": FORMAT,
        "run_id": source.run_id,
        **{f"{stage}_run_id": source.runs[stage]["run_id"] for stage in (*EXPERTS, "prepare", "evaluate")},
        "snapshot_id": source.snapshot_id,
        "data_digest": source.dataset["data_digest"],
        "vocabulary_digest": vocabulary.digest,
        "window_frames": source.graphs.window.size,
        "habits_sha256": source.habits_sha256,
        "node_features": ",".join(NODE_FEATURES),
        "edge_features": ",".join(EDGE_FEATURES),
        "thresholds": json.dumps(source.thresholds, sort_keys=True),
        "is_demo": source.runs["fusion"]["is_demo"],
    }
    return {f"kdgat.{name}": str(value) for name, value in facts.items()}


def documents(source: Source, parity: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON files by name."""
    vocabulary = source.checkpoints["fusion"].vocabulary
    parameters = {"run_id": source.runs["evaluate"]["run_id"], "model_run_id": source.run_id}
    return {
        "parity": parity,
        "features": describe_features(source.graphs.window, source.graphs.habit, source.thresholds),
        "vocabulary": {
            "arbitration_ids": list(vocabulary.arbitration_ids),
            "index": "position in arbitration_ids + 1; 0 for every other ID",
            "digest": vocabulary.digest,
        },
        "metrics": {
            "snapshot_id": source.snapshot_id,
            "sql": METRICS_SQL,
            "parameters": parameters,
            "rows": list(source.metrics),
        },
        "release": {
            "format": FORMAT,
            "run_id": source.run_id,
            "snapshot_id": source.snapshot_id,
            "is_demo": source.runs["fusion"]["is_demo"],
            "config": source.config,
            "runs": {stage: _origin(row) for stage, row in source.runs.items()},
            "files": [{name: row[name] for name in ("run_id", "name", "kind", "sha256")} for row in source.files],
        },
    }


def _origin(run: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("run_id", "seed", "config_digest", "data_digest", "code_commit", "code_patch_digest", "lock_digest",
            "container_digest", "device", "parameters", "monitor", "best_epoch", "best_value")  # fmt: skip
    return {name: run[name] for name in kept} | {"versions": json.loads(run["versions_json"])}


def as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
