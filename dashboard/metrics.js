// What each metric is called, which way is better, and how many digits are shown.

/** Metrics of the leaderboard, in the order of its columns. */
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
  { name: "base_rate", label: "Base rate", better: null, digits: 3, doc: "share of windows that are attacks" },
];

export const MODEL_NAMES = { vgae: "VGAE", gat: "GAT", fusion: "Fusion" };

export function modelName(row) {
  return [MODEL_NAMES[row.model] ?? row.model, row.model === "fusion" ? null : row.role].filter(Boolean).join(" ");
}

const SPOKEN = { loss: "Loss", reward: "Reward" };

export function metricLabel(name) {
  return METRICS.find((metric) => metric.name === name)?.label ?? SPOKEN[name] ?? name.replace("/", " ");
}

export function arrow(better) {
  return { higher: "↑", lower: "↓" }[better] ?? "";
}
