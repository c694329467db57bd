"""Packs: the rows of many owners in one sorted file a table, and the index of whose rows they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.files import sha256_of, staged_file
from lake.generation import FOLDER, Indexed
from lake.parts import DIGITS, MERGED
from lake.row_digest import owner_digests
from lake.stored import StoredFile
from lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 122_880  # rows; DuckDB reads a group of that many at a time
_RESTORE = "Restore it from a copy (./run lake pull REMOTE --repair)."
MOST_ROWS = 16_000_000  # of a pack; more go into another one


def check_pack(root: Path, pack: StoredFile) -> None:
    """Raises LakeError where a pack is not what it was written as: a copy of its rows would make the damage last."""
    path = root / pack.path
    try:
        found = sha256_of(path)
    except OSError as error:
        raise LakeError(f"{path} cannot be read ({error.strerror}). {_RESTORE}") from error
    if found != pack.sha256:
        raise LakeError(f"{path} was altered: its bytes are not those that its generation names. {_RESTORE}")


def write_packs(root: Path, table: Table, chunks: Iterable[pa.Table]) -> list[tuple[StoredFile, list[Indexed]]]:
    """Write rows into packs, each with its index rows (whose parts are still to be filled in).

    Args:
        chunks: rows in key order, each chunk of whole owners.

    Raises:
        LakeError: the disk is full, or the folder cannot be written.
    """
    packs = []
    waiting: list[pa.Table] = []
    for chunk in chunks:
        if waiting and sum(map(len, waiting)) + len(chunk) > MOST_ROWS:
            packs.append(_write_pack(root, table, waiting))
            waiting = []
        waiting.append(chunk)
    return [*packs, _write_pack(root, table, waiting)] if waiting else packs


def _write_pack(root: Path, table: Table, chunks: Sequence[pa.Table]) -> tuple[StoredFile, list[Indexed]]:
    import pyarrow.parquet as pq

    folder = root / table.name / MERGED
    found: list[tuple[str, int, str]] = []
    repeats = False
    with ExitStack() as stack:
        staged = stack.enter_context(staged_file(folder))
        with pq.ParquetWriter(staged, table.schema, compression="zstd", write_page_checksum=True) as writer:
            for chunk in chunks:
                found += owner_digests(table, chunk)
                repeats = repeats or _has_repeats(table, chunk)
                writer.write_table(chunk, row_group_size=ROW_GROUP)
        name = f"{staged.sha256[:DIGITS]}.parquet"
        staged.give_name(folder / name)  # also where it is there: `gc` may be about to free what a killed one left
        rows = sum(count for _, count, _ in found)
        path = f"{table.name}/{MERGED}/{name}"
        pack = StoredFile(table.name, path, staged.sha256, staged.size_bytes, rows, table.version, repeats)
    return pack, [Indexed(table.name, owner, path, count, digest, ()) for owner, count, digest in found]


def _has_repeats(table: Table, chunk: pa.Table) -> bool:
    """Whether several rows may be about the same thing: rows of a second attempt are."""
    import pyarrow.compute as pc

    return table.latest is not None and pc.max(chunk["attempt"]).as_py() > 1


def write_index(root: Path, rows: Sequence[Indexed]) -> tuple[str, str]:
    """Write the index of a generation; its path below the root, and its digest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [(name, pa.string()) for name in ("table", "owner", "pack")]
        + [("rows", pa.int64()), ("digest", pa.string()), ("parts", pa.list_(pa.string()))]
    )
    ordered = sorted(rows, key=lambda one: (one.table, one.owner, one.pack))
    data = pa.Table.from_pylist([one.__dict__ | {"parts": list(one.parts)} for one in ordered], schema=schema)
    with staged_file(root / FOLDER) as staged:
        pq.write_table(data, staged, compression="zstd", write_page_checksum=True)
        path = root / FOLDER / f"index-{staged.sha256[:DIGITS]}.parquet"
        staged.give_name(path)
        return path.relative_to(root).as_posix(), staged.sha256
