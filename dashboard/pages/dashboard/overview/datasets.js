// Datasets and captures as the newest complete prepare run of each read them.
import { element } from "../../../components/element.js";
import { fixed, percent, whole } from "../../../components/format.js";
import { dataTable } from "../../../components/table.js";

export function dataSection(datasets, captures, splits, runs) {
  const used = newestPrepare(runs);
  const listed = datasets.filter((row) => used.has(row.run_id));
  if (listed.length === 0) return element("p", { class: "note" }, "No prepare run is complete in this snapshot.");
  return listed.flatMap((dataset) => [
    datasetText(dataset),
    captureTable(dataset, captures.filter((row) => row.run_id === dataset.run_id),
      splits.filter((row) => row.run_id === dataset.run_id)),
  ]);
}

function newestPrepare(runs) {
  const complete = runs.filter((run) => run.stage === "prepare" && run.status === "complete");
  complete.sort((a, b) => a.started_at - b.started_at || b.run_id.localeCompare(a.run_id));
  return new Set(new Map(complete.map((run) => [run.dataset, run.run_id])).values());
}

function datasetText({ title, citation, licence, address, vocabulary_size, data_digest }) {
  return element("p", {}, element("strong", {}, title), `. ${citation}. Licence: ${licence}. Published at `,
    /^https:/.test(address) ? element("a", { href: address }, address) : address,
    `. ${whole(vocabulary_size - 1)} known arbitration IDs, learnt from benign training frames, and one place for all others. Data digest `,
    element("code", { title: data_digest }, data_digest.slice(0, 12)), ".");
}

function captureTable({ dataset }, captures, splits) {
  const rows = captures.map((capture) => {
    const mine = splits.filter((row) => row.capture === capture.capture);
    const windows = (...names) => mine.filter((row) => names.includes(row.split))
      .reduce((sum, row) => sum + row.windows, 0) || null;
    return {
      ...capture, train: windows("train"), validation: windows("validation"), test: windows("test"),
      left_out: windows("embargo", "shared"),
      use: capture.duplicate_of ? `same rows as ${capture.duplicate_of}` : capture.usage,
    };
  });
  const count = (key, label, doc) => ({ key, label, kind: "number", format: whole, doc });
  return dataTable({
    caption: `Captures of ${dataset}: what is in them, what was odd, and how many windows went where`,
    columns: [
      { key: "capture", label: "Capture", kind: "long", header: true },
      { key: "use", label: "Use", kind: "text" },
      { key: "vehicle", label: "Vehicle", kind: "text" },
      { key: "attack", label: "Attack", kind: "text" },
      count("frames", "Frames"),
      { key: "attack_frames", label: "Attack frames", kind: "number",
        cell: (row) => percent(row.attack_frames, row.frames), doc: "share of the frames" },
      count("arbitration_ids", "IDs", "distinct arbitration IDs"),
      { key: "span_s", label: "Span", unit: "s", kind: "number", format: fixed(1) },
      count("train", "Train", "windows"), count("validation", "Validation", "windows"), count("test", "Test", "windows"),
      count("left_out", "Left out", "windows beside a validation block, or shared with another capture"),
      count("empty_payloads", "Empty", "frames without a payload"),
      count("backward_steps", "Backward", "frames stamped earlier than the frame before"),
      count("repaired_rows", "Repaired", "rows read after trimming stray white space"),
    ],
    rows,
  });
}
