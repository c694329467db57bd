// The SQL page: a query, its answer as a table, and the tables it may ask.
import { arrowRows, shownNumber } from "../../../components/arrow.js";
import { element, failure, fill } from "../../../components/element.js";
import { whole } from "../../../components/format.js";
import { dataTable } from "../../../components/table.js";
import { readManifest } from "../../../data.js";
import { EXAMPLES } from "./examples.js";

const LIMIT = 500;
const [form, query, stop, status, answer] = ["ask", "query", "stop", "status", "answer"].map((id) =>
  document.getElementById(id));
let engine = null; // a promise, once the first query was asked
let asked = 0;

drawExamples();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(query.value);
});
query.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
stop.addEventListener("click", stopEngine);
const linked = new URLSearchParams(location.hash.slice(1)).get("q");
query.value = linked ?? EXAMPLES[0].sql;
if (linked) ask(linked);
await fill(document.getElementById("tables"), async () => tableList(await readManifest()));

async function ask(sql) {
  const number = ++asked;
  const begun = performance.now();
  working(engine ? "Asking …" : "Starting the engine …");
  try {
    engine ??= import("../../../duckdb.js").then(({ startEngine }) => startEngine());
    const result = await (await engine).query(sql);
    if (number === asked) show(arrowRows(result, LIMIT), performance.now() - begun);
  } catch (error) {
    if (number === asked) refuse(error);
  } finally {
    if (number === asked) stop.hidden = true;
  }
}

function show({ columns, rows, total }, took) {
  const number = { format: (value) => (value == null ? "null" : shownNumber(value)) };
  const text = { format: (value) => value ?? "null" };
  const cut = total > rows.length ? `; the first ${whole(rows.length)} are shown` : "";
  const count = `${whole(total)} ${total === 1 ? "row" : "rows"}`;
  status.textContent = `${count}${cut}, in ${took < 1000 ? `${took.toFixed(0)} ms` : `${(took / 1000).toFixed(1)} s`}.`;
  answer.replaceChildren(dataTable({
    caption: `Answer: ${count}`, rows, className: "answer",
    columns: columns.map((column) => ({ ...column, ...(column.kind === "number" ? number : text) })),
  }));
  answer.removeAttribute("aria-busy");
}

function refuse(error) {
  const broken = !/^(Parser|Binder|Catalog|Conversion|Invalid|Out of Range|Not implemented|Constraint)/.test(error.message);
  status.textContent = broken ? "The engine stopped." : "DuckDB refuses the query.";
  answer.replaceChildren(broken ? failure(error) : element("pre", { class: "failure", role: "alert" }, error.message));
  answer.removeAttribute("aria-busy");
  if (broken) discardEngine();
}

function working(text) {
  status.textContent = text;
  answer.setAttribute("aria-busy", "true");
  stop.hidden = false;
}

function stopEngine() {
  asked += 1; // whatever still runs is no longer awaited
  discardEngine();
  stop.hidden = true;
  answer.replaceChildren();
  answer.removeAttribute("aria-busy");
  status.textContent = "Stopped. The next query starts the engine anew.";
}

function discardEngine() {
  engine?.then((running) => running.stop(), () => {});
  engine = null;
}

function drawExamples() {
  document.getElementById("examples").append(...EXAMPLES.map(({ title, sql }) =>
    element("button", { type: "button", onclick: () => { query.value = sql; ask(sql); } }, title)));
}

function tableList({ files }) {
  return Object.entries(files).map(([name, { doc, rows, columns }]) =>
    element("details", {}, element("summary", {}, element("code", {}, name), ` ${whole(rows)} rows`),
      element("p", {}, doc),
      element("dl", {}, ...columns.flatMap((column) => [
        element("dt", {}, element("code", {}, column.name), element("span", { class: "type" }, ` ${column.type}`)),
        element("dd", {}, column.doc),
      ]))));
}
