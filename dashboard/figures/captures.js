// One metric of every model on each capture: a row a capture, a dot a model.
import * as Plot from "@observablehq/plot";
import { fixed } from "../components/format.js";
import { legend } from "../components/legend.js";
import { aboutMetric, arrow } from "../metrics.js";
import { protocolName } from "../names.js";
import { COLOURS } from "./frame.js";

const LANE = 9;

/** Each model with its colour, of which there are six; teachers are hollow. */
export function captureLegend(rows) {
  const first = [...new Map(rows.map((row) => [row.name, row])).values()];
  return legend(first.map(({ name, role }, place) => ({
    label: COLOURS[place] ? name : `${name} (point at a dot to tell)`,
    swatch: `${COLOURS[place] ? `series-${place + 1}` : ""} ${role === "teacher" ? "ring" : ""}`.trim(),
  })));
}

/** rows: the leaderboard's rows, with their `name`, of single captures, of one dataset, split and protocol. */
export function capturePlot(rows, { metric, width }) {
  const about = aboutMetric(metric);
  const label = [about.label, about.unit, arrow(about.better)].filter(Boolean).join(" ");
  const value = (row) => row[metric] * (about.scale ?? 1);
  const names = [...new Set(rows.map((row) => row.name))];
  const colours = new Map(names.map((name, place) => [name, COLOURS[place] ?? "var(--muted)"]));
  const band = Math.max(74, 30 + LANE * names.length);
  const shown = rows.filter((row) => row[metric] != null);
  const captures = [...new Map(rows.map((row) => [row.capture, row])).values()].sort(byVehicleThenName);
  const domain = metric === "mcc" ? [-1, 1] : [0, about.unit || about.digits === 0 ? Math.max(1, ...shown.map(value)) : 1];
  return Plot.plot({
    width,
    height: 50 + band * captures.length,
    marginLeft: 10, marginRight: 16, marginTop: 6, marginBottom: 42,
    ariaLabel: `${about.label} of each model on each capture`,
    ariaDescription: shown.map((row) => `${row.capture}, ${row.name}: ${fixed(3)(value(row))}`).join("; "),
    x: { domain, label, labelArrow: "none", grid: true, ticks: width < 500 ? 5 : 10 },
    y: { type: "band", domain: captures.map((row) => row.capture), axis: null, padding: 0 },
    marks: [
      Plot.text(captures, {
        x: domain[0], y: "capture", text: rowLabel, textAnchor: "start", dy: 11 - band / 2, fill: "currentColor", fontSize: 12,
      }),
      Plot.ruleY(captures, { y: "capture", stroke: "var(--line)", dy: band / 2 }),
      Plot.text(captures.filter((row) => !shown.some(({ capture }) => capture === row.capture)), {
        x: domain[0], y: "capture", text: () => "not applicable", textAnchor: "start", dy: -6,
        fill: "var(--muted)", stroke: "var(--surface)", strokeWidth: 5, fontSize: 12,
      }),
      // a lane each within a capture's band, so that equal values do not hide each other
      ...names.map((name, lane, { length }) => {
        const mine = shown.filter((row) => row.name === name);
        return Plot.dot(mine, {
          x: value, y: "capture", dy: 9 + LANE * (lane - (length - 1) / 2), r: 4.5, stroke: colours.get(name), strokeWidth: 2,
          fill: mine[0]?.role === "teacher" ? "var(--surface)" : colours.get(name),
        });
      }),
      Plot.tip(shown, Plot.pointer({
        x: value, y: "capture", fill: "var(--surface)", title: (row) => dotTitle(row, about, value(row)),
      })),
    ],
  });
}

function rowLabel(row) {
  const vehicle = row.is_known_vehicle === false ? "unknown vehicle" : "known vehicle";
  return `${row.capture.split("/").at(-1)} · ${row.attack} · ${vehicle}`;
}

function dotTitle(row, { label, digits, unit = "" }, value) {
  const seeds = row.n_seeds === 1 ? "one run" : `mean of ${row.n_seeds} seeds`;
  const under = row.protocol ? `, ${protocolName(row)}` : "";
  return `${row.name} on ${row.capture}${under}\n${label} ${fixed(digits)(value)} ${unit}\n` +
    `${row.n} windows, ${row.n_attack} attack; ${seeds}`;
}

function byVehicleThenName(a, b) {
  return Number(b.is_known_vehicle) - Number(a.is_known_vehicle) || a.capture.localeCompare(b.capture);
}
