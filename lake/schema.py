"""The owner of the schema: every table, its columns, types, keys and allowed values.

Python, SQL and pages take their names from here. A new column is a new `SCHEMA_VERSION`; older parts
are read with nulls in the columns they lack.
"""

from collections.abc import Mapping
from functools import partial

from lake.table import Row, Table, count, flag, instant, integer, real, text

# 2: captures.error_frames; 3: metrics.protocol, metrics.calibration_s, captures.clock_jumps, runs.variant
SCHEMA_VERSION = 3
_table = partial(Table, version=SCHEMA_VERSION)

STATUSES = ("running", "complete", "failed", "interrupted")
STAGES = ("prepare", "vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion", "baseline", "evaluate")
MODELS = (
    "vgae", "gat", "fusion",
    "habit", "period_rules", "frozen_rules", "past_rules", "zscore", "gbdt", "gbdt_past", "gbdt_window", "always",
    "majority",
)  # fmt: skip
CONSTANTS = ("always", "majority")  # models that look at nothing: shown, but no reference of a comparison
ROLES = ("teacher", "student", "baseline")
SPLITS = ("train", "validation", "test")
RELATIONS = ("prepared_from", "distilled_from", "fused_from", "evaluated", "exported_from")
# What the model knew of the capture's vehicle and attack before it scored it (docs/evaluation.md).
PROTOCOLS = ("known vehicle", "calibrated", "zero-shot", "unknown attack")
# Metrics that are proportions; a value outside [0, 1] is refused.
PROPORTIONS = (
    "accuracy", "auprc", "auroc", "base_rate", "brier", "ece", "f1", "fpr", "fpr_outside_episodes", "precision",
    "recall", "recall_at_fpr_1e-2", "recall_at_fpr_1e-3",
)  # fmt: skip
# Counts, times and rates; a value below 0 is refused.
AMOUNTS = (
    "episodes", "episodes_found", "detection_delay_s_median", "detection_delay_s_p90", "frames_to_alarm_median",
    "benign_hours", "false_alarms", "false_alarms_per_hour", "false_alarms_per_hour_low", "false_alarms_per_hour_high",
    "benign_hours_outside_episodes", "false_alarms_outside_episodes", "false_alarms_per_hour_outside_episodes",
    "false_alarms_per_hour_outside_episodes_low", "false_alarms_per_hour_outside_episodes_high",
)  # fmt: skip


def _metric_in_range(row: Row) -> str | None:
    name, value = row["metric"], row["value"]
    if value is None:
        return None
    if name in PROPORTIONS and not 0 <= value <= 1:
        return f"{name} is {value}, outside [0, 1]"
    if name in AMOUNTS and value < 0:
        return f"{name} is {value}, below 0"
    if name == "mcc" and not -1 <= value <= 1:
        return f"mcc is {value}, outside [-1, 1]"
    return None


RUNS = _table(
    name="runs",
    doc="One row a started attempt and one more when it ends; the view keeps the latest of a run.",
    key=("run_id", "attempt", "status"),
    columns={
        "run_id": text("experiment, stage, seed and digest of all that determines the run"),
        "attempt": integer("1 for the first start; a resumed run counts on", low=1),
        "status": text("running until the run ends; a killed run stays so", choices=STATUSES),
        "experiment": text("name of the experiment's TOML"),
        "variant": text("variant of the experiment; null for the experiment itself", nullable=True),
        "stage": text("row of STAGES, or 'index' for ./run data index", choices=(*STAGES, "index")),
        "dataset": text("name in the catalogue"),
        "model": text("network or baseline, where the stage fits one", nullable=True, choices=MODELS),
        "role": text("teacher, student or baseline, where the stage fits one", nullable=True, choices=ROLES),
        "seed": integer("seed of every random generator; null where nothing is drawn", nullable=True),
        "is_demo": flag("the experiment is a demonstration, not a result"),
        "config_json": text("the run's frozen config, whole"),
        "config_digest": text("SHA-256 of config_json"),
        "data_digest": text("SHA-256 over the row digests of the captures used", nullable=True),
        "code_commit": text("git commit of the working tree", nullable=True),
        "code_patch_digest": text("SHA-256 of uncommitted changes; null where there are none", nullable=True),
        "lock_digest": text("SHA-256 of requirements.lock", nullable=True),
        "container_digest": text("digest of the container image, where one runs", nullable=True),
        "versions_json": text("versions of Python and of the packages that matter"),
        "device": text("cpu, or the accelerator's name"),
        "slurm_job_id": text("job id, where Slurm runs it", nullable=True),
        "slurm_cluster": text("cluster name, where Slurm runs it", nullable=True),
        "started_at": instant("start of this attempt"),
        "finished_at": instant("end of this attempt", nullable=True),
        "parameters": count("trainable parameters counted from the built network", nullable=True),
        "monitor": text("metric that chooses the checkpoint", nullable=True),
        "best_epoch": count("epoch of the kept checkpoint", nullable=True),
        "best_value": real("monitor's value at best_epoch", nullable=True),
        "reason": text("why a run failed or stopped", nullable=True),
    },
)

EPOCHS = _table(
    name="epochs",
    doc="Training curves: a metric of a split at an epoch.",
    key=("run_id", "epoch", "split", "metric"),
    columns={
        "run_id": text("run that trained"),
        "epoch": count("0 for the first"),
        "split": text("what the metric was computed on", choices=SPLITS),
        "metric": text("loss, auroc, …"),
        "value": real("metric's value"),
    },
    checks=(_metric_in_range,),
)

METRICS = _table(
    name="metrics",
    doc="Evaluation: a metric of a model on a capture, at the threshold the validation split set.",
    key=("run_id", "model_run_id", "split", "capture", "protocol", "calibration_s", "metric"),
    columns={
        "run_id": text("evaluate run that wrote the row"),
        "model_run_id": text("run whose checkpoint was scored"),
        "dataset": text("name in the catalogue"),
        "split": text("what was scored", choices=SPLITS),
        "capture": text("capture scored; 'all', 'known vehicles' or 'unknown vehicles' for several together"),
        "vehicle": text("vehicle the capture was recorded on, or 'all'"),
        "attack": text("attack in the capture, 'benign', or 'all'"),
        "is_known_vehicle": flag("the vehicle stands in the training split", nullable=True),
        "protocol": text(
            "what the model knew of vehicle and attack; null where a row is of no single one",
            nullable=True,
            choices=PROTOCOLS,
        ),
        "calibration_s": real(
            "seconds of the capture's own beginning that calibrated the model; null without", nullable=True, low=0
        ),
        "metric": text("f1, auroc, fpr, …"),
        "value": real("null where not applicable, as AUROC with one class", nullable=True),
        "n": count("windows the value is computed on"),
        "n_attack": count("of these, labelled attack"),
    },
    checks=(_metric_in_range,),
)

ARTIFACTS = _table(
    name="artifacts",
    doc="Files a run left behind, known by their digest.",
    key=("run_id", "name"),
    columns={
        "run_id": text("run that wrote it"),
        "name": text("path inside the run's folder"),
        "kind": text("checkpoint, scores, graphs, …"),
        "sha256": text("digest of the bytes"),
        "size_bytes": count("size"),
    },
)

LINEAGE = _table(
    name="lineage",
    doc="Which run came from which.",
    key=("run_id", "relation", "parent_run_id"),
    columns={
        "run_id": text("the later run"),
        "relation": text("how it used the parent", choices=RELATIONS),
        "parent_run_id": text("the earlier run"),
    },
)

DATASETS = _table(
    name="datasets",
    doc="A dataset as one prepare or index run read it.",
    key=("run_id", "dataset"),
    columns={
        "run_id": text("prepare run"),
        "dataset": text("name in the catalogue"),
        "title": text("published name"),
        "licence": text("terms of the data"),
        "citation": text("how to cite it"),
        "address": text("where it is published"),
        "captures": count("captures used"),
        "frames": count("frames read"),
        "attack_frames": count("of these, labelled attack"),
        "data_digest": text("SHA-256 over the row digests of the captures used"),
        "vocabulary_size": count("known arbitration IDs, the unseen one included"),
    },
)

CAPTURES = _table(
    name="captures",
    doc="A capture as one prepare or index run read it: what is in it, what was wrong with it, where it went.",
    key=("run_id", "capture"),
    columns={
        "run_id": text("prepare run"),
        "dataset": text("name in the catalogue"),
        "capture": text("path below the dataset's folder, without ending"),
        "vehicle": text("vehicle it was recorded on"),
        "attack": text("attack in it, or 'benign'"),
        "usage": text("what it is used for", choices=("train", "test", "duplicate")),
        "duplicate_of": text("capture with the same rows, used instead", nullable=True),
        "row_digest": text("SHA-256 over its frames, independent of file format"),
        "frames": count("frames"),
        "attack_frames": count("of these, labelled attack"),
        "arbitration_ids": count("distinct arbitration IDs"),
        "span_s": real("last minus first timestamp, seconds"),
        "empty_payloads": count("frames without a payload"),
        "backward_steps": count("frames stamped earlier than the frame before"),
        "repaired_rows": count("rows read after trimming stray white space"),
        "error_frames": count("error frames, counted and left out", nullable=True),
        "clock_jumps": count("steps back by more than a second, or ahead by more than an hour", nullable=True),
        "shared_frames": count("frames that stand in another capture as well; index runs only", nullable=True),
        "shared_with": text("the capture that holds most of them", nullable=True),
        "same_recording_as": text("capture with the same frames in a row, whatever their times", nullable=True),
    },
)

SPLITS_TABLE = _table(
    name="splits",
    doc="Windows of each capture in each split, and the windows left out with the reason.",
    key=("run_id", "capture", "split"),
    columns={
        "run_id": text("prepare run"),
        "capture": text("capture"),
        "split": text("split, or 'embargo' / 'shared' for windows left out", choices=(*SPLITS, "embargo", "shared")),
        "windows": count("windows"),
        "attack_windows": count("of these, labelled attack"),
    },
)

TABLES: Mapping[str, Table] = {
    table.name: table for table in (RUNS, EPOCHS, METRICS, ARTIFACTS, LINEAGE, DATASETS, CAPTURES, SPLITS_TABLE)
}
