"""What compaction has merged so far: the packs that hold the rows of many runs, and an index of whose rows those are.

`generations/<number>.json` names the packs; the highest number is what holds. Its index, a Parquet file of its own,
says of each table and owner in which pack its rows are, how many, their digest, and which parts they came from: a
part that is named there lies around until `gc`, but counts no more.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lake.errors import LakeError
from lake.manifest_file import load_manifest, manifest_bytes
from lake.numbered import last_number, numbered_path, put_numbered
from lake.relation import parquet_of
from lake.root import known_generation, lake_id, note_generation
from lake.stored import StoredFile, stored_file
from lake.version import SCHEMA_VERSION

FOLDER = "generations"
FORMAT = "kd-gat-generation"


@dataclass(frozen=True)
class Indexed:
    """The rows of one owner in one table, as a pack holds them."""

    table: str
    owner: str
    pack: str
    rows: int
    digest: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """The file of `lake/results.py`, which is made of the packs and may be made again."""

    path: str
    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class Generation:
    """The packs of a lake; number 0 has none."""

    number: int = 0
    packs: tuple[StoredFile, ...] = ()
    index_path: str | None = None
    index_sha256: str | None = None
    results: Results | None = None
    schema: int = field(default=SCHEMA_VERSION)

    def of(self, table: str) -> list[StoredFile]:
        return [pack for pack in self.packs if pack.table == table]


def current_generation(root: Path) -> Generation:
    """The generation that holds.

    Raises:
        LakeError: it cannot be read.
    """
    known = known_generation(root)  # before they are listed: another process may give a number between the two
    number = last_number(root / FOLDER)
    if number < known and numbered_path(root / FOLDER, known).exists():
        number = known  # the listing of a network file system may be seconds old
    if number < known:
        raise LakeError(
            f"generation {known} of {root} is gone, which says whose rows its packs hold: without it the lake would "
            "seem to have none. Restore it from a copy; a snapshot's rows come back by ./run lake pull REMOTE."
        )
    return load_generation(root, number) if number else Generation()


def load_generation(root: Path, number: int) -> Generation:
    path = numbered_path(root / FOLDER, number)
    try:
        read = load_manifest(path)
        if read.pop("format") != FORMAT:
            raise ValueError("another format")
        if (of := (read.pop("lake", None), read.pop("number", number))) not in (
            (None, number),
            (lake_id(root), number),
        ):
            raise ValueError(f"it is generation {of[1]} of the lake {of[0]}")
        packs = tuple(stored_file(pack) for pack in read.pop("packs"))
        results = read.pop("results", None)
        generation = Generation(number=number, packs=packs, results=Results(**results) if results else None, **read)
    except (OSError, ValueError, KeyError, TypeError, LakeError) as error:
        raise LakeError(
            f"{path} cannot be read as a generation of the lake ({error}). Restore it from a copy; "
            "the packs it names are whole."
        ) from error
    if generation.schema > SCHEMA_VERSION:
        raise LakeError(
            f"{path} was written with schema {generation.schema}, newer than {SCHEMA_VERSION}. Update kd-gat."
        )
    return generation


def put_generation(root: Path, generation: Generation) -> bool:
    """Make the generation hold; False where another process was first with that number."""
    about: dict[str, Any] = {"format": FORMAT, "lake": lake_id(root), **asdict(generation)}
    is_ours = put_numbered(root / FOLDER, generation.number, manifest_bytes(about))
    note_generation(root, generation.number)
    return is_ours


def read_index(root: Path, generation: Generation, tables: Collection[str]) -> list[Indexed]:
    """The index's rows of these tables.

    Raises:
        LakeError: the index cannot be read.
    """
    return read_index_file(root / generation.index_path, tables) if generation.index_path else []


def read_index_file(path: Path, tables: Collection[str]) -> list[Indexed]:
    """As `read_index`, of an index that may lie anywhere."""
    rows = _ask_index(
        path,
        'SELECT "table", owner, pack, rows, digest, parts FROM packed WHERE list_contains($tables, "table")',
        tables=list(tables),
    )
    return [
        Indexed(table, owner, pack, count, digest, tuple(parts)) for table, owner, pack, count, digest, parts in rows
    ]


def packed_owners(root: Path, generation: Generation, table: str) -> set[str]:
    """Whose rows of one table are in packs; errors as `read_index`."""
    if generation.index_path is None:
        return set()
    sql = 'SELECT owner FROM packed WHERE "table" = $table'
    return {owner for (owner,) in _ask_index(root / generation.index_path, sql, table=table)}


def packed_without(root: Path, generation: Generation, tables: Collection[str], other: str) -> list[tuple[str, str]]:
    """Tables and owners with rows in packs, but none of the table `other`; errors as `read_index`."""
    if generation.index_path is None:
        return []
    sql = """
        SELECT DISTINCT "table", owner FROM packed
        WHERE list_contains($tables, "table")
            AND owner NOT IN (SELECT owner FROM packed WHERE "table" = $other)
        ORDER BY ALL
    """
    return _ask_index(root / generation.index_path, sql, tables=list(tables), other=other)


def _ask_index(path: Path, sql: str, **values: Any) -> list[Any]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW packed AS SELECT * FROM {parquet_of([path])}")
            return connection.execute(sql, values).fetchall()
    except duckdb.Error as error:
        raise LakeError(f"{path}, the index of the lake's packs, cannot be read ({error}). Restore it.") from error
