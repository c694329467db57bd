// A protocol on one pool of vehicles: the main models as dots and numbers, in a small table.
import { siteUrl } from "../data.js";
import { aboutMetric } from "../metrics.js";
import { numbered } from "../names.js";
import { baselines, inOrderOf, mainModels } from "../study.js";
import { element } from "./element.js";
import { fixed, percent, plural, whole } from "./format.js";
import { METRIC_COLUMNS, MODEL_COLUMN, poolText } from "./results.js";
import { spreadOf } from "./spread.js";
import { strip } from "./strip.js";
import { dataTable } from "./table.js";

const F1 = aboutMetric("f1");
const STRIP = { key: "f1", label: "F1, from 0 to 1", kind: "number", better: F1.better, doc: F1.doc, cell: stripCell };
const FPR = { ...METRIC_COLUMNS.find(({ key }) => key === "fpr"), cell: null };

/** The experiment's students and its strongest baselines; what is left out is named and linked. */
export function panelTable({ name, pool, rows }) {
  const shown = inOrderOf(mainModels(rows), rows);
  const [{ n, n_attack }] = rows;
  const title = element("strong", {}, numbered(name));
  const about = `${poolText(rows[0]).replace("captures of ", "")}; ${whole(n)} windows, ${percent(n_attack, n)} attack`;
  return element("div", { class: "panel" },
    dataTable({ caption: [title, ` – ${about}.`, rest(rows)], columns: [MODEL_COLUMN, STRIP, FPR], rows: shown, className: "compact" }),
    element("p", { class: "more" }, element("a", { href: leaderboardUrl({ name, pool, rows }) }, "all models and metrics")));
}

function rest(rows) {
  const weaker = baselines(rows).length - 2;
  return weaker > 0 ? ` ${plural(weaker, "weaker baseline")} left out.` : "";
}

function stripCell(row) {
  const format = fixed(F1.digits);
  const { low, high } = row.spread?.f1 ?? {};
  const spread = spreadOf(row, "f1", format);
  return strip({
    value: row.f1, low, high, text: format(row.f1), isBaseline: row.role === "baseline", doc: spread ? `${spread.text}, ${spread.doc}` : null,
  });
}

function leaderboardUrl({ name, pool, rows: [{ experiment, dataset }] }) {
  const url = siteUrl("dashboard/leaderboard/");
  url.search = new URLSearchParams({ dataset, experiment, ...(name ? { protocol: name } : {}), capture: pool });
  return url.href;
}
