"""Small made-up stores of every kind, and a place to import them at. No number in them is a result."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lake.read import query
from pipeline.legacy.execute import execute
from pipeline.legacy.found import Wishes
from pipeline.legacy.plan import Plan, make_plan

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = REPOSITORY.parent / "shared" / "data" / "legacy"
MLFLOW_SQL = REPOSITORY / "tests" / "data" / "legacy" / "mlflow.sql"
NO_WISHES = Wishes()
# n = 100 windows, of which 20 attacks
RATES = {
    "accuracy": 0.9,
    "recall": 0.75,
    "fpr": 0.0625,
    "precision": 0.75,
    "auc": 0.95,
    "kappa": 0.7,
    "n_samples": 100.0,
}
PERFECT = {"accuracy": 1.0, "recall": 1.0, "fpr": 0.0, "precision": 1.0, "auc": 1.0, "kappa": 1.0, "n_samples": 100.0}
_TRACKER = """
CREATE TABLE datasets (name TEXT PRIMARY KEY, domain TEXT NOT NULL, num_files INTEGER, added_date TEXT);
CREATE TABLE runs (run_id TEXT PRIMARY KEY, dataset TEXT, scale TEXT, stage TEXT, has_kd INTEGER, status TEXT,
    teacher_run TEXT, started_at TEXT, completed_at TEXT, mlflow_run_id TEXT, config_json TEXT, model_type TEXT);
CREATE TABLE metrics (run_id TEXT, model TEXT, scenario TEXT, metric_name TEXT, value REAL,
    PRIMARY KEY (run_id, model, scenario, metric_name));
"""
_CONFIG = json.dumps({"seed": 42, "device": "cuda", "lr": 0.001})


@dataclass(frozen=True)
class Importing:
    """A lake to import into."""

    lake: Path

    def plan(self, source: Path, wishes: Wishes = NO_WISHES) -> Plan:
        return make_plan(source, self.lake, wishes)

    def execute(self, source: Path, wishes: Wishes = NO_WISHES) -> Plan:
        plan = self.plan(source, wishes)
        execute(plan, self.lake, wishes, lambda line: None)
        return plan

    def rows(self, sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = query(self.lake, sql).to_pylist()
        return rows

    def run(self, run_id: str) -> dict[str, Any]:
        (row,) = self.rows(f"SELECT * FROM runs WHERE run_id = '{run_id}'")
        return row


def refusals(plan: Plan) -> list[str]:
    return [str(one) for found in plan.found for one in found.refused]


def make_tracker(path: Path, metrics: Mapping[tuple[str, str, str], Mapping[str, Any]] | None = None) -> Path:
    """Nine runs of one dataset, one of them called large, one running, one unknown; an evaluation of three models."""
    runs = [
        (f"set_01/teacher_{stage}", "set_01", "teacher", stage, 0, "complete", "")
        for stage in ("autoencoder", "curriculum", "fusion", "evaluation")
    ]
    runs += [
        ("set_01/student_autoencoder", "set_01", "student", "autoencoder", 0, "complete", ""),
        ("set_01/student_curriculum_kd", "set_01", "student", "curriculum", 1, "complete", "set_01/teacher_curriculum"),
        ("set_01/student_fusion_kd", "set_01", "student", "fusion", 1, "complete", "set_09/teacher_fusion"),
        ("set_01/vgae_large_autoencoder", "set_01", "large", "autoencoder", 0, "running", ""),
        ("set_01/student_evaluation", "set_01", "student", "evaluation", 0, "unknown", ""),
    ]
    evaluation = "set_01/teacher_evaluation"
    metrics = metrics or {
        (evaluation, "vgae", "val"): RATES,
        (evaluation, "gat", "val"): PERFECT,
        (evaluation, "fusion", "test_02_unknown_vehicle_known_attack"): RATES,
        (evaluation, "gat", "test_01_gear_spoofing"): RATES,
    }
    with sqlite3.connect(path) as connection:
        connection.executescript(_TRACKER)
        connection.execute("INSERT INTO datasets VALUES ('set_01', 'automotive', 70, '2026-02-13T18:35:08+00:00')")
        for row in runs:
            started = "2026-02-13T18:37:17+00:00" if row[5] == "running" else None
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, started, None, None, _CONFIG, "unknown"),
            )
        for key, values in metrics.items():
            connection.executemany(
                "INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", [(*key, name, value) for name, value in values.items()]
            )
    connection.close()
    return path


def make_reports(folder: Path) -> Path:
    """The export of three runs and an evaluation of them, a few rows a file."""
    folder.mkdir(parents=True)
    runs = [
        _exported("vgae_large_autoencoder", "2026-02-06T18:00:00+00:00", "2026-02-06T17:00:00+00:00"),
        _exported("gat_large_curriculum", "2026-02-06T18:00:00+00:00", "2026-02-07T18:00:00+00:00"),
        _exported("dqn_large_fusion", None, None),
        _exported("eval_large_evaluation", "2026-02-16T22:51:06+00:00", "2026-02-16T23:35:28+00:00"),
    ]
    write_rows(folder / "runs.parquet", runs)
    own = "set_01/eval_large_evaluation"
    write_rows(folder / "metrics.parquet", [{"run_id": own, "model": model, **RATES} for model in ("gat", "vgae")])
    curve = [("gat_large_curriculum", 0, "val_acc", 0.5), ("gat_large_curriculum", 0, "train_loss", 2.0),
             ("gat_large_curriculum", 0, "train_loss", 1.0)]  # fmt: skip
    write_rows(
        folder / "training_curves.parquet",
        [{"run_id": f"set_01/{run}", "epoch": e, "metric_name": m, "value": v} for run, e, m, v in curve],
    )
    write_rows(
        folder / "embeddings.parquet",
        [
            {"run_id": own, "model": m, "x": float(i), "y": -1.0, "label": i % 2}
            for m in ("gat", "vgae")
            for i in range(4)
        ],
    )
    write_rows(folder / "dqn_policy.parquet", [{"run_id": own, "action_idx": i, "alpha": i / 4} for i in range(5)])
    write_rows(folder / "recon_errors.parquet", [{"run_id": own, "error": i / 10, "label": 0} for i in range(6)])
    write_rows(
        folder / "attention_weights.parquet",
        [{"run_id": own, "sample_idx": 0, "label": 1, "layer": 0, "head": h, "mean_alpha": 0.5} for h in range(2)],
    )
    write_rows(
        folder / "cka_similarity.parquet",
        [
            {
                "run_id": own,
                "dataset": "set_01",
                "teacher_layer": "Teacher L2",
                "student_layer": "Student L1",
                "similarity": 0.8,
            }
        ],
    )
    write_rows(folder / "datasets.parquet", [{"name": "set_01", "n_train_graphs": 7}])
    graph = {
        "dataset": "set_01",
        "sample_idx": 0,
        "label": 0,
        "nodes": [{"id": 0}, {"id": 1}],
        "links": [{"source": 0}],
    }
    _envelope(folder / "graph_samples.json", [graph])
    _envelope(folder / "model_sizes.json", [{"model_type": "gat", "scale": "large", "param_count": 311138}])
    return folder


def _exported(name: str, started: str | None, completed: str | None) -> dict[str, Any]:
    model, scale, stage = name.split("_")
    return {
        "run_id": f"set_01/{name}", "dataset": "set_01", "model_type": model.replace("eval", "vgae"), "scale": scale,
        "stage": stage, "has_kd": False, "success": True, "started_at": started, "completed_at": completed,
    }  # fmt: skip


def _envelope(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    path.write_text(json.dumps({"exported_at": "2026-02-18T04:45:08+00:00", "data": list(records)}))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)


def make_log(folder: Path, lines: Sequence[str], hparams: str = "") -> Path:
    """A Lightning CSV log's `version_N` folder."""
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    if hparams:
        (folder / "hparams.yaml").write_text(hparams)
    return folder


def make_folders(root: Path) -> Path:
    """Experiments of the 8-level layout: two with a config, one without, and a file outside of them."""
    teacher = root / "automotive/hcrl_sa/teacher/unsupervised/vgae/no_distillation/autoencoder"
    make_log(teacher / "lightning_logs/version_0", ["epoch,step,train_loss,val_loss", "0,5,1.5,", "0,9,,1.25"])
    (teacher / "best_model.pt").write_bytes(b"weights of a teacher")
    (teacher / "config.json").write_text(_CONFIG)
    student = root / "automotive/hcrl_sa/student/supervised/gat/distilled/curriculum"
    student.mkdir(parents=True)
    (student / "best_model.pt").write_bytes(b"weights of a student")
    (student / "config.json").write_text(_CONFIG)
    bare = root / "automotive/set_01/teacher/rl_fusion/dqn/no_distillation/fusion"
    bare.mkdir(parents=True)
    (bare / "slurm.err").write_text("killed\n")
    (root / "notes.txt").write_text("of a person\n")
    return root
