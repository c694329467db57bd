// Builds the pages and the bundle that the paper imports:
//   node dashboard/build.js --manifest site/data/manifest.json --out SITE --vendor PAPER/vendor
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { build } from "vite";
import { engineAsset } from "./build/engine.js";
import { layoutOf, pageLayout } from "./build/layout.js";

const HERE = import.meta.dirname;
const PAGES = ["index", "dashboard/index", "dashboard/leaderboard/index", "dashboard/curves/index",
  "dashboard/sql/index"];

const { values: options } = parseArgs({
  options: { manifest: { type: "string" }, out: { type: "string" }, vendor: { type: "string" } },
});
const manifest = JSON.parse(await readFile(options.manifest, "utf8"));

await buildPages(path.resolve(options.out));
await buildPaperBundle(path.resolve(options.vendor));

async function buildPages(outDir) {
  const root = path.join(HERE, "pages");
  await build({
    configFile: false,
    root,
    base: "./", // so that the site works in any folder of any host
    logLevel: "warn",
    publicDir: path.join(HERE, "public"),
    plugins: [pageLayout(root, manifest), engineAsset()],
    build: {
      outDir,
      emptyOutDir: false,
      target: "es2022",
      modulePreload: { polyfill: false }, // the polyfill is an inline script, which the CSP refuses
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 1000,
      rolldownOptions: { input: PAGES.map((page) => path.join(root, `${page}.html`)) },
    },
  });
}

async function buildPaperBundle(outDir) {
  await build({
    configFile: false,
    root: HERE,
    logLevel: "warn",
    publicDir: false,
    build: {
      outDir,
      emptyOutDir: false,
      target: "es2022",
      reportCompressedSize: false,
      lib: {
        entry: { kdgat: path.join(HERE, "paper.js"), preview: path.join(HERE, "../paper/preview/runtime.js") },
        formats: ["es"],
        fileName: (_, name) => `${name}.js`,
        cssFileName: "kdgat",
      },
    },
  });
  const layout = layoutOf("paper/index.html", manifest);
  await mkdir(outDir, { recursive: true });
  for (const part of ["head", "header", "footer"]) await writeFile(path.join(outDir, `${part}.html`), layout[part]);
}
