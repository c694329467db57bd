// Renders paper/index.qmd without Quarto, or only checks its cells:
//   node paper/preview/render.js --source DIR --pandoc PROGRAM [--pandoc ARGUMENT] (--check | --out DIR)
import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { CellError, checkCells } from "./cells.js";
import { extractCells } from "./document.js";

const BUNDLE = "./vendor/kdgat.js";
const { values: options } = parseArgs({
  options: {
    source: { type: "string" }, out: { type: "string" }, check: { type: "boolean" },
    pandoc: { type: "string", multiple: true },
  },
});

try {
  await render();
} catch (error) {
  if (!(error instanceof CellError)) throw error;
  console.error(`paper/index.qmd: ${error.message}`);
  process.exitCode = 1;
}

async function render() {
  const text = await readFile(path.join(options.source, "index.qmd"), "utf8");
  const blocks = text.replace(/^```\{ojs\}\s*$/gm, "```{.ojs}"); // pandoc's own way to write it
  const parsed = JSON.parse(pandoc(["--from=markdown", "--to=json"], blocks));
  const { cells, document } = extractCells(parsed);
  checkCells(cells, [BUNDLE]);
  if (options.check) return;
  await mkdir(options.out, { recursive: true });
  const vendor = (name) => path.join(options.source, "vendor", `${name}.html`);
  const html = pandoc([
    "--from=json", "--to=html5", "--standalone", "--citeproc", "--mathml", "--section-divs", "--wrap=none",
    `--resource-path=${options.source}`,
    `--template=${path.join(import.meta.dirname, "template.html")}`,
    `--include-in-header=${vendor("head")}`, `--include-before-body=${vendor("header")}`,
    `--include-after-body=${vendor("footer")}`,
  ], JSON.stringify(document));
  await writeFile(path.join(options.out, "index.html"), html);
  await writeFile(path.join(options.out, "cells.js"), moduleOf(cells));
}

/** The module that the page loads: imports, then each cell as a function of its inputs. */
function moduleOf(cells) {
  const rows = cells.map((cell) => {
    const { name = null, isView = false, inputs, place = null, isInline = false, imports } = cell;
    if (imports) return `{ imports: { ${imports.names.map(({ local }) => local).join(", ")} } }`;
    const about = JSON.stringify({ name, isView, inputs, place, isInline });
    return `{ ...${about}, define: ${cell.code} }`;
  });
  const names = cells.flatMap(({ imports }) => imports?.names ?? []);
  const list = names.map(({ imported, local }) => (imported === local ? local : `${imported} as ${local}`)).join(", ");
  return `import { ${list} } from "${BUNDLE}";\nimport { start } from "./vendor/preview.js";\nstart([\n${rows.join(",\n")}\n]);\n`;
}

function pandoc(more, input) {
  const [program, ...first] = options.pandoc;
  const done = spawnSync(program, [...first, ...more], { input, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.error) throw new CellError(`${program} could not be started (${done.error.message}).`);
  if (done.status !== 0) throw new CellError(`pandoc refuses the text: ${done.stderr.trim()}`);
  if (done.stderr.trim()) throw new CellError(`pandoc warns: ${done.stderr.trim()}`);
  return done.stdout;
}
