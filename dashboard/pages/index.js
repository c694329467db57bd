// The landing page: the experiment's own models, a panel a protocol, and where the numbers come from.
import { element, fill } from "../components/element.js";
import { plural } from "../components/format.js";
import { legend } from "../components/legend.js";
import { panelTable } from "../components/panel.js";
import { withSpread } from "../components/spread.js";
import { readManifest, readTable, siteUrl } from "../data.js";
import { inModelOrder, named } from "../names.js";
import { mainStudy, panelsOf } from "../study.js";

const SIGNS = [
  { label: "student, or students fused", swatch: "accent" }, { label: "simple baseline", swatch: "hollow" },
];

await fill(document.getElementById("headline"), async () => {
  const study = mainStudy(inModelOrder(named(await readTable("leaderboard"))));
  const found = panelsOf(study.rows);
  if (found.length === 0) return element("p", { class: "note" }, "No model of this snapshot has been scored on a whole test split.");
  const spread = await withSpread(found.flatMap(({ rows }) => rows));
  const panels = found.map((panel) => ({ ...panel, rows: spread.splice(0, panel.rows.length) }));
  return [about(study, panels), legend(SIGNS), element("div", { class: "panels" }, ...panels.map(panelTable))];
});

await fill(document.getElementById("provenance"), async () => {
  const { snapshot } = await readManifest();
  const [{ code_commits }] = await readTable("overview");
  return element("dl", { class: "facts" },
    element("dt", {}, "Snapshot"), element("dd", {}, element("code", {}, snapshot.id)),
    element("dt", {}, "Code"), element("dd", {}, element("code", {}, code_commits ?? "not recorded")));
});

function about({ experiment, rows, variants, others }, panels) {
  const students = panels.flatMap((panel) => panel.rows).filter(({ role }) => role === "student");
  const seeds = Math.max(0, ...students.map((row) => row.n_seeds));
  const left = [
    rows.some(({ role }) => role === "teacher") ? "teachers" : null,
    variants.length ? plural(new Set(variants.map(({ variant }) => variant)).size, "variant") : null,
    others.length ? `${plural(others.length, "other experiment")} (${others.join(", ")})` : null,
  ].filter(Boolean);
  return element("p", {}, `Experiment ${experiment}: F1 and FPR at thresholds that no test window set. ${seedText(seeds)} `,
    ...(left.length ? [`Not here: ${left.join(", ")}; the `, element("a", { href: siteUrl("dashboard/leaderboard/").href }, "leaderboard"), " has them."] : []));
}

function seedText(seeds) {
  if (seeds === 0) return "";
  if (seeds === 1) return "Students are from one seed, one training run each, so differences may be chance.";
  return `Students are means over up to ${seeds} seeds` + (seeds < 5 ? "." : "; a bar is the 95 % interval of a mean.");
}
