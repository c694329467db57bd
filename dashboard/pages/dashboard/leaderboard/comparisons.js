// Each model's difference from the strongest simple baseline, and whether it is more than chance.
import { element } from "../../../components/element.js";
import { choice, distinct } from "../../../components/filters.js";
import { fixed, NOT_APPLICABLE, plural } from "../../../components/format.js";
import { MODEL_COLUMN } from "../../../components/results.js";
import { dataTable } from "../../../components/table.js";
import { aboutMetric, arrow, metricLabel } from "../../../metrics.js";
import { modelName, numbered, protocolName, protocolNames } from "../../../names.js";
import { ownRows } from "../../../study.js";

const NO_BASELINE = "No experiment of this snapshot has a simple baseline, so no model is called better or worse than one.";
const NO_PAIR = "No model and baseline of this choice were measured on the same captures.";

/** {node, update}: `update` takes the page's filters, whose protocol the table's own follows; rows have a `name`. */
export function comparisonSection(rows) {
  if (rows.length === 0) return { node: element("p", { class: "note" }, NO_BASELINE), update: () => {} };
  const metric = choice("compared", "Metric", distinct(rows, "metric"), { initial: "f1", text: metricLabel });
  const protocol = choice("against", "Protocol", protocolNames(rows), { text: numbered });
  const place = element("div");
  let page = {};
  const draw = () => place.replaceChildren(tableOf(rows, page, metric.value, protocol.value));
  for (const input of [metric, protocol]) input.addEventListener("input", draw);
  const update = (now) => {
    const isOther = now.protocol !== page.protocol;
    page = now;
    if (isOther && rows.some((row) => protocolName(row) === now.protocol)) protocol.value = now.protocol;
    draw();
  };
  const inputs = [metric, protocol].filter((input) => input.querySelectorAll("option").length > 1);
  return { node: [element("div", { class: "filters" }, ...inputs), place], update };
}

function tableOf(rows, { dataset, experiment, variants }, metric, protocol) {
  const asked = (variants === "all" ? rows : ownRows(rows)).filter((row) => row.metric === metric &&
    (!dataset || row.dataset === dataset) && (!experiment || row.experiment === experiment) &&
    (protocol == null || protocolName(row) === protocol));
  if (asked.length === 0) return element("p", { class: "note", role: "status" }, NO_PAIR);
  const listed = asked.map(shownRow);
  return dataTable({
    caption: caption(listed, metric), columns: columnsFor(listed), rows: listed,
    sort: { key: "mean_difference", descending: asked[0].better === "higher" },
  });
}

function caption(rows, metric) {
  const against = distinct(rows, "against");
  return `${metricLabel(metric)} ${arrow(aboutMetric(metric).better)}, ${numbered(protocolName(rows[0]))}, experiment ` +
    `${rows[0].experiment}: model less ${against.length === 1 ? against[0] : "its strongest baseline"}` +
    `${isAlike(rows) ? `, over ${rows[0].units}` : ""}. Mean difference over captures, each averaged over its seeds, ` +
    "with a 95 % bootstrap interval; p by Wilcoxon’s signed-rank test after Holm over the models of the experiment, " +
    "and of each variant apart. “Better” and “worse” need both.";
}

const isAlike = (rows) => distinct(rows, "units").length === 1;

function shownRow(row) {
  const { digits, scale = 1, unit = "" } = aboutMetric(row.metric);
  const format = (value) => (value == null ? NOT_APPLICABLE : fixed(digits + 1)(value * scale));
  const interval = row.low == null ? NOT_APPLICABLE : `[${format(row.low)}, ${format(row.high)}]`;
  const reference = { model: row.reference_model, role: row.reference_role, variant: row.reference_variant };
  return {
    ...row, interval, difference: `${format(row.mean_difference)} ${unit}`.trim(), against: modelName(reference),
    units: plural(row.n, row.unit),
  };
}

function columnsFor(rows) {
  const number = (key, label, doc, format) => ({ key, label, doc, format, kind: "number" });
  return [
    MODEL_COLUMN,
    { key: "verdict", label: "Verdict", kind: "text" },
    { key: "mean_difference", label: "Difference", kind: "number", cell: (row) => row.difference, doc: "model minus baseline" },
    { key: "interval", label: "95 % interval", kind: "number" },
    number("effect_size", "Effect", "matched-pairs rank biserial correlation, −1 to 1", fixed(2)),
    number("p_adjusted", "p", "after Holm’s correction", fixed(4)),
    ...(isAlike(rows) ? [] : [{ key: "units", label: "Over", kind: "text", doc: "what one observation is" }]),
    ...(distinct(rows, "against").length === 1 ? []
      : [{ key: "against", label: "Baseline", kind: "label", doc: "the one with the best mean of this metric" }]),
    ...(distinct(rows, "name").length === rows.length ? []
      : [{ key: "configuration", label: "Config", kind: "text", doc: "digest of config and data, seed left out" }]),
  ];
}
