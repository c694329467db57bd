// Training curves: choose a metric and models; a panel a model, a line a seed and split.
import { element, fill } from "../../../components/element.js";
import { choice, choices, distinct, filters } from "../../../components/filters.js";
import { plural, significant } from "../../../components/format.js";
import { legend } from "../../../components/legend.js";
import { dataTable } from "../../../components/table.js";
import { readTable } from "../../../data.js";
import { curvePlot } from "../../../figures/curves.js";
import { figure } from "../../../figures/frame.js";
import { metricLabel } from "../../../metrics.js";
import { inModelOrder, named } from "../../../names.js";
import { ownRows } from "../../../study.js";

const curves = document.getElementById("curves");
const LEGEND = [
  { label: "validation", swatch: "line series-1" }, { label: "train", swatch: "line dashed" },
  { label: "kept epoch", swatch: "dotted" },
];

await fill(curves, async () => {
  const rows = inModelOrder(named(await readTable("training_curves")));
  if (rows.length === 0) return element("p", { class: "note" }, "No run of this snapshot has finished an epoch yet.");
  document.getElementById("filters").replaceChildren(filters(inputs(rows), (chosen) => show(rows, chosen)));
  return [...curves.childNodes];
});

function inputs(rows) {
  const metrics = distinct(rows, "metric");
  const list = [
    choice("dataset", "Dataset", distinct(rows, "dataset")),
    choice("experiment", "Experiment", distinct(rows, "experiment")),
    choice("metric", "Metric", metrics, { initial: "loss", text: metricLabel }),
    choice("scale", "Scale", ["linear", "logarithmic"]),
    choices("models", "Models", distinct(rows, "base")),
    ...(rows.some(({ variant }) => variant != null) ? [choice("variants", "Variants", ["none", "all"])] : []),
    choices("seeds", "Seeds", distinct(rows, "seed").sort((a, b) => a - b).map(String)),
  ];
  return list.filter((input) => input.querySelectorAll("option, input[type=checkbox]").length > 1);
}

function show(rows, { dataset, experiment, metric, scale, models, variants, seeds }) {
  const chosen = (variants === "all" ? rows : ownRows(rows)).filter((row) => (!dataset || row.dataset === dataset) &&
    (!experiment || row.experiment === experiment) && (!models || models.includes(row.base)) &&
    (!seeds || seeds.includes(String(row.seed))));
  const shownMetric = metric ?? chosen[0]?.metric;
  const shown = chosen.filter((row) => row.metric === shownMetric);
  const panels = distinct(shown, "name").map((name) => panel(name, shown.filter((row) => row.name === name), shownMetric, scale));
  if (panels.length === 0) {
    const text = `No chosen model logged ${metricLabel(shownMetric ?? "a metric")}; choose another metric or model.`;
    curves.replaceChildren(element("p", { class: "note", role: "status" }, text));
  } else {
    curves.replaceChildren(legend(LEGEND), element("div", { class: "panels" }, ...panels));
  }
  document.getElementById("numbers").replaceChildren(...(shown.length ? [numbers(shown, shownMetric)] : []));
}

function panel(name, rows, metric, scale) {
  const seeds = distinct(rows, "seed");
  const [{ dataset, monitor }] = rows;
  const unfinished = distinct(rows.filter((row) => row.status !== "complete"), "status");
  const isLogarithmic = scale === "logarithmic" && rows.every((row) => row.value > 0);
  const caption = [
    element("strong", {}, name), ` on ${dataset}, ${plural(seeds.length, "seed")} (${seeds.join(", ")})`,
    monitor ? `, kept by ${metricLabel(monitor)}` : "",
    isLogarithmic === (scale === "logarithmic") ? "" : "; linear, because some values are not above zero",
    unfinished.length ? element("span", { class: "status" }, ` ${unfinished.join(", ")}: not a finished run`) : null,
  ];
  return figure((width) => curvePlot(rows, { metric, width, title: name, isLogarithmic }),
    element("span", {}, ...caption.filter(Boolean)));
}

function numbers(rows, metric) {
  const runs = distinct(rows, "run_id").map((id) => summary(rows.filter((row) => row.run_id === id)));
  const value = (key, label) => ({ key, label, kind: "number", format: significant });
  return dataTable({
    caption: `${metricLabel(metric)} of each training run at its kept and its last epoch`,
    columns: [
      { key: "name", label: "Model", kind: "text", header: true },
      { key: "seed", label: "Seed", kind: "number" },
      { key: "status", label: "Status", kind: "text" },
      { key: "best_epoch", label: "Kept epoch", kind: "number" },
      { key: "last", label: "Last epoch", kind: "number" },
      value("train_kept", "Train, kept"), value("validation_kept", "Validation, kept"),
      value("train_last", "Train, last"), value("validation_last", "Validation, last"),
    ],
    rows: runs,
  });
}

function summary(rows) {
  const last = Math.max(...rows.map((row) => row.epoch));
  const at = (split, epoch) => rows.find((row) => row.split === split && row.epoch === epoch)?.value;
  const [{ name, seed, status, best_epoch }] = rows;
  return {
    name, seed, status, best_epoch, last,
    train_kept: at("train", best_epoch), validation_kept: at("validation", best_epoch),
    train_last: at("train", last), validation_last: at("validation", last),
  };
}
