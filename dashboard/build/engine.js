// Ships DuckDB's engine gzipped: hosts refuse assets over 25 MiB and the binary is larger.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const ENGINE = path.join(import.meta.dirname, "../../node_modules/@duckdb/duckdb-wasm/dist/duckdb-eh.wasm");
const CACHE = path.join(import.meta.dirname, "../../node_modules/.cache/kd-gat");

/** Resolves `virtual:engine` to the address of `duckdb-eh.wasm.gz`, which it adds to the assets. */
export function engineAsset() {
  return {
    name: "kd-gat-engine",
    resolveId: (id) => (id === "virtual:engine" ? "\0virtual:engine" : null),
    async load(id) {
      if (id !== "\0virtual:engine") return null;
      const reference = this.emitFile({ type: "asset", name: "duckdb-eh.wasm.gz", source: await zippedEngine() });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}

/** The zipped engine; zipping takes seconds, so the result is kept under the binary's digest. */
async function zippedEngine() {
  const engine = await readFile(ENGINE);
  const kept = path.join(CACHE, `${createHash("sha256").update(engine).digest("hex")}.wasm.gz`);
  if (existsSync(kept)) return readFile(kept);
  const zipped = await promisify(gzip)(engine, { level: 6 });
  await mkdir(CACHE, { recursive: true });
  await writeFile(`${kept}.${process.pid}`, zipped);
  await rename(`${kept}.${process.pid}`, kept);
  return zipped;
}
