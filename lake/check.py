"""Looks for what must not be: damaged or altered files, rows outside their contract, repeated keys, rows of unknown
runs, files that no table knows."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.check_journals import journal_faults
from lake.check_rows import repeated_keys, wrong_digests
from lake.contract import arrow_fault
from lake.errors import LakeError
from lake.files import sha256_of
from lake.generation import Generation, current_generation, packed_owners, packed_without, read_index
from lake.journals import list_journals
from lake.pack import ROW_GROUP
from lake.parts import MERGED, Part, check_part, list_packs, list_parts
from lake.read import open_lake
from lake.registry_log import registry_faults
from lake.root import check_lake, refuse_link
from lake.schema import TABLES
from lake.snapshot import Snapshot, load_snapshot, snapshot_files
from lake.table import MOST_ZEROS, Table
from lake.tags import tag_faults

_MOST_ALIKE = 20  # more would say the same
_THREADS = 4  # digests are computed without Python's lock
Tick = Callable[[int], None]


def verify(root: Path, snapshot: Snapshot | None = None, rows: bool = False, tick: Tick = lambda _: None) -> list[str]:
    """Every fault found, as a sentence each; an empty list means that all is sound.

    Every byte of every file that counts is read and compared with the digest that its name, its generation or a
    snapshot has of it. Without a snapshot that is the whole lake, and every snapshot of it. Faults between parts are
    looked for once each file is sound by itself.

    Args:
        rows: also every value against its column's contract, every key, and the digests of rows. A file with its
            digest was checked so when it was written; of older ones, which have none, the rows are checked always.
        tick: told the bytes of each file that was read.
    """
    if unseen := _unseen(root):
        return unseen
    check_lake(root)
    snapshots, faults = ([snapshot], []) if snapshot else _readable_snapshots(root)
    try:
        generation = current_generation(root)
        listed = [part for found in list_parts(root).values() for part in found]
    except LakeError as error:
        return [*faults, str(error)]
    parts = [part for part in listed if part.owner != MERGED or not generation.number]
    expected = _expected(generation, snapshots)
    if not snapshot:
        expected |= {
            part.path: (part.digest, "its name says") for part in parts if part.path not in expected and part.digest
        }
        faults += journal_faults(root, listed, generation) + tag_faults(root) + _stray_files(root, listed)
    altered = _altered(root, expected, tick)
    for part in parts:
        if part.path not in altered and (fault := _part_fault(root, part, rows or not part.digest)):
            altered[part.path] = fault
    if rows:
        for pack in generation.packs:
            if pack.path not in altered and (fault := _rows_fault(root / pack.path, TABLES[pack.table])):
                altered[pack.path] = fault
    faults += altered.values()
    if altered:
        return faults
    return (
        faults
        + _orphans(root, generation, parts)
        + _named_twice(root, generation)
        + repeated_keys(root, rows)
        + ([] if snapshot else registry_faults(root))
        + ([*wrong_digests(root, generation), *_all_zero(root)] if rows else [])
    )


def _unseen(folder: "Path | os.DirEntry[str]") -> list[str]:
    """Links anywhere below, and folders that cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda one: one.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{error.filename or folder} cannot be listed ({error.strerror}). Make it readable."]
    faults = []
    for entry in found:
        try:
            refuse_link(entry)
        except LakeError as error:
            faults.append(str(error))
        else:
            faults += _unseen(entry) if entry.is_dir() else []
    return faults


def _expected(generation: Generation, snapshots: Iterable[Snapshot]) -> dict[str, tuple[str, str]]:
    """Digest by path, and who says so."""
    found: dict[str, tuple[str, str]] = {}
    for snapshot in snapshots:
        named = f"snapshot {snapshot.snapshot_id[:12]} names"
        found |= {file.path: (file.sha256, named) for file in snapshot.files}
        if snapshot.index_path and snapshot.index_sha256:
            found[snapshot.index_path] = (snapshot.index_sha256, named)
    named = f"generation {generation.number} names"
    found |= {pack.path: (pack.sha256, named) for pack in generation.packs}
    if generation.index_path and generation.index_sha256:
        found[generation.index_path] = (generation.index_sha256, named)
    if generation.results:
        found[generation.results.path] = (generation.results.sha256, named)
    return found


def _altered(root: Path, expected: dict[str, tuple[str, str]], tick: Tick) -> dict[str, str]:
    """What is wrong with the bytes of each file, by its path."""

    def fault(item: tuple[str, tuple[str, str]]) -> tuple[str, str | None]:
        path, (digest, who) = item
        try:
            found = sha256_of(root / path)
            tick((root / path).stat().st_size)
        except FileNotFoundError:
            return path, f"{path} is missing; {who} it. Restore it from a copy."
        except OSError as error:
            return path, f"{path} cannot be read to its end ({error}). Restore it from a copy."
        if not found.startswith(digest):
            return path, f"{path} was altered: its bytes are not those that {who}. Restore it from a copy."
        return path, None

    with ThreadPoolExecutor(_THREADS) as pool:
        return {path: words for path, words in pool.map(fault, sorted(expected.items())) if words}


def _readable_snapshots(root: Path) -> tuple[list[Snapshot], list[str]]:
    snapshots, faults = [], []
    for path in snapshot_files(root):
        try:
            snapshots.append(load_snapshot(root, path.stem))
        except LakeError as error:
            faults.append(str(error))
    return snapshots, faults


def _stray_files(root: Path, listed: Iterable[Part]) -> list[str]:
    """Files in a table's folder that no reader would find; those being written have hidden names."""
    known = {part.path for part in listed} | {path.relative_to(root).as_posix() for path in list_packs(root)}
    strays = []
    for name in TABLES:
        for folder, _, files in os.walk(root / name):
            inside = os.path.relpath(folder, root).replace(os.sep, "/")
            strays += [
                root / inside / file for file in files if not (file.startswith(".") or f"{inside}/{file}" in known)
            ]
    return [f"{path} does not belong into the lake, and no query sees it. Move it out." for path in sorted(strays)]


def _part_fault(root: Path, part: Part, with_rows: bool) -> str | None:
    """The first fault of one part: of its form, of whose rows it holds, or of a row by itself."""
    path, table = root / part.path, TABLES[part.table]
    try:
        metadata = check_part(path, table)
    except LakeError as error:
        return str(error)
    if part.owner != MERGED:
        for group in range(metadata.num_row_groups):
            column = metadata.row_group(group).column(metadata.schema.names.index(table.owner))
            for other in ({column.statistics.min, column.statistics.max} if column.statistics else set()) - {
                part.owner
            }:
                return f"{path}: a row is of the {table.owner.replace('_', ' ')} {other}, not of {part.owner}."
    return _rows_fault(path, table) if with_rows else None


def _rows_fault(path: Path, table: Table) -> str | None:
    """The first row outside its contract, a million rows at a time."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=8 * ROW_GROUP):
                if fault := arrow_fault(table, pa.Table.from_batches([batch]), zeros=False):
                    return f"{path}: {fault}."
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"{path} cannot be read to its end ({error}). Restore it from a copy."
    return None


def _orphans(root: Path, generation: Generation, parts: Sequence[Part]) -> list[str]:
    """Rows of runs that `runs` does not know, told by whose rows files hold."""
    if any(part.owner == MERGED for part in parts):
        return _orphans_by_rows(root)
    tables = [name for name, table in TABLES.items() if table.owner == "run_id" and name != "runs"]
    loose = {(part.table, part.owner) for part in parts if part.table in tables}
    known = {part.owner for part in parts if part.table == "runs"} | {one.run_id for one in list_journals(root)}
    if any(owner not in known for _, owner in loose):
        known |= packed_owners(root, generation, "runs")
    found = {*packed_without(root, generation, tables, "runs"), *loose}
    strangers = sorted((name, owner) for name, owner in found if owner not in known)
    return [f"{name}: rows of the run {owner}, which runs does not know." for name, owner in strangers[:_MOST_ALIKE]]


def _named_twice(root: Path, generation: Generation) -> list[str]:
    """Packs that a generation names more than once, and owners whose rows in a table it has in more than one place."""
    packs = Counter(pack.path for pack in generation.packs)
    owners = Counter((one.table, one.owner) for one in read_index(root, generation, list(TABLES)))
    named = [(f"the pack {path}", count) for path, count in packs.items()]
    named += [(f"the rows of {owner} in the table {table}", count) for (table, owner), count in sorted(owners.items())]
    return [
        f"generation {generation.number} names {what} {count} times, and they may count as often. Restore the lake "
        "from a copy, or pull the newest snapshot that is right into a new one."
        for what, count in named
        if count > 1
    ][:_MOST_ALIKE]


def _all_zero(root: Path) -> list[str]:
    """Runs whose measurements are 0 throughout, which came row by row, so that no batch of them was refused."""
    faults = []
    with open_lake(root) as connection:
        for table in TABLES.values():
            if table.refuses_zeros:
                found = connection.execute(
                    f'SELECT "{table.owner}", count(value) FROM "{table.view}" GROUP BY ALL '
                    f"HAVING count(value) > {MOST_ZEROS} AND count(*) FILTER (value <> 0) = 0 ORDER BY ALL"
                ).fetchall()
                faults += [
                    f"{table.name}: all {n} values of {owner} are 0, which no evaluation gives." for owner, n in found
                ]
    return faults


def _orphans_by_rows(root: Path) -> list[str]:
    faults = []
    with open_lake(root) as connection:
        for table in TABLES.values():
            if table.owner == "run_id":
                rows = connection.execute(
                    f'SELECT DISTINCT run_id FROM "{table.view}" WHERE run_id NOT IN (SELECT run_id FROM runs) LIMIT 3'
                ).fetchall()
                faults += [f"{table.name}: rows of the run {run_id}, which runs does not know." for (run_id,) in rows]
    return faults
