// The landing page: the snapshot's test results in one table a dataset and experiment, and where they come from.
import { element, fill } from "../components/element.js";
import { aboutResults, COUNT_COLUMNS, inModelOrder, METRIC_COLUMNS, MODEL_COLUMN, named, rowClass, SEEDS_COLUMN } from "../components/results.js";
import { dataTable } from "../components/table.js";
import { readManifest, readTable } from "../data.js";
import { protocolName } from "../metrics.js";

// Known and unknown vehicles apart: one number over both would hide what matters most.
const HEADLINES = ["known vehicles", "unknown vehicles"];
const HEADLINE = ["f1", "precision", "recall", "fpr", "auroc"];

await fill(document.getElementById("headline"), async () => {
  const rows = inModelOrder(named(await readTable("leaderboard"))).filter((row) => row.split === "test" && HEADLINES.includes(row.capture));
  if (rows.length === 0) return element("p", { class: "note" }, "No model of this snapshot has been scored on a whole test split.");
  return [...grouped(rows).values()].map(headlineTable);
});

await fill(document.getElementById("provenance"), async () => {
  const { snapshot } = await readManifest();
  const [{ code_commits }] = await readTable("overview");
  return element("dl", { class: "facts" },
    element("dt", {}, "Snapshot"), element("dd", {}, element("code", {}, snapshot.id)),
    element("dt", {}, "Code"), element("dd", {}, element("code", {}, code_commits ?? "not recorded")));
});

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = `${row.dataset} ${row.experiment} ${row.capture} ${protocolName(row)}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

function headlineTable(rows) {
  return dataTable({
    caption: `${aboutResults(rows)} Experiment ${rows[0].experiment}.`,
    columns: [
      MODEL_COLUMN, ...METRIC_COLUMNS.filter(({ key }) => HEADLINE.includes(key)), ...COUNT_COLUMNS, SEEDS_COLUMN,
    ],
    rows,
    rowClass,
    sort: { key: "f1", descending: true },
  });
}
