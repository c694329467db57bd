// Training curves of one model: a line for each seed and split, the kept epoch marked.
import * as Plot from "@observablehq/plot";
import { significant } from "../components/format.js";
import { metricLabel } from "../metrics.js";
import { COLOURS } from "./frame.js";

// Drawn in this order: the dashed line of train stays visible on top.
export const CURVE_SPLITS = ["validation", "train"];

/** rows: one model's rows of training_curves for one metric. */
export function curvePlot(rows, { metric, width, height = 230, title, isLogarithmic = false }) {
  const splits = CURVE_SPLITS.filter((split) => rows.some((row) => row.split === split));
  const kept = keptEpochs(rows);
  return Plot.plot({
    width,
    height,
    marginLeft: 48, marginBottom: 40, marginTop: 26,
    ariaLabel: `${title}: ${metricLabel(metric)} by epoch`,
    ariaDescription: describe(rows, kept),
    x: { label: "Epoch", interval: 1, tickFormat: "d", ticks: Math.min(8, Math.floor(width / 50)) },
    y: { label: metricLabel(metric), grid: true, nice: true, ticks: 5, type: isLogarithmic ? "log" : "linear" },
    color: { domain: splits, range: splits.map((split) => COLOURS[CURVE_SPLITS.indexOf(split)]) },
    marks: [
      Plot.ruleX(kept, { x: "epoch", stroke: "var(--muted)", strokeDasharray: "2,3" }),
      ...splits.map((split) => Plot.lineY(rows.filter((row) => row.split === split), {
        x: "epoch", y: "value", stroke: "split", z: "run_id", strokeWidth: 2, sort: "epoch",
        strokeDasharray: split === "train" ? "5,3" : null,
      })),
      Plot.dot(kept, { x: "epoch", y: "value", fill: "split", r: 4, stroke: "var(--surface)" }),
      Plot.tip(rows, Plot.pointer({
        x: "epoch", y: "value", stroke: "split", fill: "var(--surface)",
        title: (row) => `${row.split}, seed ${row.seed}\nepoch ${row.epoch}: ${significant(row.value)}`,
      })),
    ],
  });
}

/** The rows at the epoch whose checkpoint was kept. */
export function keptEpochs(rows) {
  return rows.filter((row) => row.best_epoch != null && row.epoch === row.best_epoch);
}

function describe(rows, kept) {
  const last = Math.max(...rows.map((row) => row.epoch));
  const marks = kept.map((row) => `${row.split} ${significant(row.value)} at the kept epoch ${row.epoch} (seed ${row.seed})`);
  return `Epochs 0 to ${last}. ${marks.join("; ")}. The table below has the numbers.`;
}
