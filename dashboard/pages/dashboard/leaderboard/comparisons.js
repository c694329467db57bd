// Each model's difference from the strongest simple baseline, and whether it is more than chance.
import { element } from "../../../components/element.js";
import { fixed, NOT_APPLICABLE } from "../../../components/format.js";
import { MODEL_COLUMN } from "../../../components/results.js";
import { dataTable } from "../../../components/table.js";
import { aboutMetric, arrow, metricLabel, modelName, protocolName } from "../../../metrics.js";

const NO_BASELINE = "No experiment of this snapshot has a simple baseline, so no model is called better or worse than one.";

const number = (key, label, doc, format) => ({ key, label, doc, format, kind: "number" });

/** A table a dataset, experiment and protocol; rows: those of comparisons.parquet with a `name`. */
export function comparisonTables(rows) {
  if (rows.length === 0) return element("p", { class: "note" }, NO_BASELINE);
  const tables = new Map();
  for (const row of rows) {
    const title = [row.dataset, row.experiment, protocolName(row)].filter(Boolean).join(", ");
    tables.set(title, [...(tables.get(title) ?? []), shownRow(row)]);
  }
  return [...tables].map(([title, listed]) => dataTable({ caption: caption(title), columns: COLUMNS, rows: listed }));
}

function caption(title) {
  return `${title}. Mean difference over captures, each averaged over its seeds, with a 95 % bootstrap interval; p by ` +
    "Wilcoxon's signed-rank test, corrected by Holm over the models of a metric. “Better” and “worse” need both.";
}

function shownRow(row) {
  const { better, digits, scale = 1, unit } = aboutMetric(row.metric);
  const format = (value) => (value == null ? NOT_APPLICABLE : fixed(digits + 1)(value * scale));
  const interval = row.low == null ? NOT_APPLICABLE : `[${format(row.low)}, ${format(row.high)}]`;
  return {
    ...row, interval, difference: format(row.mean_difference), metricName: [metricLabel(row.metric), unit && `(${unit})`, arrow(better)].filter(Boolean).join(" "),
    against: modelName({ model: row.reference_model, role: row.reference_role }), units: `${row.n} ${row.unit}${row.n === 1 ? "" : "s"}`,
  };
}

const COLUMNS = [
  MODEL_COLUMN,
  { key: "configuration", label: "Config", kind: "text", doc: "digest of config and data, seed left out" },
  { key: "metricName", label: "Metric", kind: "text" },
  { key: "verdict", label: "Verdict", kind: "text" },
  { key: "mean_difference", label: "Difference", kind: "number", cell: (row) => row.difference, doc: "model minus baseline" },
  { key: "interval", label: "95 % interval", kind: "number" },
  number("effect_size", "Effect", "matched-pairs rank biserial correlation, −1 to 1", fixed(2)),
  number("p_adjusted", "p", "after Holm's correction", fixed(4)),
  { key: "units", label: "Over", kind: "text", doc: "what one observation is" },
  { key: "against", label: "Baseline", kind: "text", doc: "the one with the best mean of this metric" },
];
