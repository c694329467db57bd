// Imported results of earlier trackers: beside the leaderboard and never in it, each row with what is wrong with it.
import { element } from "../../../components/element.js";
import { choice, distinct } from "../../../components/filters.js";
import { plural, whole } from "../../../components/format.js";
import { METRIC_COLUMNS } from "../../../components/results.js";
import { dataTable } from "../../../components/table.js";

const SHOWN = ["f1", "precision", "recall", "fpr", "mcc", "auroc"];
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
  const listed = rows.map((row) => ({ ...row, wrong: defectsOf(row).map(({ name }) => name).join(", ") }));
  const several = (key) => distinct(rows, key).length > 1;
  const column = (key, label, extra) => ({ key, label, kind: "text", ...extra });
  return [dataTable({
    caption: `${plural(rows.length, "imported result")} from ${distinct(rows, "origin").map(sourceOf).join("; ")}.`,
    columns: [
      { key: "name", label: "Model", kind: "label", header: true, cell: nameCell },
      ...(several("dataset") ? [column("dataset", "Dataset")] : []),
      ...(several("experiment") ? [column("experiment", "Experiment", { kind: "long" })] : []),
      ...(several("split") ? [column("split", "Split")] : []),
      column("capture", "Capture", { kind: "long" }),
      ...METRIC_COLUMNS.filter(({ key }) => SHOWN.includes(key) && rows.some((row) => row[key] != null)),
      column("n", "Windows", { kind: "number", format: whole }),
      column("wrong", "Known defects", { kind: "label", doc: "what each is stands below the table" }),
    ],
    rows: listed,
    rowClass: () => "reference",
  }), defectList(rows)];
}

function nameCell({ name, status }) {
  const mark = status === "complete" ? "imported" : `imported, ${status}`;
  return element("span", {}, name ?? "model not stated", " ", element("span", { class: "tag" }, mark));
}

/** Digests are for walking back; the SQL page has them whole. */
function sourceOf(origin) {
  return origin.replace(/sha256 ([0-9a-f]{12})[0-9a-f]+/, "sha256 $1…");
}

function defectList(rows) {
  const known = new Map(rows.flatMap(defectsOf).map(({ name, text }) => [name, text]));
  return element("details", {}, element("summary", {}, `What is known to be wrong with them: ${plural(known.size, "defect")}`),
    element("dl", { class: "defects" }, ...[...known].flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])));
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
