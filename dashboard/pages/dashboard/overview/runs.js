// Every run of the snapshot, whether it ended or not.
import { element } from "../../../components/element.js";
import { duration, instant, NOT_APPLICABLE, plural, significant, whole } from "../../../components/format.js";
import { dataTable } from "../../../components/table.js";
import { metricLabel } from "../../../metrics.js";
import { MODEL_NAMES } from "../../../names.js";

/** The experiments' own runs, and those of their variants to be unfolded. */
export function runTables(runs) {
  const varied = runs.filter(({ variant }) => variant != null);
  const own = runTable(runs.filter(({ variant }) => variant == null));
  if (varied.length === 0) return own;
  const summary = `${plural(varied.length, "run")} of ${plural(new Set(varied.map(({ variant }) => variant)).size, "variant")}`;
  return [own, element("details", {}, element("summary", {}, summary), runTable(varied))];
}

function runTable(runs) {
  const rows = runs.map((run) => ({
    ...run, what: run.stage === "baseline" ? `${run.stage}: ${MODEL_NAMES[run.model] ?? run.model}` : run.stage, took_s: run.finished_at ? (run.finished_at - run.started_at) / 1000 : null,
  }));
  const several = (key) => new Set(runs.map((run) => run[key])).size > 1;
  return dataTable({
    caption: "Runs that are not complete are listed and count in no result. A killed run stays “running” until its scheduler is asked." +
      (several("device") ? "" : ` All ran on ${runs[0].device}.`),
    columns: [
      { key: "what", label: "Stage", kind: "label", header: true },
      ...(runs.some(({ variant }) => variant) ? [{ key: "variant", label: "Variant", kind: "text" }] : []),
      ...(several("experiment") ? [{ key: "experiment", label: "Experiment", kind: "text" }] : []),
      { key: "seed", label: "Seed", kind: "number" },
      { key: "status", label: "Status", kind: "text", cell: statusCell },
      { key: "best_epoch", label: "Kept epoch", kind: "number" },
      { key: "best_value", label: "Monitor", kind: "number", cell: monitorCell, doc: "its value at the kept epoch" },
      { key: "parameters", label: "Parameters", kind: "number", format: whole },
      { key: "took_s", label: "Took", kind: "number", format: duration },
      ...(several("device") ? [{ key: "device", label: "Device", kind: "text" }] : []),
      { key: "code_commit", label: "Commit", kind: "text", cell: commitCell },
      { key: "started_at", label: "Started", unit: "UTC", kind: "text", format: instant },
      { key: "run_id", label: "Run", kind: "text", cell: ({ run_id }) => element("code", {}, run_id) },
    ],
    rows,
    sort: { key: "started_at", descending: false },
  });
}

function statusCell({ status, reason }) {
  return element("span", { class: `status ${status}`, title: reason ?? null }, status);
}

function monitorCell({ monitor, best_value }) {
  return monitor && best_value != null ? `${metricLabel(monitor)} ${significant(best_value)}` : NOT_APPLICABLE;
}

function commitCell({ code_commit, code_patch_digest }) {
  if (!code_commit) return NOT_APPLICABLE;
  const changed = code_patch_digest ? " + changes" : "";
  return element("code", { title: code_commit }, `${code_commit.slice(0, 10)}${changed}`);
}
