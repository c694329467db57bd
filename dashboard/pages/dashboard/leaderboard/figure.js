// The leaderboard's figure with its own choice of metric; loaded on demand because Plot is.
import { element } from "../../../components/element.js";
import { choice } from "../../../components/filters.js";
import { legend } from "../../../components/legend.js";
import { aboutResults } from "../../../components/results.js";
import { capturePlot } from "../../../figures/captures.js";
import { figure } from "../../../figures/frame.js";
import { metricLabel, METRICS, MODEL_NAMES } from "../../../metrics.js";

const ROLES = [{ label: "teacher", swatch: "hollow" }, { label: "student, fused or baseline", swatch: "solid" }];

/** A figure and the function that gives it other rows. */
export function captureFigure() {
  const names = METRICS.filter(({ better }) => better).map(({ name }) => name);
  const metric = choice("figure", "Metric", names, { text: metricLabel });
  const place = element("div");
  let shown = [];
  const draw = () => place.replaceChildren(legend([...modelsOf(shown), ...ROLES]), captureNode(shown, metric.value));
  metric.addEventListener("input", draw);
  const node = element("div", {}, element("div", { class: "filters" }, metric), place);
  return { node, update: (rows) => { shown = rows; draw(); } };
}

/** Those that are shown, each with its colour. */
function modelsOf(rows) {
  const all = Object.entries(MODEL_NAMES).map(([model, label], place) => ({ model, label, swatch: `series-${place + 1}` }));
  return all.filter(({ model }) => rows.some((row) => row.model === model));
}

function captureNode(rows, metric) {
  if (rows.length === 0) {
    return element("p", { class: "note" }, "This split is not scored capture by capture; choose the test split.");
  }
  const caption = `${metricLabel(metric)} by capture. ${aboutResults(rows)} Numbers: choose “each on its own” above.`;
  return figure((width) => capturePlot(rows, { metric, width }), caption);
}
