// What models, variants and protocols are called, and the order in which they are told.

export const MODEL_NAMES = {
  vgae: "VGAE", gat: "GAT", fusion: "Fusion", habit: "Habit rules", period_rules: "Period rules",
  frozen_rules: "Period and frozen-payload rules", past_rules: "Rules over the past", zscore: "z-score",
  gbdt: "Boosted trees", gbdt_past: "Boosted trees, zero-shot", gbdt_window: "Boosted trees, window alone",
  always: "Always an alarm", majority: "Majority",
};

const ROLELESS = { baseline: true, student: false, teacher: false };

/** "GAT student", "Fusion", "Habit rules"; a fusion is a student unless it says that it is of teachers. */
export function baseName({ model, role }) {
  const isPlain = role == null || ROLELESS[role] || (model === "fusion" && role === "student");
  return [MODEL_NAMES[model] ?? model, isPlain ? null : role].filter(Boolean).join(" ");
}

/** The same with the variant of the experiment, "Fusion · mlp"; the experiment's own models have none. */
export function modelName(row) {
  return row.variant ? `${baseName(row)} · ${row.variant.replaceAll("_", " ")}` : baseName(row);
}

/** The rows with a `name`, and a `base` that variants share. */
export function named(rows) {
  return rows.map((row) => ({ ...row, name: modelName(row), base: baseName(row) }));
}

/** The rows with models in the order of `MODEL_NAMES`, teachers before students, variants behind the experiment's own. */
export function inModelOrder(rows) {
  const models = Object.keys(MODEL_NAMES);
  const place = ({ model, role }) => models.indexOf(model) * 2 + Number(role !== "teacher");
  return [...rows].sort((a, b) => place(a) - place(b) || (a.variant ?? "").localeCompare(b.variant ?? ""));
}

const PROTOCOLS = { "known vehicle": "P1", calibrated: "P2", "zero-shot": "P3", "unknown attack": "P4" };

/** "calibrated, 10 s", or null for rows of no single protocol. */
export function protocolName({ protocol, calibration_s }) {
  return calibration_s == null ? protocol : `${protocol}, ${calibration_s} s`;
}

/** The name with its number, "P2 · calibrated, 10 s". */
export function numbered(name) {
  const number = PROTOCOLS[name?.split(",")[0]];
  return number ? `${number} · ${name}` : name ?? "protocol not stated";
}

/** The protocols of the rows, in the order they are told in. */
export function protocolNames(rows) {
  const order = Object.keys(PROTOCOLS);
  const place = (row) => order.indexOf(row.protocol) * 1e6 + (row.calibration_s ?? 0);
  const stated = rows.filter((row) => row.protocol != null).sort((a, b) => place(a) - place(b));
  return [...new Set(stated.map(protocolName))];
}
