// Each model's difference from the strongest simple baseline, and whether it is more than chance.
import { element } from "../../../components/element.js";
import { choice, distinct } from "../../../components/filters.js";
import { fixed, NOT_APPLICABLE } from "../../../components/format.js";
import { MODEL_COLUMN } from "../../../components/results.js";
import { dataTable } from "../../../components/table.js";
import { aboutMetric, arrow, metricLabel, modelName, protocolName } from "../../../metrics.js";

const NO_BASELINE = "No experiment of this snapshot has a simple baseline, so no model is called better or worse than one.";

const number = (key, label, doc, format) => ({ key, label, doc, format, kind: "number" });

/** A choice of metric and its tables; rows: those of comparisons.parquet with a `name`. */
export function comparisonTables(rows) {
  if (rows.length === 0) return element("p", { class: "note" }, NO_BASELINE);
  const metric = choice("compared", "Metric", distinct(rows, "metric"), { initial: "f1", text: metricLabel });
  const place = element("div");
  const draw = () => place.replaceChildren(...tablesOf(rows.filter((row) => row.metric === metric.value)));
  metric.addEventListener("input", draw);
  draw();
  return [element("div", { class: "filters" }, metric), place];
}

/** A table a dataset, experiment and protocol. */
function tablesOf(rows) {
  const tables = new Map();
  for (const row of rows) {
    const title = [row.dataset, row.experiment, protocolName(row)].filter(Boolean).join(", ");
    tables.set(title, [...(tables.get(title) ?? []), shownRow(row)]);
  }
  const metric = rows[0].metric;
  return [...tables].map(([title, listed]) => dataTable({
    caption: caption(title, metric), columns: COLUMNS, rows: listed, sort: { key: "mean_difference", descending: rows[0].better === "higher" },
  }));
}

function caption(title, metric) {
  return `${metricLabel(metric)} ${arrow(aboutMetric(metric).better)}: ${title}. Mean difference over captures, each averaged over its seeds, with a 95 % bootstrap interval; p by ` +
    "Wilcoxon's signed-rank test, corrected by Holm over the models of a metric. “Better” and “worse” need both.";
}

function shownRow(row) {
  const { digits, scale = 1, unit = "" } = aboutMetric(row.metric);
  const format = (value) => (value == null ? NOT_APPLICABLE : fixed(digits + 1)(value * scale));
  const interval = row.low == null ? NOT_APPLICABLE : `[${format(row.low)}, ${format(row.high)}]`;
  return {
    ...row, interval, difference: `${format(row.mean_difference)} ${unit}`,
    against: modelName({ model: row.reference_model, role: row.reference_role }), units: `${row.n} ${row.unit}${row.n === 1 ? "" : "s"}`,
  };
}

const COLUMNS = [
  MODEL_COLUMN,
  { key: "configuration", label: "Config", kind: "text", doc: "digest of config and data, seed left out" },
  { key: "verdict", label: "Verdict", kind: "text" },
  { key: "mean_difference", label: "Difference", kind: "number", cell: (row) => row.difference, doc: "model minus baseline" },
  { key: "interval", label: "95 % interval", kind: "number" },
  number("effect_size", "Effect", "matched-pairs rank biserial correlation, −1 to 1", fixed(2)),
  number("p_adjusted", "p", "after Holm's correction", fixed(4)),
  { key: "units", label: "Over", kind: "text", doc: "what one observation is" },
  { key: "against", label: "Baseline", kind: "text", doc: "the one with the best mean of this metric" },
];
