// Pandoc's tree of the paper with its `{ojs}` code replaced by places that the page fills.
import { CellError, parseCells } from "./cells.js";

/** Walks the blocks, gives {cells, document}; each cell that shows something has a `place`. */
export function extractCells(document) {
  const state = { cells: [], figures: new Map(), inlines: 0 };
  const blocks = document.blocks.flatMap((block) => replaceBlock(block, state));
  return { cells: state.cells, document: { ...document, blocks: resolveReferences(blocks, state.figures) } };
}

function replaceBlock(block, state) {
  if (block.t === "CodeBlock" && block.c[0][1].includes("ojs")) {
    return [raw("RawBlock", cellBlock(block.c[1], state))];
  }
  return [replaceInlines(block, state)];
}

function replaceInlines(node, state) {
  if (Array.isArray(node)) return node.map((child) => replaceInlines(child, state));
  if (node === null || typeof node !== "object") return node;
  if (node.t === "Code" && node.c[1].startsWith("{ojs} ")) return raw("RawInline", inlineCell(node.c[1], state));
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, replaceInlines(value, state)]));
}

function inlineCell(text, state) {
  const parsed = parseCells(text.slice("{ojs} ".length));
  if (parsed.length !== 1 || parsed[0].name) throw new CellError(`\`${text}\` must be one expression without a name.`);
  const place = `inline-${++state.inlines}`;
  state.cells.push({ ...parsed[0], place, isInline: true });
  return `<span class="cell-inline" id="${place}">…</span>`;
}

function cellBlock(text, state) {
  const options = blockOptions(text);
  const shown = options.output !== "false";
  const places = parseCells(text).map((cell) => {
    const place = shown && !cell.imports ? `cell-${state.cells.length + 1}` : null;
    state.cells.push({ ...cell, place });
    return place ? `<div class="cell" id="${place}"></div>` : "";
  });
  return options.label?.startsWith("fig-") ? figureHtml(options, places, state.figures) : places.join("\n");
}

function figureHtml({ label, "fig-cap": caption = "" }, places, figures) {
  figures.set(label, figures.size + 1);
  const text = `Figure ${figures.get(label)}: ${caption.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}`;
  return `<figure id="${label}">${places.join("")}<figcaption>${text}</figcaption></figure>`;
}

/** `//| key: value` lines at the top of a block. */
function blockOptions(text) {
  const lines = text.split("\n").map((line) => /^\/\/\|\s*([\w-]+):\s*(.*)$/.exec(line)).filter(Boolean);
  return Object.fromEntries(lines.map(([, key, value]) => [key, value.replace(/^"(.*)"$/, "$1")]));
}

/** `@fig-x` becomes a link to that figure; a figure that is not there is refused. */
function resolveReferences(node, figures) {
  if (Array.isArray(node)) return node.map((child) => resolveReferences(child, figures));
  if (node === null || typeof node !== "object") return node;
  if (node.t === "Cite" && node.c[0].every(({ citationId }) => citationId.startsWith("fig-"))) {
    return figureLink(node.c[0][0].citationId, figures);
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolveReferences(value, figures)]));
}

function figureLink(label, figures) {
  if (!figures.has(label)) throw new CellError(`@${label} refers to no figure. Labels: ${[...figures.keys()].join(", ")}.`);
  return { t: "Link", c: [["", [], []], [{ t: "Str", c: `Figure\u00a0${figures.get(label)}` }], [`#${label}`, ""]] };
}

function raw(t, html) {
  return { t, c: ["html", html] };
}
