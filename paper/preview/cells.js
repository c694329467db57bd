// From the text of `{ojs}` blocks to cells: parsed with the parser that Quarto uses, checked, compiled.
import parser from "@observablehq/parser"; // CommonJS: no named exports

/** What is wrong with the paper's cells and a person can put right. */
export class CellError extends Error {}

/**
 * A cell: {name, source of a function, inputs, isView, imports, text}. `names` of imports are
 * {imported, local}; an import cell has no function.
 */
export function parseCells(source) {
  let cells;
  try {
    ({ cells } = parser.parseModule(source));
  } catch (error) {
    const line = source.slice(0, error.pos ?? 0).split("\n").length;
    throw new CellError(`a cell does not parse: ${error.message}\n${source.split("\n")[line - 1] ?? ""}`);
  }
  return cells.map((cell) => (cell.body?.type === "ImportDeclaration" ? importCell(cell) : valueCell(cell, source)));
}

function importCell({ body, start, input }) {
  const names = body.specifiers.map(({ imported, local }) => ({ imported: imported.name, local: local.name }));
  return { imports: { from: body.source.value, names }, defines: names.map(({ local }) => local), inputs: [],
    text: input?.slice(start, body.end) };
}

function valueCell(cell, source) {
  const { body, id } = cell;
  const isView = id?.type === "ViewExpression";
  if (id?.type === "MutableExpression" || cell.references.some(({ type }) => type === "MutableExpression")) {
    throw new CellError(`mutable ${id?.id?.name ?? ""} is not known to the preview; use a viewof cell instead.`);
  }
  const name = isView ? id.id.name : id?.name ?? null;
  const inputs = [...new Set(cell.references.map(inputName))];
  return {
    name, isView, inputs, isBlock: body.type === "BlockStatement",
    defines: name ? (isView ? [name, `viewof ${name}`] : [name]) : [],
    code: functionOf(cell, inputs, source),
    text: source.slice(cell.start, cell.end),
  };
}

function inputName(reference) {
  return reference.type === "ViewExpression" ? `viewof ${reference.id.name}` : reference.name;
}

/** A function of the cell's inputs, as text; `viewof x` inside becomes a plain name. */
function functionOf({ body, async, generator, references }, inputs, source) {
  let code = source.slice(body.start, body.end);
  const views = references.filter(({ type }) => type === "ViewExpression").sort((a, b) => b.start - a.start);
  for (const { start, end, id } of views) {
    code = code.slice(0, start - body.start) + parameter(`viewof ${id.name}`) + code.slice(end - body.start);
  }
  const head = `${async ? "async " : ""}function${generator ? "*" : ""} (${inputs.map(parameter).join(", ")})`;
  return `${head} ${body.type === "BlockStatement" ? code : `{ return (\n${code}\n); }`}`;
}

function parameter(input) {
  return input.replace("viewof ", "viewof_");
}

/**
 * Refuse cells that would not run, or would fetch from elsewhere: a name that no cell defines and no
 * local import brings (Quarto would take it from a CDN), an import of anything but a listed local file.
 */
export function checkCells(cells, localFiles) {
  const defined = new Map();
  for (const cell of cells) {
    for (const name of cell.defines) {
      if (defined.has(name)) throw new CellError(`two cells define ${name}; rename one of them.`);
      defined.set(name, cell);
    }
    const from = cell.imports?.from;
    if (from && !localFiles.includes(from)) {
      throw new CellError(`a cell imports from ${from}. Import only from ${localFiles.join(", ")}: all else is fetched from elsewhere.`);
    }
  }
  for (const cell of cells) {
    for (const name of cell.inputs) {
      if (!defined.has(name)) {
        throw new CellError(
          `the cell "${cell.text.split("\n")[0]}" uses ${name}, which no cell defines. Import it from ` +
          `${localFiles[0]}, or define it; Quarto's own ${name}, where it has one, comes from a CDN.`,
        );
      }
    }
  }
  // Quarto echoes import cells through md and would otherwise fetch it.
  if (!defined.has("md")) throw new CellError(`no cell imports md. Add it to the import from ${localFiles[0]}.`);
}
