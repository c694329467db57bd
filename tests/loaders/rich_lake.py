"""A made-up lake with all that a query can meet: seeds, baselines, protocols, a variant, repeats, runs that failed,
and results of an earlier tracker."""

from datetime import timedelta
from pathlib import Path

from lake.append import append
from lake.schema import TABLES
from lake.table import Row
from tests.lake_fixture import START, TRAINED, add_evaluation, add_run, made_up_lake, made_up_value

SEEDS = (1, 2, 3, 4, 5)
SETTINGS = {"name": "made_up", "seeds": list(SEEDS), "window": {"size": 100, "stride": 100}}
WIDER = {**SETTINGS, "window": {"size": 200, "stride": 200}}
PROTOCOLS = (("known vehicle", None), ("calibrated", 10.0), ("zero-shot", None))
MODEL_RUN = "made_up-fusion-1"
ORIGIN = "an earlier tracker, sha256 00"
DEFECTS = "validation-leak: the same window can train and validate. last-weights: not the best ones."


def rich_lake(root: Path) -> Path:
    made_up_lake(root, seeds=SEEDS)
    later = START + timedelta(hours=2)
    for seed in SEEDS:
        models = [f"made_up-{stage}-{seed}" for stage, _, _ in TRAINED]
        add_run(root, f"wide-{seed}", "fusion", seed, WIDER, "fusion", "student", variant="wide")
        models += [f"wide-{seed}"]
        if seed == 1:
            for model in ("habit", "gbdt"):
                add_run(root, model, "baseline", None, SETTINGS, model, "baseline")
            models += ["habit", "gbdt"]
        add_evaluation(root, f"protocols-{seed}", seed, SETTINGS, started_at=later, protocols=PROTOCOLS, models=models)
    add_run(root, "repeated", "fusion", 1, WIDER, "fusion", "student", variant="wide", started_at=later)
    add_evaluation(root, "evaluate-repeated", 1, WIDER, started_at=later + timedelta(hours=1), protocols=PROTOCOLS,
                   models=["repeated"], salt="again")  # fmt: skip
    add_run(root, "failed", "gat_student", 6, SETTINGS, "gat", "student", status="failed", reason="out of patience")
    append(root, TABLES["artifacts"], MODEL_RUN, "artifacts", [
        {"name": "checkpoint/weights", "kind": "checkpoint", "sha256": "0" * 64, "size_bytes": 7}
    ])  # fmt: skip
    add_legacy(root)
    return root


def add_legacy(root: Path) -> None:
    """Imported runs that would win every ranking, were they counted."""
    imported = {"attempt": 1, "status": "complete", "experiment": "earlier", "dataset": "made_up", "is_demo": False,
                "config_json": "{}", "config_digest": "1" * 64, "versions_json": "{}", "device": "unknown",
                "started_at": START - timedelta(days=400), "origin": ORIGIN, "defects": DEFECTS}  # fmt: skip
    model: Row = {**imported, "stage": "gat_student", "model": "gat", "role": "student", "seed": 42}
    append(root, TABLES["runs"], "legacy-gat", "imported", [model])
    append(root, TABLES["runs"], "legacy-evaluate", "imported", [{**imported, "stage": "evaluate", "role": "student"}])
    place = {"model_run_id": "legacy-gat", "dataset": "made_up", "split": "test", "vehicle": "all", "attack": "DoS",
             "n": 10, "n_attack": 5}  # fmt: skip
    append(root, TABLES["metrics"], "legacy-evaluate", "imported", [
        {**place, "capture": capture, "metric": metric, "value": 0.99 + made_up_value(capture, metric) / 1000}
        for capture in ("known vehicles", "test/known-dos")
        for metric in ("f1", "auroc", "fpr")
    ])  # fmt: skip
    append(root, TABLES["lineage"], "legacy-evaluate", "imported", [
        {"relation": "evaluated", "parent_run_id": "legacy-gat"}
    ])  # fmt: skip
