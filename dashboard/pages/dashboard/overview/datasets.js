// Datasets and captures as the newest complete prepare run of each read them.
import { element } from "../../../components/element.js";
import { fixed, NOT_APPLICABLE, percent, whole } from "../../../components/format.js";
import { dataTable } from "../../../components/table.js";

export function dataSection(datasets, captures, splits, runs) {
  const used = newestPrepare(runs);
  const listed = datasets.filter((row) => used.has(row.run_id));
  if (listed.length === 0) return element("p", { class: "note" }, "No prepare run is complete in this snapshot.");
  return listed.flatMap((dataset) => [
    datasetText(dataset),
    captureTable(dataset, captures.filter((row) => row.run_id === dataset.run_id && row.dataset === dataset.dataset),
      splits.filter((row) => row.run_id === dataset.run_id)),
  ]);
}

/** Of the experiment itself, as overview.sql has it: a variant may cut the same captures into other windows. */
function newestPrepare(runs) {
  const complete = runs.filter((run) => run.stage === "prepare" && run.status === "complete");
  const isOwn = ({ variant }) => Number(variant == null);
  complete.sort((a, b) => isOwn(a) - isOwn(b) || a.started_at - b.started_at || b.run_id.localeCompare(a.run_id));
  return new Set(new Map(complete.map((run) => [run.dataset, run.run_id])).values());
}

function datasetText({ title, citation, licence, address, vocabulary_size, data_digest }) {
  return element("p", {}, element("strong", {}, title), `. ${citation}. Licence: ${licence}. Published at `,
    /^https:/.test(address) ? element("a", { href: address }, address) : address,
    `. ${whole(vocabulary_size - 1)} known arbitration IDs, learnt from benign training frames, and one place for all others. Data digest `,
    element("code", { title: data_digest }, data_digest.slice(0, 12)), ".");
}

function captureTable({ dataset }, captures, splits) {
  const rows = captures.map((capture) => ({
    ...capture, windows: windowsText(capture, splits.filter((row) => row.capture === capture.capture)), odd: oddText(capture),
  }));
  const count = (key, label, doc) => ({ key, label, kind: "number", format: whole, doc });
  return dataTable({
    caption: `Captures of ${dataset}: what is in them, how many windows went where, and what was odd`,
    columns: [
      { key: "capture", label: "Capture", kind: "long", header: true },
      { key: "vehicle", label: "Vehicle", kind: "text" },
      { key: "attack", label: "Attack", kind: "text" },
      count("frames", "Frames"),
      { key: "attack_frames", label: "Attack frames", kind: "number",
        cell: (row) => percent(row.attack_frames, row.frames), doc: "share of the frames" },
      count("arbitration_ids", "IDs", "distinct arbitration IDs"),
      { key: "span_s", label: "Span", unit: "s", kind: "number", format: fixed(1) },
      { key: "windows", label: "Windows", kind: "label",
        doc: "left out: beside a validation block, or shared with another capture" },
      { key: "odd", label: "Odd", kind: "label", doc: "frames without a payload, frames stamped earlier than the one before, rows trimmed" },
    ],
    rows,
  });
}

/** "685 train, 186 validation, 12 left out", or why there are none. */
function windowsText({ duplicate_of, usage }, splits) {
  if (duplicate_of) return `none: same rows as ${duplicate_of}`;
  const uses = { train: ["train"], validation: ["validation"], test: ["test"], "left out": ["embargo", "shared"] };
  const parts = Object.entries(uses).map(([use, names]) =>
    [use, splits.filter(({ split }) => names.includes(split)).reduce((sum, { windows }) => sum + windows, 0)]);
  return parts.filter(([, windows]) => windows).map(([use, windows]) => `${whole(windows)} ${use}`).join(", ") || `${usage}: none`;
}

function oddText(capture) {
  const counts = { empty_payloads: "empty", backward_steps: "backward", repaired_rows: "repaired", clock_jumps: "clock jumps" };
  const parts = Object.entries(counts).filter(([name]) => capture[name]);
  return parts.map(([name, what]) => `${whole(capture[name])} ${what}`).join(", ") || NOT_APPLICABLE;
}
