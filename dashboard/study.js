// What a reader is shown first: the experiment itself, without its variants, a panel a protocol and pool of vehicles.
import { protocolName, protocolNames } from "./names.js";

const CONSTANTS = ["always", "majority"]; // look at nothing, and so are no baseline to be held against
const CALIBRATION_S = 10; // of several lengths of calibration this one is shown
// Protocols of an unknown vehicle are about unknown ones first.
const POOLS = ["known vehicles", "unknown vehicles"];

/** Its rows on the test split. No demonstration goes before a result; of several experiments the largest is taken. */
export function mainStudy(rows) {
  const sizes = new Map();
  for (const row of rows.filter(({ split }) => split === "test")) {
    const key = JSON.stringify([row.experiment, row.dataset]);
    sizes.set(key, (sizes.get(key) ?? 0) + (row.is_demo ? 1e-6 : 1));
  }
  if (sizes.size === 0) return { experiment: null, dataset: null, rows: [], others: [] };
  const [first, ...others] = [...sizes].sort((a, b) => b[1] - a[1]).map(([key]) => JSON.parse(key));
  const [experiment, dataset] = first;
  const all = rows.filter((row) => row.split === "test" && row.experiment === experiment && row.dataset === dataset);
  return { experiment, dataset, rows: ownRows(all), variants: all.filter((row) => row.variant != null),
    others: [...new Set(others.map(([name]) => name))].filter((name) => name !== experiment) };
}

/** The experiment's own rows, without those of its variants. */
export function ownRows(rows) {
  return rows.filter(({ variant }) => variant == null);
}

/**
 * Panels {protocol, name, pool, rows} in the order of the protocols; one length of calibration is taken.
 * Rows whose protocol is not stated make panels of their own only where no row states one.
 */
export function panelsOf(rows) {
  const pooled = rows.filter(({ capture }) => POOLS.includes(capture));
  const names = protocolNames(pooled).filter((name) => name === preferred(name, pooled));
  return (names.length ? names : [null]).flatMap((name) => {
    const under = pooled.filter((row) => protocolName(row) === name);
    const pools = /^(calibrated|zero-shot)/.test(name ?? "") ? [...POOLS].reverse() : POOLS;
    return pools.map((pool) => ({
      name, pool, protocol: under[0]?.protocol ?? null, rows: under.filter(({ capture }) => capture === pool),
    }));
  }).filter((panel) => panel.rows.length);
}

function preferred(name, rows) {
  if (!name.startsWith("calibrated")) return name;
  const lengths = rows.filter(({ protocol }) => protocol === "calibrated").map((row) => row.calibration_s);
  const calibration_s = lengths.includes(CALIBRATION_S) ? CALIBRATION_S : Math.min(...lengths);
  return protocolName({ protocol: "calibrated", calibration_s });
}

/** Names of the experiment's own students, the fused first, and of the `count` strongest baselines by their mean F1 over the rows. */
export function mainModels(rows, count = 2) {
  const order = ["fusion", "gat", "vgae"];
  const own = ownRows(rows);
  const students = own.filter(({ role }) => role !== "baseline" && role !== "teacher");
  students.sort((a, b) => order.indexOf(a.model) - order.indexOf(b.model));
  return [...new Set(students.map(({ name }) => name)), ...baselines(own).slice(0, count)];
}

/** Names of the baselines that look at something, the strongest first. */
export function baselines(rows) {
  const values = new Map();
  for (const row of rows.filter(({ role, model }) => role === "baseline" && !CONSTANTS.includes(model))) {
    values.set(row.name, [...(values.get(row.name) ?? []), ...(row.f1 == null ? [] : [row.f1])]);
  }
  const mean = (list) => (list.length ? list.reduce((sum, value) => sum + value, 0) / list.length : -1);
  return [...values].sort((a, b) => mean(b[1]) - mean(a[1])).map(([name]) => name);
}

/** The rows of these names, in their order. */
export function inOrderOf(names, rows) {
  return names.flatMap((name) => rows.filter((row) => row.name === name));
}
