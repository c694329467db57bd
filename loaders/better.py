"""Which way of a metric is better; tests compare this with the schema and with dashboard/metrics.js."""

from typing import Literal

_LOWER = (
    "fpr", "fpr_outside_episodes", "ece", "brier", "loss", "detection_delay_s_median", "detection_delay_s_p90",
    "frames_to_alarm_median", "false_alarms", "false_alarms_outside_episodes", "false_alarms_per_hour",
    "false_alarms_per_hour_outside_episodes",
)  # fmt: skip


def better_of(metric: str) -> Literal["higher", "lower"]:
    return "lower" if metric in _LOWER or metric.startswith("false_alarms") else "higher"
