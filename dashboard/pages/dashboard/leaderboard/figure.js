// The leaderboard's figure with its own choice of metric and models; loaded on demand because Plot is.
import { element } from "../../../components/element.js";
import { choice, choices } from "../../../components/filters.js";
import { aboutResults } from "../../../components/results.js";
import { captureLegend, capturePlot } from "../../../figures/captures.js";
import { figure } from "../../../figures/frame.js";
import { metricLabel, METRICS } from "../../../metrics.js";
import { inOrderOf, mainModels } from "../../../study.js";

/** A figure and the function that gives it other rows. */
export function captureFigure() {
  const metric = choice("figure", "Metric", METRICS.filter(({ better }) => better).map(({ name }) => name), { text: metricLabel });
  const models = element("div");
  const place = element("div");
  let shown = [];
  let picked = null; // what the reader chose, once they did
  let names = [];
  const draw = () => place.replaceChildren(...drawn(inOrderOf(names, shown), metric.value));
  metric.addEventListener("input", draw);
  const update = (rows) => {
    shown = rows;
    const offered = [...new Set(rows.map(({ name }) => name))];
    const kept = picked?.filter((name) => offered.includes(name)) ?? [];
    names = kept.length ? kept : mainModels(rows).length ? mainModels(rows) : offered;
    const boxes = choices("drawn", "Models", offered, { initial: names });
    boxes.addEventListener("input", () => { picked = names = boxes.value; draw(); });
    models.replaceChildren(...(offered.length > 1 ? [boxes] : []));
    draw();
  };
  return { node: element("div", {}, element("div", { class: "filters" }, metric, models), place), update };
}

function drawn(rows, metric) {
  if (rows.length === 0) {
    return [element("p", { class: "note" }, "This split is not scored capture by capture, or no model is chosen.")];
  }
  const caption = `${metricLabel(metric)} by capture. ${aboutResults(rows)} Numbers: choose “each on its own” above.`;
  return [captureLegend(rows), figure((width) => capturePlot(rows, { metric, width }), caption)];
}
