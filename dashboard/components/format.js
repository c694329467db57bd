// Numbers, bytes, times and counts as text.

const WHOLE = new Intl.NumberFormat("en-GB");

export const NOT_APPLICABLE = "–";

export function whole(value) {
  return value == null ? NOT_APPLICABLE : WHOLE.format(value);
}

export function fixed(digits) {
  return (value) => (value == null ? NOT_APPLICABLE : value.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−"));
}

/** Four significant digits, for values of any size. */
export function significant(value) {
  if (value == null) return NOT_APPLICABLE;
  const text = value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return text.replaceAll("-", "−");
}

export function percent(part, all) {
  return all ? `${((100 * part) / all).toFixed(1)} %` : NOT_APPLICABLE;
}

export function bytes(value) {
  return value < 1000 ? `${value} B` : value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

export function duration(seconds) {
  if (seconds == null) return NOT_APPLICABLE;
  return seconds < 90 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : `${(seconds / 60).toFixed(1)} min`;
}

/** In UTC; the header says so. */
export function instant(date) {
  return date == null ? NOT_APPLICABLE : `${date.toISOString().slice(0, 16).replace("T", " ")}`;
}

export function plural(count, one, many = `${one}s`) {
  return `${whole(count)} ${count === 1 ? one : many}`;
}

/** "one seed (42)", "3 seeds (1, 2, 3)", or "no seed" where nothing is drawn. */
export function seedText({ n_seeds, seeds }) {
  if (seeds == null) return "no seed";
  return `${n_seeds === 1 ? "one seed" : `${n_seeds} seeds`} (${seeds})`;
}
