// The leaderboard's columns, and the sentence that says what a table of results is about.
import { siteUrl } from "../data.js";
import { aboutMetric, METRIC_GROUPS, METRICS } from "../metrics.js";
import { protocolName } from "../names.js";
import { element } from "./element.js";
import { spreadOf } from "./spread.js";
import { fixed, NOT_APPLICABLE, percent, plural, seedText, whole } from "./format.js";

/** The column of one metric; what several seeds or events say of its value stands beside it. */
function metricColumn({ name, label, better, digits, doc, unit, scale = 1 }) {
  const format = (value) => fixed(digits)(value == null ? null : value * scale);
  const cell = (row) => {
    const spread = spreadOf(row, name, format);
    return spread ? element("span", {}, format(row[name]), " ", element("span", { class: "spread", title: spread.doc }, spread.text))
      : format(row[name]);
  };
  return { key: name, label, better, doc, unit, kind: "number", format, cell };
}

const FOUND = { cell: ({ episodes, episodes_found }) => (episodes ? `${fixed(Number.isInteger(episodes_found) ? 0 : 1)(episodes_found)} of ${whole(episodes)}` : NOT_APPLICABLE) };

// The base rate is left to the counts beside it.
export const METRIC_COLUMNS = METRICS.filter(({ better }) => better).map(metricColumn);

/** The columns of a group of `METRIC_GROUPS`. */
export function metricColumns(group) {
  return METRIC_GROUPS[group].map((name) => ({ ...metricColumn(aboutMetric(name)), ...(name === "episodes_found" ? FOUND : {}) }));
}

// Rows over several captures carry one of these names in place of a capture's.
export const POOLED = {
  all: "all captures together",
  "known vehicles": "captures of vehicles that training saw",
  "unknown vehicles": "captures of vehicles that training never saw",
};

/** Which captures a pooled row is over; under two protocols a known vehicle is scored as if nobody knew it. */
export function poolText({ capture, protocol }) {
  const isPretended = capture === "known vehicles" && ["calibrated", "zero-shot"].includes(protocol);
  return capture in POOLED ? `${POOLED[capture]}${isPretended ? ", taken as unknown" : ""}` : null;
}

export function isPooled(row) {
  return row.capture in POOLED;
}

export const MODEL_COLUMN = { key: "name", label: "Model", kind: "label", header: true, cell: modelCell };

function modelCell({ name, role }) {
  return role === "baseline" ? element("span", {}, name, " ", element("span", { class: "tag" }, "baseline")) : name;
}

export const SEEDS_COLUMN = {
  key: "n_seeds", label: "Seeds", kind: "number", doc: "training runs with different seeds behind the mean; – where nothing is drawn",
  cell: (row) => (row.seeds == null ? NOT_APPLICABLE : String(row.n_seeds)),
};
export const COUNT_COLUMNS = [
  { key: "n", label: "Windows", kind: "number", format: whole, doc: "windows scored" },
  { key: "n_attack", label: "Attack", kind: "number", format: whole, doc: "of these, labelled attack" },
];

/** Teachers are no competitors; tables set their rows apart. */
export function rowClass({ role }) {
  return role === "teacher" ? "reference" : null;
}

/** Dataset, split, capture, protocol, windows, seeds: what a reader needs to know before the first number. */
export function aboutResults(rows) {
  const [first] = rows;
  const captures = new Set(rows.map((row) => row.capture));
  const where = captures.size > 1 ? `each of ${plural(captures.size, "capture")} on its own`
    : poolText(first) ?? `capture ${first.capture}`;
  const windows = isAlike(rows) ? `; ${whole(first.n)} windows, ${whole(first.n_attack)} of them attack ` +
    `(${percent(first.n_attack, first.n)})` : "";
  const protocol = first.protocol && rows.every((row) => protocolName(row) === protocolName(first))
    ? `; protocol ${protocolName(first)}` : "";
  return `Dataset ${first.dataset}, ${first.split} split, ${where}${protocol}${windows}. ${seedsOf(rows)}${referencesIn(rows)}`;
}

/** Whether all rows are over the same number of windows; the caption then names it, and columns need not. */
export function isAlike(rows) {
  return rows.every((row) => row.n === rows[0].n && row.n_attack === rows[0].n_attack);
}

function referencesIn(rows) {
  const teachers = rows.filter(rowClass).length;
  return teachers && teachers < rows.length ? " Teachers are references, not competitors." : "";
}

function seedsOf(rows) {
  const texts = [...new Set(rows.map(seedText))];
  if (texts.length > 1) return "Means over the seeds counted in each row.";
  if (rows[0].seeds == null) return "Nothing is drawn at random.";
  return rows[0].n_seeds === 1
    ? `From ${texts[0]}: one training run each, so differences between rows may be chance.`
    : `Means over ${texts[0]}.`;
}

/** A link to the query that walks from a row back to the runs behind it. */
export function walkBack(row) {
  const url = siteUrl("dashboard/sql/");
  url.hash = new URLSearchParams({ q: walkBackQuery(row) }).toString();
  return element("a", { href: url.href, "aria-label": `Walk back from ${row.name}, ${row.capture}` }, "walk back");
}

function walkBackQuery(row) {
  const list = (text) => text.split(", ").map((id) => `'${id}'`).join(", ");
  return `-- ${row.name} on ${row.capture}: each value with its runs, config, data and commit
SELECT m.metric, m.value, m.n, m.n_attack, r.seed, m.model_run_id, m.run_id AS evaluate_run_id,
       r.config_digest, r.data_digest, r.code_commit
FROM metrics m JOIN runs r ON r.run_id = m.model_run_id
WHERE m.model_run_id IN (${list(row.model_run_ids)})
  AND m.run_id IN (${list(row.evaluate_run_ids)})
  AND m.split = '${row.split}' AND m.capture = '${row.capture.replaceAll("'", "''")}'
  AND m.protocol IS NOT DISTINCT FROM ${row.protocol == null ? "NULL" : `'${row.protocol}'`}
  AND m.calibration_s IS NOT DISTINCT FROM ${row.calibration_s ?? "NULL"}
ORDER BY m.metric, r.seed`;
}

export function knownVehicle(value) {
  return value == null ? NOT_APPLICABLE : value ? "known" : "unknown";
}
