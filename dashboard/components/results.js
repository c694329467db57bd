// The leaderboard's columns, and the sentence that says what a table of results is about.
import { METRICS, MODEL_NAMES, modelName } from "../metrics.js";
import { siteUrl } from "../data.js";
import { element } from "./element.js";
import { fixed, NOT_APPLICABLE, percent, plural, seedText, whole } from "./format.js";

// The base rate is left to the counts beside it.
export const METRIC_COLUMNS = METRICS.filter(({ better }) => better).map(({ name, label, better, digits, doc }) => ({
  key: name, label, better, doc, kind: "number", format: fixed(digits),
}));

// Rows over several captures carry one of these names in place of a capture's.
export const POOLED = {
  all: "all captures together",
  "known vehicles": "captures of vehicles that training saw",
  "unknown vehicles": "captures of vehicles that training never saw",
};

export function isPooled(row) {
  return row.capture in POOLED;
}

export const MODEL_COLUMN = { key: "name", label: "Model", kind: "text", header: true };
export const SEEDS_COLUMN = {
  key: "n_seeds", label: "Seeds", kind: "number", doc: "training runs with different seeds behind the mean",
};
export const COUNT_COLUMNS = [
  { key: "n", label: "Windows", kind: "number", format: whole, doc: "windows scored" },
  { key: "n_attack", label: "Attack", kind: "number", format: whole, doc: "of these, labelled attack" },
];

export function named(rows) {
  return rows.map((row) => ({ ...row, name: modelName(row) }));
}

/** The rows with models in the order of `MODEL_NAMES`, teachers before students. */
export function inModelOrder(rows) {
  const models = Object.keys(MODEL_NAMES);
  const place = ({ model, role }) => models.indexOf(model) * 2 + Number(role !== "teacher");
  return [...rows].sort((a, b) => place(a) - place(b));
}

/** Dataset, split, capture, windows, seeds: what a reader needs to know before the first number. */
export function aboutResults(rows) {
  const [first] = rows;
  const captures = new Set(rows.map((row) => row.capture));
  const where = captures.size > 1 ? `each of ${plural(captures.size, "capture")} on its own`
    : POOLED[first.capture] ?? `capture ${first.capture}`;
  const alike = rows.every((row) => row.n === first.n && row.n_attack === first.n_attack);
  const windows = alike ? `; ${whole(first.n)} windows, ${whole(first.n_attack)} of them attack ` +
    `(${percent(first.n_attack, first.n)})` : "";
  return `Dataset ${first.dataset}, ${first.split} split, ${where}${windows}. ${seedsOf(rows)}`;
}

function seedsOf(rows) {
  const texts = [...new Set(rows.map(seedText))];
  if (texts.length > 1) return "Means over the seeds named in each row.";
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
ORDER BY m.metric, r.seed`;
}

export function knownVehicle(value) {
  return value == null ? NOT_APPLICABLE : value ? "known" : "unknown";
}
