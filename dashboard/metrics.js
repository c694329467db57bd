// What each metric is called, which way is better, its unit, and how many digits are shown (docs/evaluation.md).

/** `scale` turns the stored value into the unit shown. */
export const METRICS = [
  { name: "f1", label: "F1", better: "higher", digits: 3, doc: "harmonic mean of precision and recall" },
  { name: "precision", label: "Precision", better: "higher", digits: 3, doc: "share of alarms that are attacks" },
  { name: "recall", label: "Recall", better: "higher", digits: 3, doc: "share of attack windows that raise an alarm" },
  { name: "fpr", label: "FPR", better: "lower", digits: 4, doc: "share of benign windows that raise an alarm" },
  { name: "mcc", label: "MCC", better: "higher", digits: 3, doc: "Matthews correlation coefficient, −1 to 1" },
  { name: "auroc", label: "AUROC", better: "higher", digits: 3, doc: "area under the ROC curve; needs no threshold" },
  { name: "auprc", label: "AUPRC", better: "higher", digits: 3,
    doc: "area under the precision–recall curve; compare with the share of attack windows" },
  { name: "accuracy", label: "Accuracy", better: "higher", digits: 3, doc: "share of windows labelled rightly" },
  { name: "recall_at_fpr_1e-2", label: "Recall at FPR .01", better: "higher", digits: 3,
    doc: "largest recall of any threshold with at most 1 false alarm in 100 benign windows of this capture" },
  { name: "recall_at_fpr_1e-3", label: "Recall at FPR .001", better: "higher", digits: 3,
    doc: "the same with 1 in 1000; not applicable where fewer benign windows were scored" },
  { name: "ece", label: "Calibration error", better: "lower", digits: 3,
    doc: "expected calibration error of the score as a probability, 15 bins of equal size" },
  { name: "brier", label: "Brier", better: "lower", digits: 3, doc: "mean squared distance of score and label" },
  { name: "episodes_found", label: "Found", better: null, digits: 0,
    doc: "attack episodes with an alarm, of those in the capture" },
  { name: "detection_delay_s_median", label: "Delay, median", better: "lower", digits: 0, unit: "ms", scale: 1000,
    doc: "from the first injected frame to the end of the first alarmed window, over the episodes found" },
  { name: "detection_delay_s_p90", label: "Delay, 90 %", better: "lower", digits: 0, unit: "ms", scale: 1000,
    doc: "nine in ten of the episodes found were found within this time" },
  { name: "frames_to_alarm_median", label: "Frames to alarm", better: "lower", digits: 0,
    doc: "frames on the bus from the first injected one to the alarm, median of the episodes found" },
  { name: "fpr_outside_episodes", label: "FPR outside", better: "lower", digits: 4,
    doc: "FPR of benign windows neither within an attack episode nor in the half second behind it" },
  { name: "false_alarms_per_hour", label: "False alarms", better: "lower", digits: 1, unit: "/h",
    doc: "false alarms an hour of benign time, those within a second taken as one; 95 % Poisson interval" },
  { name: "false_alarms_per_hour_outside_episodes", label: "False alarms outside", better: "lower", digits: 1, unit: "/h",
    doc: "the same outside attack episodes and the half second behind them" },
  { name: "benign_hours", label: "Benign time", better: null, digits: 1, unit: "min", scale: 60,
    doc: "time of the benign windows, which false alarms an hour are counted in" },
  { name: "base_rate", label: "Base rate", better: null, digits: 3, doc: "share of windows that are attacks" },
  // behind others
  { name: "episodes", label: "Episodes", better: null, digits: 0, doc: "attack episodes that windows overlap" },
  { name: "false_alarms", label: "False alarm events", better: null, digits: 0, doc: "their number" },
  { name: "false_alarms_outside_episodes", label: "False alarm events outside", better: null, digits: 0, doc: "their number" },
  { name: "benign_hours_outside_episodes", label: "Benign time outside", better: null, digits: 1, unit: "min", scale: 60,
    doc: "time of the benign windows outside episodes" },
  { name: "false_alarms_per_hour_low", label: "False alarms, low", better: null, digits: 1, unit: "/h", doc: "2.5 % end" },
  { name: "false_alarms_per_hour_high", label: "False alarms, high", better: null, digits: 1, unit: "/h", doc: "97.5 % end" },
  { name: "false_alarms_per_hour_outside_episodes_low", label: "False alarms outside, low", better: null, digits: 1,
    unit: "/h", doc: "2.5 % end" },
  { name: "false_alarms_per_hour_outside_episodes_high", label: "False alarms outside, high", better: null, digits: 1,
    unit: "/h", doc: "97.5 % end" },
];

/** What the leaderboard shows at once. */
export const METRIC_GROUPS = {
  windows: ["f1", "precision", "recall", "fpr", "mcc", "auroc", "accuracy"],
  alarms: ["episodes_found", "detection_delay_s_median", "detection_delay_s_p90", "frames_to_alarm_median",
    "false_alarms_per_hour", "false_alarms_per_hour_outside_episodes", "fpr_outside_episodes", "benign_hours"],
  scores: ["auroc", "auprc", "recall_at_fpr_1e-2", "recall_at_fpr_1e-3", "ece", "brier"],
};

const SPOKEN = { loss: "Loss", reward: "Reward" };

export function aboutMetric(name) {
  return METRICS.find((metric) => metric.name === name);
}

export function metricLabel(name) {
  return aboutMetric(name)?.label ?? SPOKEN[name] ?? name.replace("/", " ");
}

export function arrow(better) {
  return { higher: "↑", lower: "↓" }[better] ?? "";
}
