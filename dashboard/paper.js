// What the paper's cells import: plotting, the site's data and its figures, all from this origin.
import "./style.css";

export * as Inputs from "@observablehq/inputs";
export * as Plot from "@observablehq/plot";
export { html, svg } from "htl";
export { readManifest, readTable } from "./data.js";
export { dataTable } from "./components/table.js";
export { fixed, percent, plural, whole } from "./components/format.js";
export { legend } from "./components/legend.js";
export { METRIC_COLUMNS, MODEL_COLUMN, SEEDS_COLUMN, aboutResults, metricColumns, poolText, rowClass } from "./components/results.js";
export { withSpread } from "./components/spread.js";
export { captureLegend, capturePlot } from "./figures/captures.js";
export { curvePlot } from "./figures/curves.js";
export { figure, responsive } from "./figures/frame.js";
export { METRICS, aboutMetric, metricLabel } from "./metrics.js";
export { inModelOrder, modelName, named, numbered, protocolName, protocolNames } from "./names.js";
export { baselines, inOrderOf, mainModels, mainStudy, ownRows, panelsOf } from "./study.js";

/** Quarto's runtime echoes import cells through `md`; without this one it would fetch a library from a CDN. */
export function md(strings, ...values) {
  const span = document.createElement("span");
  span.textContent = String.raw({ raw: strings }, ...values);
  return span;
}
