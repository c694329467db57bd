// What stands beside a mean: its interval, or the deviation where seeds are too few for one.
import { readTable } from "../data.js";

const KEY = ["experiment", "dataset", "split", "capture", "protocol", "calibration_s", "model", "role", "variant",
  "configuration"];
const keyOf = (row) => JSON.stringify(KEY.map((name) => row[name] ?? null));

/** The rows with what `intervals.parquet` says of their metrics; it is fetched only where a row has several seeds. */
export async function withSpread(rows) {
  if (rows.every((row) => row.n_seeds === 1)) return rows;
  const found = new Map();
  for (const one of await readTable("intervals")) {
    const key = keyOf(one);
    if (!found.has(key)) found.set(key, {});
    found.get(key)[one.metric] = one;
  }
  return rows.map((row) => ({ ...row, spread: found.get(keyOf(row)) }));
}

/** {text, doc} for a row's metric, or null. Rates of events have the interval of their count, not of their seeds. */
export function spreadOf(row, name, format) {
  const counted = row[`${name}_low`];
  if (counted != null) {
    return { text: `[${format(counted)}, ${format(row[`${name}_high`])}]`, doc: "95 % Poisson interval of the events counted" };
  }
  const one = row.spread?.[name];
  if (!one) return null;
  if (one.low != null) {
    return { text: `[${format(one.low)}, ${format(one.high)}]`, doc: `95 % bootstrap interval over ${one.n_seeds} seeds` };
  }
  return { text: `± ${format(one.deviation)}`, doc: `standard deviation over ${one.n_seeds} seeds, too few for an interval` };
}
