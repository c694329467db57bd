// The overview: counts, runs with their status, data, and the manifest's files.
import { fill } from "../../components/element.js";
import { readManifest, readTable } from "../../data.js";
import { countTiles } from "./overview/counts.js";
import { dataSection } from "./overview/datasets.js";
import { provenance } from "./overview/provenance.js";
import { runTables } from "./overview/runs.js";

const place = (id) => document.getElementById(id);

await Promise.all([
  fill(place("counts"), async () => countTiles((await readTable("overview"))[0])),
  fill(place("runs"), async () => runTables(await readTable("runs"))),
  fill(place("data"), async () =>
    dataSection(...(await Promise.all(["datasets", "captures", "splits", "runs"].map(readTable))))),
  fill(place("provenance"), async () => provenance(await readManifest(), (await readTable("overview"))[0])),
]);
