// A real table whose headers sort it.
import { arrow } from "../metrics.js";
import { cutHint } from "./cut.js";
import { element } from "./element.js";
import { NOT_APPLICABLE } from "./format.js";

let tables = 0;

/**
 * A table with a caption in a scrolling region.
 *
 * columns: {key, label, doc, kind: "text" | "number" | "long" | "label", format, cell, better, unit, header}
 * - "long" text wraps, for names of files and captures; a "label" wraps too, but between words.
 * - `format` turns the value into text, `cell` a row into a node; `header` makes the column name its row.
 * sort: {key, descending}; null values stay last either way. rowClass: a row's class, from the row.
 */
export function dataTable({ caption, columns, rows, sort = null, className = "", rowClass = () => null }) {
  const state = { sort };
  const id = `table-${++tables}`;
  const body = element("tbody");
  const heads = columns.map((column) => headCell(column, () => resort(column)));
  const table = element("table", { class: className, "aria-describedby": id },
    element("caption", { id }, element("span", {}, ...[caption].flat())), element("thead", {}, element("tr", {}, ...heads)), body);
  const region = element("div", { class: "table-scroll", role: "region", tabindex: "0", "aria-labelledby": id }, table);

  function resort(column) {
    const again = state.sort?.key === column.key;
    state.sort = { key: column.key, descending: again ? !state.sort.descending : column.kind === "number" };
    if (!again && column.better === "lower") state.sort.descending = false;
    draw();
  }

  function draw() {
    const ordered = state.sort ? sorted(rows, state.sort) : rows;
    body.replaceChildren(...ordered.map((row) => bodyRow(columns, row, rowClass(row))));
    columns.forEach((column, index) => {
      const here = state.sort?.key === column.key;
      heads[index].setAttribute("aria-sort", here ? (state.sort.descending ? "descending" : "ascending") : "none");
    });
  }

  draw();
  table.caption.append(cutHint(region, heads));
  return region;
}

export function sorted(rows, { key, descending }) {
  const sign = descending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [one[key], other[key]];
    if (a == null || b == null) return (a == null) - (b == null);
    return sign * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  });
}

function headCell(column, onclick) {
  const direction = column.better ? element("span", { class: "better", "aria-label": `${column.better} is better` },
    arrow(column.better)) : null;
  const unit = column.unit ? element("span", { class: "unit" }, ` ${column.unit}`) : null;
  const button = element("button", { type: "button", onclick, title: column.doc ?? null }, column.label, unit, direction);
  return element("th", { scope: "col", class: column.kind === "number" ? "number" : null }, button);
}

function bodyRow(columns, row, className) {
  return element("tr", { class: className }, ...columns.map((column) => {
    const value = row[column.key];
    const shown = column.cell ? column.cell(row) : column.format ? column.format(value) : value ?? NOT_APPLICABLE;
    const content = column.kind === "long" && typeof shown === "string" ? breakable(shown) : [shown];
    const attributes = { class: column.kind === "text" ? null : column.kind };
    return column.header
      ? element("th", { scope: "row", ...attributes }, ...content)
      : element("td", attributes, ...content);
  }));
}

/** A long name that may wrap behind "_" and "/". */
function breakable(text) {
  return text.split(/(?<=[_/])/).flatMap((part) => [part, element("wbr")]);
}
