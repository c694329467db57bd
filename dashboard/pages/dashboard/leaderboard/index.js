// The leaderboard: filters, one sortable table, and a figure that loads when it is looked at.
import { element, fill } from "../../../components/element.js";
import { choice, distinct, filters } from "../../../components/filters.js";
import {
  aboutResults, COUNT_COLUMNS, isAlike, isPooled, knownVehicle, metricColumns, MODEL_COLUMN, POOLED, rowClass,
  SEEDS_COLUMN, walkBack,
} from "../../../components/results.js";
import { withSpread } from "../../../components/spread.js";
import { dataTable } from "../../../components/table.js";
import { readTable } from "../../../data.js";
import { METRIC_GROUPS } from "../../../metrics.js";
import { inModelOrder, named, numbered, protocolName, protocolNames } from "../../../names.js";
import { ownRows } from "../../../study.js";
import { comparisonSection } from "./comparisons.js";
import { earlierSection } from "./earlier.js";

const EACH = "each";
const ALL_MODELS = "every model";
const NOT_STATED = "not stated";
const GROUPS = { windows: "windows", alarms: "alarms over time", scores: "ranking and calibration" };
const results = document.getElementById("results");
const figurePlace = document.getElementById("figure");
const SORTS = {
  windows: { key: "f1", descending: true }, scores: { key: "auroc", descending: true },
  alarms: { key: "false_alarms_per_hour_outside_episodes", descending: false },
};
let drawFigure = () => {};
let drawComparisons = () => {};
let singleCaptures = [];
let rows = [];
let chosen = {};

await fill(results, async () => {
  rows = inModelOrder(named(await readTable("leaderboard")));
  document.getElementById("filters").replaceChildren(filters(inputs(), (now) => { chosen = now; show(); }));
  performance.mark("first-table");
  return [...results.childNodes];
});
watchFigure();
await Promise.all([
  fill(document.getElementById("spread"), async () => {
    rows = await withSpread(rows);
    if (rows.some((row) => row.spread)) show();
    return null;
  }),
  fill(document.getElementById("comparisons"), async () => {
    const { node, update } = comparisonSection(named(await readTable("comparisons")));
    drawComparisons = update;
    drawComparisons(chosen);
    return node;
  }),
  fill(document.getElementById("earlier"), async () => {
    const earlier = await readTable("legacy_results");
    document.getElementById("earlier-section").hidden = earlier.length === 0;
    return earlier.length ? earlierSection(named(earlier)) : null;
  }),
]);

function inputs() {
  const captures = distinct(rows.filter((row) => !isPooled(row)), "capture");
  const pooled = Object.keys(POOLED).filter((capture) => rows.some((row) => row.capture === capture));
  const list = [
    choice("dataset", "Dataset", distinct(rows, "dataset")),
    choice("experiment", "Experiment", distinct(rows, "experiment")),
    choice("split", "Split", distinct(rows, "split"), { initial: "test" }),
    choice("protocol", "Protocol", protocols(), { text: (name) => (name === NOT_STATED ? name : numbered(name)) }),
    choice("capture", "Capture", [...pooled, EACH, ...captures], { initial: pooled[1] ?? "all", text: captureText }),
    choice("model", "Model", [ALL_MODELS, ...distinct(rows, "base")], { initial: ALL_MODELS }),
    ...(rows.some(({ variant }) => variant != null) ? [choice("variants", "Variants", ["none", "all"])] : []),
    choice("metrics", "Metrics", Object.keys(GROUPS).filter(isMeasured), { text: (group) => GROUPS[group] }),
  ];
  return list.filter((input) => input.querySelectorAll("option").length > 1);
}

/** Test rows of older code have no protocol; they are a choice of their own, never mixed among the others. */
function protocols() {
  const names = protocolNames(rows);
  return names.length && rows.some((row) => row.split === "test" && row.protocol == null) ? [...names, NOT_STATED] : names;
}

function isUnder(row, protocol) {
  return !protocol || (protocolName(row) ?? NOT_STATED) === protocol || (row.protocol == null && row.split !== "test");
}

/** Snapshots of older code have no alarms over time. */
function isMeasured(group) {
  return METRIC_GROUPS[group].some((name) => rows.some((row) => row[name] != null));
}

function captureText(capture) {
  return { all: "all together", [EACH]: "each on its own" }[capture] ?? capture;
}

function show() {
  const { dataset, experiment, split, protocol, capture, model, variants, metrics = "windows" } = chosen;
  const fits = (row) => (!dataset || row.dataset === dataset) && (!experiment || row.experiment === experiment) &&
    row.split === (split ?? row.split) && isUnder(row, protocol) && (!model || model === ALL_MODELS || row.base === model);
  const pool = (variants === "all" ? rows : ownRows(rows)).filter(fits);
  const asked = pool.filter((row) => (capture === EACH ? !isPooled(row) : row.capture === capture));
  // validation windows are scored together only; the caption says so
  const shown = asked.length === 0 && capture in POOLED ? pool.filter((row) => row.capture === "all") : asked;
  if (shown.length === 0) {
    const text = "No evaluation fits this choice. Single captures are scored on the test split only.";
    results.replaceChildren(element("p", { class: "note", role: "status" }, text));
  } else {
    results.replaceChildren(dataTable({
      caption: aboutResults(shown), columns: columnsFor(shown, metrics), rows: shown, sort: SORTS[metrics], rowClass,
    }));
  }
  singleCaptures = pool.filter((row) => !isPooled(row));
  drawFigure(singleCaptures);
  drawComparisons(chosen);
}

function columnsFor(shown, metrics) {
  const several = (key) => new Set(shown.map((row) => row[key])).size > 1;
  const column = (key, label, extra) => ({ key, label, kind: "text", ...extra });
  return [
    MODEL_COLUMN,
    ...(isTold(shown) ? [] : [column("configuration", "Config", { doc: "digest of config and data, seed left out" })]),
    ...(several("capture") ? [
      column("capture", "Capture", { kind: "long" }),
      column("attack", "Attack"),
      column("is_known_vehicle", "Vehicle", { format: knownVehicle, doc: "whether training saw this vehicle" }),
    ] : []),
    ...metricColumns(metrics), ...(isAlike(shown) ? [] : COUNT_COLUMNS), SEEDS_COLUMN,
    column("model_run_ids", "Runs", { cell: walkBack, doc: "the query that leads to the runs behind this row" }),
  ];
}

/** Whether name and capture tell the rows apart; two configurations of one model need their digest. */
function isTold(shown) {
  return new Set(shown.map((row) => `${row.name} ${row.capture} ${row.experiment} ${row.dataset}`)).size === shown.length;
}

function watchFigure() {
  const observer = new IntersectionObserver(async ([entry]) => {
    if (!entry.isIntersecting) return;
    observer.disconnect();
    await fill(figurePlace, async () => {
      const { captureFigure } = await import("./figure.js");
      const { node, update } = captureFigure();
      drawFigure = update;
      drawFigure(singleCaptures);
      return node;
    });
  });
  observer.observe(figurePlace);
}
