// Imported results of earlier trackers: beside the leaderboard and never in it, each row with what is wrong with it.
import { element } from "../../../components/element.js";
import { choice, distinct } from "../../../components/filters.js";
import { plural, whole } from "../../../components/format.js";
import { METRIC_COLUMNS } from "../../../components/results.js";
import { dataTable } from "../../../components/table.js";

const SHOWN = ["f1", "precision", "recall", "fpr", "auroc"];
const EVERY = "every dataset";

/** The section's content; rows have a `name`. */
export function earlierSection(rows) {
  const dataset = choice("earlier", "Dataset", [...distinct(rows, "dataset"), EVERY]);
  const place = element("div");
  const draw = () => place.replaceChildren(...shown(rows.filter((row) => [EVERY, row.dataset].includes(dataset.value))));
  dataset.addEventListener("input", draw);
  draw();
  return [
    element("p", { class: "imported", role: "note" }, element("strong", {}, "Not results of this pipeline. "),
      "These numbers were imported from an earlier tracker. They were measured on other windows, with the defects " +
      "named beside each row, and are in no mean, ranking or comparison of this site."),
    element("div", { class: "filters" }, ...(distinct(rows, "dataset").length > 1 ? [dataset] : [])), place,
  ];
}

function shown(rows) {
  const known = [...new Map(rows.flatMap(defectsOf).map(({ name, text }) => [name, text]))];
  const numbers = new Map(known.map(([name], place) => [name, place + 1]));
  const listed = rows.map((row) => ({ ...row, run: earlierName(row), wrong: defectsOf(row).map(({ name }) => name) }));
  const several = (key) => distinct(rows, key).length > 1;
  const column = (key, label, extra) => ({ key, label, kind: "text", ...extra });
  return [dataTable({
    caption: `${plural(rows.length, "imported result")} from ${distinct(rows, "origin").map(sourceOf).join("; ")}.`,
    columns: [
      { key: "name", label: "Model", kind: "label", header: true, cell: nameCell },
      column("wrong", "Defects", {
        doc: "known to be wrong with the row; the numbers stand below the table",
        cell: ({ wrong }) => element("span", { title: wrong.join(", ") }, wrong.map((name) => numbers.get(name)).join(", ")),
      }),
      ...(several("dataset") ? [column("dataset", "Dataset")] : []),
      ...(several("experiment") ? [column("experiment", "Experiment", { kind: "long" })] : []),
      ...(several("split") ? [column("split", "Split")] : []),
      column("run", "Earlier run", { kind: "label" }),
      column("capture", "Capture", { kind: "long" }),
      ...METRIC_COLUMNS.filter(({ key }) => SHOWN.includes(key) && rows.some((row) => row[key] != null)),
      column("n", "Windows", { kind: "number", format: whole }),
    ],
    rows: listed,
    rowClass: () => "reference",
  }), defectList(known)];
}

function nameCell({ name, status }) {
  const mark = status === "complete" ? "imported" : `imported, ${status}`;
  return element("span", {}, name ?? "model not stated", " ", element("span", { class: "tag" }, mark));
}

/** Digests are for walking back; the SQL page has them whole. */
function sourceOf(origin) {
  return origin.replace(/sha256 ([0-9a-f]{12})[0-9a-f]+/, "sha256 $1…");
}

/** What the earlier tracker called the run. */
function earlierName({ model_run_id, dataset }) {
  return model_run_id.replace(/^legacy-[a-z0-9]+-/, "").replace(`${dataset}.`, "");
}

function defectList(known) {
  return element("div", { class: "defects" }, element("h3", {}, "Known defects of these rows"),
    element("ol", {}, ...known.map(([name, text]) => element("li", {}, element("strong", {}, name), `: ${text}`))));
}

/** [{name, text}] of "name: what is wrong. other-name: …", of the evaluation and of the model. */
function defectsOf({ defects, model_defects }) {
  const texts = [defects, model_defects].filter(Boolean).flatMap((text) => text.split(/(?<=\.)\s+(?=[a-z0-9-]+: )/));
  const found = new Map(texts.map((text) => {
    const [, name, about] = /^([a-z0-9-]+): (.*)$/s.exec(text) ?? [null, "other", text];
    return [name, about];
  }));
  return [...found].map(([name, text]) => ({ name, text }));
}
