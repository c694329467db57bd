// The leaderboard: filters, one sortable table, and a figure that loads when it is looked at.
import { element, fill } from "../../../components/element.js";
import { choice, distinct, filters } from "../../../components/filters.js";
import {
  aboutResults, COUNT_COLUMNS, inModelOrder, isPooled, knownVehicle, METRIC_COLUMNS, MODEL_COLUMN, named, POOLED, SEEDS_COLUMN, walkBack,
} from "../../../components/results.js";
import { dataTable } from "../../../components/table.js";
import { readTable } from "../../../data.js";

const EACH = "each";
const ALL_MODELS = "every model";
const results = document.getElementById("results");
const figurePlace = document.getElementById("figure");
let drawFigure = () => {};
let singleCaptures = [];

await fill(results, async () => {
  const rows = inModelOrder(named(await readTable("leaderboard")));
  document.getElementById("filters").replaceChildren(filters(inputs(rows), (chosen) => show(rows, chosen)));
  performance.mark("first-table");
  return [...results.childNodes];
});
watchFigure();

function inputs(rows) {
  const captures = distinct(rows.filter((row) => !isPooled(row)), "capture");
  const pooled = Object.keys(POOLED).filter((capture) => rows.some((row) => row.capture === capture));
  const list = [
    choice("dataset", "Dataset", distinct(rows, "dataset")),
    choice("experiment", "Experiment", distinct(rows, "experiment")),
    choice("split", "Split", distinct(rows, "split"), { initial: "test" }),
    choice("capture", "Capture", [...pooled, EACH, ...captures], { initial: pooled[1] ?? "all", text: captureText }),
    choice("model", "Model", [ALL_MODELS, ...distinct(rows, "name")], { initial: ALL_MODELS }),
  ];
  return list.filter((input) => input.querySelectorAll("option").length > 1);
}

function captureText(capture) {
  return { all: "all together", [EACH]: "each on its own" }[capture] ?? capture;
}

function show(rows, { dataset, experiment, split, capture, model }) {
  const fits = (row) => (!dataset || row.dataset === dataset) && (!experiment || row.experiment === experiment) &&
    row.split === (split ?? row.split) && (!model || model === ALL_MODELS || row.name === model);
  const pool = rows.filter(fits);
  const asked = pool.filter((row) => (capture === EACH ? !isPooled(row) : row.capture === capture));
  // validation windows are scored together only; the caption says so
  const shown = asked.length === 0 && capture in POOLED ? pool.filter((row) => row.capture === "all") : asked;
  if (shown.length === 0) {
    const text = "No evaluation fits this choice. Single captures are scored on the test split only.";
    results.replaceChildren(element("p", { class: "note", role: "status" }, text));
  } else {
    results.replaceChildren(dataTable({
      caption: aboutResults(shown), columns: columnsFor(shown), rows: shown, sort: { key: "f1", descending: true },
    }));
  }
  singleCaptures = pool.filter((row) => !isPooled(row));
  drawFigure(singleCaptures);
}

function columnsFor(rows) {
  const several = (key) => new Set(rows.map((row) => row[key])).size > 1;
  const column = (key, label, extra) => ({ key, label, kind: "text", ...extra });
  return [
    MODEL_COLUMN,
    ...(several("configuration") ? [column("configuration", "Config", { doc: "digest of config and data, seed left out" })] : []),
    ...(several("capture") ? [
      column("capture", "Capture", { kind: "long" }),
      column("attack", "Attack"),
      column("is_known_vehicle", "Vehicle", { format: knownVehicle, doc: "whether training saw this vehicle" }),
    ] : []),
    ...METRIC_COLUMNS, ...COUNT_COLUMNS, SEEDS_COLUMN,
    column("model_run_ids", "Runs", { cell: walkBack, doc: "the query that leads to the runs behind this row" }),
  ];
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
