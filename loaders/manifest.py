"""`manifest.json`: which snapshot the site shows, and each data file with its digest and its loader."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from lake.files import sha256_of, write_json
from lake.schema import TABLES

FORMAT = "kd-gat-site"


@dataclass(frozen=True)
class FileEntry:
    """One data file: where it lies, its bytes and rows, its columns, and what made it."""

    name: str
    doc: str
    path: str
    sha256: str
    size_bytes: int
    rows: int
    columns: tuple[dict[str, str], ...]
    loader: str
    loader_sha256: str

    @classmethod
    def of(cls, name: str, doc: str, path: Path, sha256: str, table: pa.Table, source: Path) -> "FileEntry":
        columns = tuple(
            {"name": field.name, "type": str(field.type), "doc": _doc(field.name, name)} for field in table.schema
        )
        loader = f"loaders/{source.name}"
        size = path.stat().st_size
        return cls(name, doc, path.name, sha256, size, table.num_rows, columns, loader, sha256_of(source))


@dataclass(frozen=True)
class Manifest:
    """Everything the pages know about the data before they read it."""

    snapshot_id: str
    created_at: str
    schema: int
    is_demo: bool
    files: tuple[FileEntry, ...]

    def as_json(self) -> dict[str, Any]:
        """Without the time of the build: the same snapshot and loaders give the same bytes."""
        snapshot = {"id": self.snapshot_id, "created_at": self.created_at, "schema": self.schema}
        files = {
            file.name: {
                "doc": file.doc,
                "path": file.path,
                "sha256": file.sha256,
                "bytes": file.size_bytes,
                "rows": file.rows,
                "columns": list(file.columns),
                "loader": file.loader,
                "loader_sha256": file.loader_sha256,
            }
            for file in self.files
        }
        return {"format": FORMAT, "snapshot": snapshot, "is_demo": self.is_demo, "files": files}


def write_manifest(path: Path, manifest: Manifest) -> None:
    write_json(path, manifest.as_json())


def _doc(column: str, table: str) -> str:
    """What the schema says of a column; a loader's own columns explain themselves in its file."""
    owners = [TABLES[table]] if table in TABLES else [TABLES[name] for name in ("metrics", "runs", "epochs")]
    return next((owner.columns[column].doc for owner in owners if column in owner.columns), "")
