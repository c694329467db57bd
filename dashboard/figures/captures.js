// One metric of every model on each capture: a row a capture, a dot a model.
import * as Plot from "@observablehq/plot";
import { fixed } from "../components/format.js";
import { MODEL_NAMES, arrow, METRICS, modelName } from "../metrics.js";
import { COLOURS } from "./frame.js";

/** rows: the leaderboard's rows of single captures, of one dataset and split. */
export function capturePlot(rows, { metric, width }) {
  const about = METRICS.find(({ name }) => name === metric);
  const shown = rows.filter((row) => row[metric] != null);
  const captures = [...new Map(rows.map((row) => [row.capture, row])).values()].sort(byVehicleThenName);
  const models = Object.keys(MODEL_NAMES);
  return Plot.plot({
    width,
    height: 46 + 44 * captures.length,
    marginLeft: 8, marginRight: 16, marginTop: 8,
    ariaLabel: `${about.label} of each model on each capture`,
    ariaDescription: shown.map((row) => `${row.capture}, ${modelName(row)}: ${fixed(3)(row[metric])}`).join("; "),
    x: { domain: metric === "mcc" ? [-1, 1] : [0, 1], label: `${about.label} ${arrow(about.better)}`, grid: true },
    y: { domain: captures.map((row) => row.capture), axis: null, padding: 0 },
    color: { domain: models, range: COLOURS },
    marks: [
      Plot.text(captures, {
        x: metric === "mcc" ? -1 : 0, y: "capture", text: (row) => rowLabel(row, shown),
        textAnchor: "start", dy: -11, dx: 2, fill: "var(--muted)", fontSize: 12,
      }),
      Plot.ruleY(captures, { y: "capture", stroke: "var(--line)", dy: 7 }),
      Plot.dot(shown, {
        x: metric, y: "capture", dy: 7, r: 5, stroke: "model", strokeWidth: 1.8, tip: true,
        fill: (row) => (row.role === "teacher" ? null : row.model), fillOpacity: 0.85,
        title: (row) => `${modelName(row)} on ${row.capture}\n${about.label} ${fixed(about.digits)(row[metric])}\n` +
          `${row.n} windows, ${row.n_attack} attack; ${row.n_seeds === 1 ? "one seed" : `mean of ${row.n_seeds} seeds`}`,
      }),
    ],
  });
}

function rowLabel(row, shown) {
  const vehicle = row.is_known_vehicle === false ? "unknown vehicle" : "known vehicle";
  const missing = shown.some((other) => other.capture === row.capture) ? "" : " · not applicable: one class only";
  return `${row.capture.split("/").at(-1)} · ${row.attack} · ${vehicle}${missing}`;
}

function byVehicleThenName(a, b) {
  return Number(b.is_known_vehicle) - Number(a.is_known_vehicle) || a.capture.localeCompare(b.capture);
}
