// The leaderboard's figure with its own choice of metric; loaded on demand because Plot is.
import { element } from "../../../components/element.js";
import { choice } from "../../../components/filters.js";
import { legend } from "../../../components/legend.js";
import { aboutResults } from "../../../components/results.js";
import { capturePlot } from "../../../figures/captures.js";
import { figure } from "../../../figures/frame.js";
import { metricLabel, METRICS } from "../../../metrics.js";

const LEGEND = [
  { label: "VGAE", swatch: "series-1" }, { label: "GAT", swatch: "series-2" }, { label: "Fusion", swatch: "series-3" },
  { label: "teacher", swatch: "hollow" }, { label: "student or fused", swatch: "solid" },
];

/** A figure and the function that gives it other rows. */
export function captureFigure() {
  const names = METRICS.filter(({ better }) => better).map(({ name }) => name);
  const metric = choice("figure", "Metric", names, { text: metricLabel });
  const place = element("div");
  let shown = [];
  const draw = () => place.replaceChildren(captureNode(shown, metric.value));
  metric.addEventListener("input", draw);
  const node = element("div", {}, element("div", { class: "filters" }, metric), legend(LEGEND), place);
  return { node, update: (rows) => { shown = rows; draw(); } };
}

function captureNode(rows, metric) {
  if (rows.length === 0) {
    return element("p", { class: "note" }, "This split is not scored capture by capture; choose the test split.");
  }
  const caption = `${metricLabel(metric)} by capture. ${aboutResults(rows)} Numbers: choose “each on its own” above.`;
  return figure((width) => capturePlot(rows, { metric, width }), caption);
}
