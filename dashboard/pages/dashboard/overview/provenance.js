// The manifest, readable: snapshot, commits, and each file with its loader and digest.
import { element } from "../../../components/element.js";
import { bytes, NOT_APPLICABLE, whole } from "../../../components/format.js";
import { dataTable } from "../../../components/table.js";
import { siteUrl } from "../../../data.js";

export function provenance(manifest, overview) {
  const { snapshot, files } = manifest;
  const facts = [
    ["Snapshot", element("code", {}, snapshot.id)],
    ["Frozen", snapshot.created_at],
    ["Code", overview.code_commits ? element("code", {}, overview.code_commits) : NOT_APPLICABLE],
    ["Ask it again", element("code", {}, `./run lake sql --snapshot ${snapshot.id.slice(0, 12)} "SELECT …"`)],
  ];
  if (overview.has_uncommitted_code) facts.push(["Caution", "some runs used code with uncommitted changes"]);
  const list = element("dl", { class: "facts" },
    ...facts.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
  return [list, fileTable(files)];
}

function fileTable(files) {
  const rows = Object.entries(files).map(([name, file]) => ({ name, ...file }));
  return dataTable({
    caption: "Data files of this site: any Parquet reader opens them",
    columns: [
      { key: "name", label: "File", kind: "long", header: true,
        cell: ({ path }) => element("a", { href: siteUrl(`data/${path}`).href, download: path }, path) },
      { key: "doc", label: "A row is", kind: "label" },
      { key: "rows", label: "Rows", kind: "number", format: whole },
      { key: "bytes", label: "Size", kind: "number", format: bytes },
      { key: "loader", label: "Loader", kind: "text", cell: ({ loader }) => element("code", {}, loader) },
      { key: "sha256", label: "SHA-256", kind: "text",
        cell: ({ sha256 }) => element("code", { title: sha256 }, sha256.slice(0, 12)) },
    ],
    rows,
  });
}
