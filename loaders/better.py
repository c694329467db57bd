"""Which way of a metric is better; tests compare this with the schema and with dashboard/metrics.js."""

from typing import Literal

_HIGHER = (
    "f1", "precision", "recall", "mcc", "auroc", "auprc", "accuracy", "recall_at_fpr_1e-2", "recall_at_fpr_1e-3",
    "episodes_found", "balanced_accuracy", "detection_rate", "kappa", "specificity", "tnr", "tpr", "youden_j", "reward",
)  # fmt: skip
_LOWER = (
    "fpr", "fpr_outside_episodes", "ece", "brier", "loss", "detection_delay_s_median", "detection_delay_s_p90",
    "frames_to_alarm_median", "false_alarms", "false_alarms_outside_episodes", "false_alarms_per_hour",
    "false_alarms_per_hour_outside_episodes", "fnr", "miss_rate",
)  # fmt: skip


NO_WAY = "Of {metric} no way is known that is better: what is said of it ranks and judges nothing."


def better_of(metric: str) -> Literal["higher", "lower"] | None:
    """None of a metric of which neither way is better, as of a threshold, and of one that we do not know."""
    if metric in _LOWER:
        return "lower"
    return "higher" if metric in _HIGHER else None
