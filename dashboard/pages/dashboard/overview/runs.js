// Every run of the snapshot, whether it ended or not.
import { element } from "../../../components/element.js";
import { duration, instant, NOT_APPLICABLE, significant, whole } from "../../../components/format.js";
import { dataTable } from "../../../components/table.js";
import { metricLabel } from "../../../metrics.js";

export function runTable(runs) {
  const rows = runs.map((run) => ({
    ...run, took_s: run.finished_at ? (run.finished_at - run.started_at) / 1000 : null,
  }));
  const several = new Set(runs.map(({ experiment }) => experiment)).size > 1;
  return dataTable({
    caption: "Runs that are not complete are listed and count in no result. A killed run stays “running”.",
    columns: [
      { key: "stage", label: "Stage", kind: "text", header: true },
      ...(several ? [{ key: "experiment", label: "Experiment", kind: "text" }] : []),
      { key: "seed", label: "Seed", kind: "number" },
      { key: "status", label: "Status", kind: "text", cell: statusCell },
      { key: "best_epoch", label: "Kept epoch", kind: "number" },
      { key: "best_value", label: "Monitor", kind: "number", cell: monitorCell, doc: "its value at the kept epoch" },
      { key: "parameters", label: "Parameters", kind: "number", format: whole },
      { key: "took_s", label: "Took", kind: "number", format: duration },
      { key: "device", label: "Device", kind: "text" },
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
