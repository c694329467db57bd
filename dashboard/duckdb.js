// The one place that starts DuckDB-WASM: engine unzipped here, tables fed as Arrow, nothing fetched elsewhere.
import * as duckdb from "@duckdb/duckdb-wasm";
import workerUrl from "@duckdb/duckdb-wasm/dist/duckdb-browser-eh.worker.js?url";
import startParquet, { readParquet } from "parquet-wasm/esm/parquet_wasm.js";
import parquetUrl from "parquet-wasm/esm/parquet_wasm_bg.wasm?url";
import engineUrl from "virtual:engine";
import { DataError, readBytes, readManifest } from "./data.js";

// The engine would otherwise fetch extensions from its makers' server, by itself or when a query asks for one.
const SETTINGS = [
  "autoinstall_known_extensions = false", "autoload_known_extensions = false", "enable_external_access = false",
  "lock_configuration = true",
];

/** A running engine over the site's data files; each file is loaded when a query first names it. */
export async function startEngine() {
  const worker = new Worker(workerUrl);
  try {
    const database = new duckdb.AsyncDuckDB(new duckdb.VoidLogger(), worker);
    const [wasm] = await Promise.all([unzippedEngine(), startParquet({ module_or_path: fetchedEngine(parquetUrl) })]);
    await database.instantiate(wasm);
    URL.revokeObjectURL(wasm);
    await database.open({ query: { castDecimalToDouble: true } });
    const connection = await database.connect();
    for (const setting of SETTINGS) await connection.query(`SET ${setting}`);
    return engine(worker, connection);
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

function engine(worker, connection) {
  const loaded = new Map();
  const load = (name) => {
    if (!loaded.has(name)) loaded.set(name, loadTable(connection, name));
    return loaded.get(name);
  };
  return {
    /** The result of one query as an Arrow table. */
    async query(sql) {
      const { files } = await readManifest();
      const named = Object.keys(files).filter((name) => new RegExp(`\\b${name}\\b`, "i").test(sql));
      await Promise.all(named.map(load));
      return connection.query(sql);
    },
    stop: () => worker.terminate(),
  };
}

async function loadTable(connection, name) {
  const bytes = new Uint8Array(await readBytes(name));
  const arrow = readParquet(bytes).intoIPCStream();
  await connection.insertArrowFromIPCStream(arrow, { name, create: true });
}

async function fetchedEngine(url) {
  const response = await fetch(url);
  if (!response.ok) throw new DataError(`The SQL engine could not be fetched: the server said ${response.status}.`);
  return response;
}

/** An object URL of the engine; some hosts unzip `.gz` on the way, so the bytes decide. */
async function unzippedEngine() {
  const bytes = await (await fetchedEngine(engineUrl)).arrayBuffer();
  const [first, second] = new Uint8Array(bytes, 0, 2);
  const zipped = first === 0x1f && second === 0x8b;
  const body = zipped ? new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")) : bytes;
  const wasm = await new Response(body, { headers: { "Content-Type": "application/wasm" } }).blob();
  return URL.createObjectURL(wasm);
}
