"""The owner of the schema: every table, its columns, types, keys and allowed values.

Python, SQL and pages take their names from here. A new column is a new `SCHEMA_VERSION`; parts of an older one
are read with `Column.absent` in the columns they lack. The tables behind figures and the registry of models stand
in `lake/schema_figures.py` and `lake/schema_registry.py`; `TABLES` has them all.
"""

from collections.abc import Mapping
from functools import partial

from lake.configuration import CONFIGURATION_SQL
from lake.schema_figures import FIGURE_TABLES
from lake.schema_registry import REGISTRY
from lake.table import Latest, Range, Table, count, flag, instant, integer, real, share, text
from lake.version import SCHEMA_VERSION

_table = partial(Table, version=SCHEMA_VERSION)

# What ends a run: itself (complete, failed, interrupted) or, as `lake reconcile` finds out, its scheduler.
ENDED_BY_SCHEDULER = ("timeout", "out_of_memory", "preempted", "node_fail", "cancelled")
STATUSES = ("running", "complete", "failed", "interrupted", *ENDED_BY_SCHEDULER, "unknown")
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


RANGES: Mapping[str, Range] = {
    **dict.fromkeys(PROPORTIONS, (0, 1)),
    **dict.fromkeys(AMOUNTS, (0, None)),
    "mcc": (-1, 1),
}

RUNS = _table(
    name="runs",
    doc="One row a started attempt and one more when it ends; the view keeps the latest of a run.",
    key=("run_id", "attempt", "status"),
    latest=Latest(
        ("run_id",),
        # the end of a process that is found gone is not known, and is its end all the same
        "attempt DESC, (status = 'complete') DESC, (status <> 'running') DESC, finished_at DESC NULLS LAST",
    ),
    columns={
        "run_id": text("experiment, stage, seed and digest of all that determines the run"),
        "attempt": integer("1 for the first start; a resumed run counts on", low=1),
        "status": text(
            "running until it ends; of a killed run until `lake reconcile`; unknown: imported so", choices=STATUSES
        ),
        "experiment": text("name of the experiment's TOML"),
        "variant": text("variant of the experiment; null for the experiment itself", nullable=True, since=3),
        "stage": text("row of STAGES, or 'index' for ./run data index", choices=(*STAGES, "index")),
        "dataset": text("name in the catalogue"),
        "model": text("network or baseline, where the stage fits one", nullable=True, choices=MODELS),
        "role": text("teacher, student or baseline, where the stage fits one", nullable=True, choices=ROLES),
        "teacher_run_id": text("run it was distilled from, as in lineage", nullable=True, since=4),
        "seed": integer("seed of every random generator; null where nothing is drawn", nullable=True),
        "is_demo": flag("the experiment is a demonstration, not a result"),
        "config_json": text("the run's frozen config, whole"),
        "config_digest": text("SHA-256 of config_json"),
        "configuration": text(
            "digest of all of config and data that decides the numbers, seeds left out: runs that agree are repeats",
            nullable=True,
            since=4,
            absent=CONFIGURATION_SQL,
        ),
        "data_digest": text("SHA-256 over the row digests of the captures used", nullable=True),
        "code_commit": text("git commit of the working tree", nullable=True),
        "code_patch_digest": text("SHA-256 of uncommitted changes; null where there are none", nullable=True),
        "lock_digest": text("SHA-256 of requirements.lock", nullable=True),
        "container_digest": text("digest of the container image, where one runs", nullable=True),
        "versions_json": text("versions of Python and of the packages that matter"),
        "device": text("cpu, or the accelerator's name"),
        "slurm_job_id": text("job id, where Slurm runs it", nullable=True),
        "slurm_cluster": text("cluster name, where Slurm runs it", nullable=True),
        "host": text("machine it runs on", nullable=True, since=4),
        "process_id": count("process on that machine", nullable=True, since=4),
        "started_at": instant("start of this attempt"),
        "finished_at": instant("end of this attempt", nullable=True),
        "parameters": count("trainable parameters counted from the built network", nullable=True),
        "monitor": text("metric that chooses the checkpoint", nullable=True),
        "best_epoch": count("epoch of the kept checkpoint", nullable=True),
        "best_value": real("monitor's value at best_epoch", nullable=True),
        "reason": text("why a run failed or stopped", nullable=True),
        "origin": text("where an imported run comes from; null for this pipeline's own", nullable=True, since=4),
        "defects": text("what is known to be wrong with an imported run's numbers", nullable=True, since=4),
    },
)

EPOCHS = _table(
    name="epochs",
    doc="Training curves: a metric of a split at an epoch; of a resumed run as its last attempt wrote it.",
    key=("run_id", "attempt", "epoch", "split", "metric"),
    latest=Latest(("run_id", "epoch", "split", "metric"), "attempt DESC"),
    columns={
        "run_id": text("run that trained"),
        "attempt": integer("attempt of the run that wrote the row", low=1, since=4, absent="1"),
        "epoch": count("0 for the first"),
        "split": text("what the metric was computed on", choices=SPLITS),
        "metric": text("loss, auroc, …"),
        "value": real("metric's value"),
    },
    ranges=RANGES,
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
            since=3,
        ),
        "calibration_s": real(
            "seconds of the capture's own beginning that calibrated the model; null without",
            nullable=True,
            low=0,
            since=3,
        ),
        "metric": text("f1, auroc, fpr, …"),
        "value": real("null where not applicable, as AUROC with one class", nullable=True),
        "n": count("windows the value is computed on"),
        "n_attack": count("of these, labelled attack"),
    },
    ranges=RANGES,
    refuses_zeros=True,
)

PREDICTIONS = _table(
    name="predictions",
    doc="What a model said of each window that was scored.",
    key=("run_id", "model_run_id", "split", "capture", "protocol", "calibration_s", "start_frame"),
    is_bulk=True,
    columns={
        "run_id": text("evaluate run that wrote the row"),
        "model_run_id": text("run whose checkpoint scored"),
        "split": text("what was scored", choices=SPLITS),
        "capture": text("capture the window was cut from"),
        "protocol": text("what the model knew of the vehicle", nullable=True, choices=PROTOCOLS),
        "calibration_s": real("seconds of the capture that calibrated the model", nullable=True, low=0),
        "start_frame": count("the window's first frame, by its number in the capture"),
        "start_s": real("time of that frame since the capture's first, seconds"),
        "label": count("1 where a frame of the window is an attack; null where the capture has no labels",
                       nullable=True, high=1),
        "score": share("the model's number; higher is more of an attack"),
        "is_alarm": flag("the score reaches the model's threshold", nullable=True),
    },
)  # fmt: skip

RESOURCES = _table(
    name="resources",
    doc="What a run took of its machine, sampled while it ran.",
    key=("run_id", "attempt", "sampled_at", "device"),
    columns={
        "run_id": text("run that was sampled"),
        "attempt": integer("attempt of the run", low=1),
        "sampled_at": instant("when"),
        "device": text("'host', or the accelerator"),
        "utilisation": real(
            "busy share of the device since the last sample; of the host in cores", nullable=True, low=0
        ),
        "memory_bytes": count("memory of the process, resident on the host or allocated on the accelerator"),
        "memory_peak_bytes": count("largest so far", nullable=True),
        "memory_total_bytes": count("what the device has", nullable=True),
    },
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
        "error_frames": count("error frames, counted and left out", nullable=True, since=2),
        "clock_jumps": count("steps back by more than a second, or ahead by more than an hour", nullable=True, since=3),
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
    table.name: table
    for table in (
        RUNS, EPOCHS, METRICS, PREDICTIONS, RESOURCES, ARTIFACTS, LINEAGE, DATASETS, CAPTURES, SPLITS_TABLE,
        *FIGURE_TABLES, REGISTRY,
    )
}  # fmt: skip
