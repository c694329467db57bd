// Reads the site's data files: manifest first, then Parquet with hyparquet, no WebAssembly.
import { decompress } from "fzstd";
import { parquetMetadata, parquetReadObjects } from "hyparquet";

/** A data file that did not arrive or is not what the manifest names; its message goes to the reader. */
export class DataError extends Error {}

const NEXT = "Reload the page; if it stays so, build the site again: ./run site";

function meta(name) {
  return document.querySelector(`meta[name="kdgat:${name}"]`)?.content;
}

// Resolved against the page, not the module: bundles move, pages do not.
export function siteUrl(path) {
  return new URL(`${meta("root") ?? "../"}${path}`, document.baseURI);
}

let manifest;

/** The site's manifest, fetched once. */
export function readManifest() {
  manifest ??= fetchManifest();
  return manifest;
}

async function fetchManifest() {
  const response = await fetchOk(siteUrl("data/manifest.json"), { cache: "no-cache" });
  const found = await response.json().catch(() => ({}));
  if (found.format !== "kd-gat-site") throw new DataError(`data/manifest.json is not this site's manifest. ${NEXT}`);
  const built = meta("snapshot");
  if (built && built !== found.snapshot.id) {
    throw new DataError(
      `This page was built for snapshot ${built.slice(0, 12)}, but the data beside it is of ` +
      `${found.snapshot.id.slice(0, 12)}. ${NEXT}`,
    );
  }
  return found;
}

/** The bytes of one data file, once they are known to be the ones the manifest names. */
export async function readBytes(name) {
  const { files, snapshot } = await readManifest();
  const file = files[name];
  if (!file) throw new DataError(`The manifest names no data file ${name}. ${NEXT}`);
  const url = siteUrl(`data/${file.path}`);
  url.searchParams.set("v", file.sha256.slice(0, 12)); // another snapshot is another address
  const bytes = await (await fetchOk(url)).arrayBuffer();
  const wrong = await mismatch(bytes, file, snapshot);
  if (wrong) throw new DataError(`data/${file.path} ${wrong}. Nothing of it is shown. ${NEXT}`);
  return bytes;
}

/** The rows of one data file as plain objects; whole numbers that fit become numbers. */
export async function readTable(name) {
  const file = await readBytes(name);
  const rows = await parquetReadObjects({ file, compressors: { ZSTD: (input) => decompress(input) } });
  for (const row of rows) {
    for (const key in row) if (typeof row[key] === "bigint") row[key] = Number(row[key]);
  }
  return rows;
}

async function mismatch(bytes, file, snapshot) {
  if (bytes.byteLength !== file.bytes) return `has ${bytes.byteLength} bytes; the manifest says ${file.bytes}`;
  let metadata;
  try {
    metadata = parquetMetadata(bytes);
  } catch {
    return "is not a Parquet file";
  }
  const labels = Object.fromEntries((metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value]));
  const found = labels["kdgat.snapshot"];
  if (found !== snapshot.id) {
    return `is of snapshot ${found?.slice(0, 12) ?? "unknown"}; the manifest says ${snapshot.id.slice(0, 12)}`;
  }
  if (!globalThis.crypto?.subtle) return null; // browsers offer digests over https and on localhost only
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex === file.sha256 ? null : "was altered: its digest is not the manifest's";
}

async function fetchOk(url, options) {
  const name = url.pathname.split("/").slice(-2).join("/");
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw new DataError(`${name} could not be fetched (${error.message}). Is the server still running? ${NEXT}`);
  }
  if (!response.ok) throw new DataError(`${name} could not be fetched: the server said ${response.status}. ${NEXT}`);
  return response;
}
