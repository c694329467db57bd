"""A frozen view of the lake: its files, what their rows say, and one id over that.

The id is of the rows: for each table the digests of each owner's rows, whatever files they lie in. The same rows
give the same id on any machine and day. A snapshot of a schema before 4 has the digest over paths and bytes as id.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lake.compact import compact
from lake.errors import LakeError
from lake.files import sha256_of, visible, write_whole
from lake.generation import Generation, Indexed, read_index
from lake.held import Held, held
from lake.manifest_file import manifest_bytes, read_manifest
from lake.pack import check_pack
from lake.parts import Part, check_part, schema_version
from lake.relation import quoted, rows_of
from lake.root import check_lake
from lake.row_digest import owner_digests
from lake.schema import TABLES
from lake.stored import StoredFile, stored_file
from lake.table import Table
from lake.version import SCHEMA_VERSION

FOLDER = "snapshots"
_AGAIN = (
    "Restore it from a copy (./run lake pull REMOTE --repair); where the lake has not changed since, ./run lake "
    "snapshot writes it again; ./run lake forget gives it up."
)
_TRIES = 5
_BY_ROWS = 4  # first schema whose snapshots are known by their rows


@dataclass(frozen=True)
class TableDigest:
    """A table's rows: how many, and the digest over the digests of its owners' rows."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """See the module.

    Attributes:
        index_path, index_sha256: the generation's index, which has the digest of each owner's rows in packs.
        beside: the same of owners with rows in parts, as of runs that were running.
    """

    snapshot_id: str
    created_at: str
    schema: int
    files: tuple[StoredFile, ...]
    tables: Mapping[str, TableDigest] = field(default_factory=dict)
    index_path: str | None = None
    index_sha256: str | None = None
    beside: tuple[Indexed, ...] = ()

    def check_files(self, root: Path, tables: Collection[str] | None = None) -> dict[str, Path]:
        """Where each of its files is, by the path it names.

        Args:
            tables: read the files of these, and compare every byte with its digest; by default sizes are compared.

        Raises:
            LakeError: a file is no longer in the lake, or is not what it was.
        """
        paths = {file.path: root / file.path for file in self.files}
        for file in self.files:
            try:
                size = paths[file.path].stat().st_size
            except OSError:
                size = None
            what = "is gone from" if size is None else f"has {size} bytes instead of {file.size_bytes} in"
            if size == file.size_bytes and tables is not None and file.table in tables:
                size = None if sha256_of(paths[file.path]) != file.sha256 else size
                what = "was altered in"
            if size != file.size_bytes:
                raise LakeError(
                    f"snapshot {self.snapshot_id[:12]} names {file.path}, which {what} {root}. "
                    "Restore it from a copy (./run lake pull REMOTE --repair); a snapshot is never patched."
                )
        return paths

    @property
    def rows(self) -> dict[str, int]:
        return {name: sum(file.rows for file in self.files if file.table == name) for name in TABLES}


def take_snapshot(root: Path, now: datetime | None = None) -> Snapshot:
    """Freeze the lake as it stands; a lake that has not changed keeps its id and its first date.

    Rows of runs that are running are in it as far as they were acknowledged.

    Raises:
        LakeError: `root` is no lake, a part cannot be read, or the lake cannot be written.
    """
    check_lake(root)
    seen = _compacted(root)
    generation = seen.generation  # another process may have gone on since ours
    beside, files = _beside(root, seen)
    files = [*generation.packs, *files]
    if not files:
        raise LakeError(f"{root} holds no rows yet. Train first: ./run train sample")
    tables = table_digests(owner_rows(root, generation, beside))
    snapshot_id = id_of(tables, SCHEMA_VERSION)
    path = snapshot_path(root, snapshot_id)
    if not _is_whole(path):
        at = max(now or datetime.now(UTC), _newest(root) + timedelta(microseconds=1))
        ordered = tuple(sorted(files, key=lambda file: file.path))
        index = (generation.index_path, generation.index_sha256)
        snapshot = Snapshot(
            snapshot_id, at.isoformat(timespec="microseconds"), SCHEMA_VERSION, ordered, tables, *index, tuple(beside)
        )
        write_whole(path, snapshot_bytes(snapshot))
    return load_snapshot(root, snapshot_id)


def _newest(root: Path) -> datetime:
    """The last date that a snapshot has: the next one's is after it, whatever a machine's clock says."""
    dates = [datetime.min.replace(tzinfo=UTC)]
    for path in snapshot_files(root):
        with suppress(LakeError):
            dates.append(datetime.fromisoformat(load_snapshot(root, path.stem).created_at))
    return max(dates)


def _is_whole(path: Path) -> bool:
    """Whether the snapshot is there as it was written; a damaged one is written anew, since its id is its rows."""
    try:
        return read_snapshot(path.read_bytes()).snapshot_id == path.stem
    except (LakeError, OSError, ValueError, KeyError, TypeError):
        return False


def _compacted(root: Path) -> Held:
    """The lake once no attempt's bulk rows lie beside packs that still have those of the attempt before."""
    for _ in range(_TRIES):
        compact(root)
        seen = held(root)
        if not any(seen.hidden.values()):
            return seen
    raise LakeError(f"{root} is written anew faster than it is compacted. Try once its runs have ended.")


def _beside(root: Path, now: Held) -> tuple[list[Indexed], list[StoredFile]]:
    """What running journals have in parts: whose rows those are, with their digest, and the files."""
    indexed: list[Indexed] = []
    files: list[StoredFile] = []
    index = read_index(root, now.generation, [name for name, parts in now.parts.items() if parts])
    for name, parts in now.parts.items():
        owners: dict[str, list[Part]] = {}
        for part in parts:
            owners.setdefault(part.owner, []).append(part)
        for owner, own in owners.items():
            found = [file for part in own if (file := _stored(root, part)).rows]
            holding = {one.pack for one in index if (one.table, one.owner) == (name, owner)}
            packs = [pack for pack in now.generation.of(name) if pack.path in holding]
            for pack in packs:
                check_pack(root, pack)
            files += found
            if found:
                indexed.append(_digested(root, TABLES[name], owner, [*found, *packs]))
    return indexed, files


def _stored(root: Path, part: Part) -> StoredFile:
    path = root / part.path
    metadata = check_part(path, TABLES[part.table])
    repeats = part.attempt > 1
    version = schema_version(metadata)
    return StoredFile(
        part.table, part.path, sha256_of(path), path.stat().st_size, metadata.num_rows, version, repeats
    )  # fmt: skip


def _digested(root: Path, table: Table, owner: str, files: Iterable[StoredFile]) -> Indexed:
    """The digest of all rows of one owner, which these parts and packs hold."""
    import duckdb

    every = [(root / file.path, file.schema) for file in files]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        own = f'SELECT * FROM ({rows_of(table, every)}) WHERE "{table.owner}" = {quoted(owner)}'
        rows = connection.sql(f"{own} ORDER BY {table.order_sql}").to_arrow_table()
    ((_, count, digest),) = owner_digests(table, rows.cast(table.schema))
    return Indexed(table.name, owner, "", count, digest, ())


def owner_rows(root: Path, generation: Generation, beside: Iterable[Indexed]) -> dict[tuple[str, str], Indexed]:
    """The rows of each owner in each table: those in parts as well take the place of those in packs alone."""
    rows = {(one.table, one.owner): one for one in read_index(root, generation, list(TABLES))}
    return rows | {(one.table, one.owner): one for one in beside}


def table_digests(owners: Mapping[tuple[str, str], Indexed]) -> dict[str, TableDigest]:
    lines: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for (table, owner), one in sorted(owners.items()):
        lines.setdefault(table, []).append(f"{owner}\t{one.rows}\t{one.digest}")
        counts[table] = counts.get(table, 0) + one.rows
    return {
        table: TableDigest(counts[table], hashlib.sha256("\n".join(listed).encode()).hexdigest())
        for table, listed in lines.items()
    }


def id_of(tables: Mapping[str, TableDigest], schema: int) -> str:
    lines = [f"{name}\t{one.rows}\t{one.sha256}" for name, one in sorted(tables.items())]
    return hashlib.sha256("\n".join([f"rows of schema {schema}", *lines]).encode()).hexdigest()


def load_snapshot(root: Path, id_or_prefix: str) -> Snapshot:
    """The snapshot with that id, or the only one whose id begins so.

    Raises:
        LakeError: none or several fit, or the file's content does not give its id.
    """
    matches = snapshot_files(root)
    chosen = [path for path in matches if path.stem.startswith(id_or_prefix)]
    if len(chosen) != 1:
        known = ", ".join(path.stem[:12] for path in matches) or "none yet (./run lake snapshot makes one)"
        problem = "no snapshot" if not chosen else "more than one snapshot"
        raise LakeError(f"{problem} of {root} begins with {id_or_prefix!r}. Snapshots: {known}.")
    try:
        snapshot = read_snapshot(chosen[0].read_bytes())
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{chosen[0]} cannot be read as a snapshot ({error}). {_AGAIN}") from error
    if snapshot.snapshot_id != chosen[0].stem:
        raise LakeError(f"{chosen[0]} was altered: it holds the id {snapshot.snapshot_id[:12]}. {_AGAIN}")
    return snapshot


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    return manifest_bytes(asdict(snapshot))


def read_snapshot(data: bytes) -> Snapshot:
    """The snapshot that a file, here or on a remote, describes.

    Raises:
        LakeError: its content does not give its id, a path leads out of a lake, or its schema is newer than ours.
        KeyError, TypeError, ValueError: it is none, or was altered.
    """
    read = json.loads(data)
    if "tables" in read:
        read = read_manifest(data)
    schema = int(read["schema"])
    if schema > SCHEMA_VERSION:
        raise LakeError(f"the snapshot is of schema {schema}, newer than {SCHEMA_VERSION}. Update kd-gat.")
    files = tuple(stored_file({"schema": schema, **file}) for file in read.pop("files"))
    tables = {name: TableDigest(**one) for name, one in read.pop("tables", {}).items()}
    beside = tuple(Indexed(**{**one, "parts": tuple(one["parts"])}) for one in read.pop("beside", ()))
    snapshot = Snapshot(files=files, tables=tables, beside=beside, **read)
    found = id_of(tables, schema) if schema >= _BY_ROWS else _id_of_files(files, schema)
    counted = all(one.rows == snapshot.rows[name] for name, one in tables.items())
    if snapshot.snapshot_id != found or not counted:
        raise LakeError(
            f"snapshot {str(snapshot.snapshot_id)[:12]} was altered: its content gives the id {found[:12]}. {_AGAIN}"
        )
    return snapshot


def latest_snapshot(root: Path) -> Snapshot:
    """The newest snapshot of the lake.

    Raises:
        LakeError: there is none.
    """
    check_lake(root)
    paths = snapshot_files(root)
    if not paths:
        raise LakeError(f"{root} has no snapshot yet. Make one: ./run lake snapshot")
    return max((load_snapshot(root, path.stem) for path in paths), key=lambda one: one.created_at)


def snapshot_files(root: Path) -> list[Path]:
    """The file of every snapshot, be it damaged, by its id.

    Raises:
        LakeError: they cannot be listed.
    """
    return [Path(entry.path) for entry in visible(root / FOLDER) if entry.name.endswith(".json")]


def snapshot_path(root: Path, snapshot_id: str) -> Path:
    return root / FOLDER / f"{snapshot_id}.json"


def forgotten_path(root: Path, snapshot_id: str) -> Path:
    """Where a snapshot that was given up waits for `gc`; its file was last written at that moment."""
    return root / FOLDER / f".{snapshot_id}.forgotten"


def _id_of_files(files: tuple[StoredFile, ...], schema: int) -> str:
    """The id as schemas before 4 had it."""
    lines = sorted(f"{file.table}\t{file.path}\t{file.sha256}" for file in files)
    return hashlib.sha256("\n".join([f"schema {schema}", *lines]).encode()).hexdigest()
