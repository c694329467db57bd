"""Runs every loader over one snapshot of the lake and writes `data/*.parquet` with a manifest."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lake.files import sha256_of, whole_file
from lake.held import held
from lake.read import open_lake
from lake.snapshot import Snapshot
from loaders import settings
from loaders.errors import SiteError
from loaders.manifest import FileEntry, Manifest, write_manifest

FOLDER = Path(__file__).resolve().parent

# The data files of the site and what a row of each is. `NAME.sql` beside this file
# is one query over the lake's views; `NAME.py` has `load(lake) -> pa.Table` for what SQL cannot say.
LOADERS: Mapping[str, str] = {
    "leaderboard": "a row for each model on each capture and protocol: mean over seeds of the metrics",
    "intervals": "spread and 95 % interval of a leaderboard mean over several seeds",
    "comparisons": "one row a model and metric: its difference from the strongest baseline, and the evidence",
    "training_curves": "a metric of a split at an epoch, with the run it belongs to",
    "overview": "one row: what the snapshot holds",
    "legacy_results": "imported results, one row a model and capture, with their origin and known defects",
    "settings": "one row a setting of a frozen config, by its dotted key",
    "runs": "one row a run: status, config, commit, environment",
    "metrics": "one row a metric of a model on a capture, for each evaluation",
    "epochs": "one row a metric of a split at an epoch",
    "lineage": "which run came from which",
    "artifacts": "files the runs left behind, by digest",
    "datasets": "one row a dataset and prepare run",
    "captures": "one row a capture and prepare run",
    "splits": "windows of each capture in each split",
}


@dataclass(frozen=True)
class Loader:
    """One data file of the site: its name, what a row is, and the file that makes it."""

    name: str
    doc: str
    source: Path

    def load(self, lake: duckdb.DuckDBPyConnection) -> pa.Table:
        """The rows of this file.

        Raises:
            SiteError: DuckDB refuses the query.
        """
        try:
            if self.source.suffix == ".sql":
                return lake.sql(self.source.read_text()).to_arrow_table()
            table: pa.Table = importlib.import_module(f"loaders.{self.name}").load(lake)
            return table
        except duckdb.Error as error:
            raise SiteError(
                f"the loader {self.source.name} failed on this lake: {error}. Nothing was published. "
                f'Try the query by itself: ./run lake sql "$(cat loaders/{self.source.name})"'
            ) from error


def loaders() -> list[Loader]:
    found = []
    for name, doc in LOADERS.items():
        sql = FOLDER / f"{name}.sql"
        found.append(Loader(name, doc, sql if sql.exists() else FOLDER / f"{name}.py"))
    return found


def build_data(root: Path, snapshot: Snapshot, out: Path) -> Manifest:
    """Write every data file of `snapshot` into `out`, and last the manifest that names them.

    Raises:
        LakeError: the snapshot cannot be read.
        SiteError: a loader fails, or no evaluation is complete, so that there is nothing to publish.
    """
    entries = []
    is_demo = False
    with open_lake(root, snapshot) as lake:
        lake.register("settings", settings.load(lake))  # the one data file that others are made from
        for loader in loaders():
            table = loader.load(lake)
            if loader.name == "leaderboard" and table.num_rows == 0:
                raise SiteError(_nothing_evaluated(lake, snapshot))
            if loader.name == "overview":
                is_demo = bool(table["is_demo"][0].as_py())
            entries.append(_write(loader, table, snapshot, out))
    manifest = Manifest(snapshot.snapshot_id, snapshot.created_at, snapshot.schema, is_demo, tuple(entries))
    write_manifest(out / "manifest.json", manifest)
    return manifest


def parts_since(root: Path, snapshot: Snapshot) -> int:
    """How many files with rows the lake has that the snapshot does not name."""
    now = held(root)
    lying = {pack.path for pack in now.generation.packs} | {part.path for parts in now.parts.values() for part in parts}
    return len(lying - {file.path for file in snapshot.files})


def _write(loader: Loader, table: pa.Table, snapshot: Snapshot, out: Path) -> FileEntry:
    labelled = table.replace_schema_metadata({"kdgat.snapshot": snapshot.snapshot_id, "kdgat.loader": loader.name})
    path = out / f"{loader.name}.parquet"
    with whole_file(path) as staged:  # zstd, because the page's reader has no other codec
        pq.write_table(labelled, staged, compression="zstd", row_group_size=100_000)
    return FileEntry.of(loader.name, loader.doc, path, sha256_of(path), labelled, loader.source)


def _nothing_evaluated(lake: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> str:
    counts = lake.execute("SELECT status, count(*) FROM runs GROUP BY ALL ORDER BY ALL").fetchall()
    runs = ", ".join(f"{count} {status}" for status, count in counts) or "none"
    return (
        f"snapshot {snapshot.snapshot_id[:12]} has no complete evaluation, so there is no result to publish "
        f"(its runs: {runs}). Finish one experiment, ./run train sample, and freeze it: ./run lake snapshot"
    )
