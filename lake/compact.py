"""Compaction: many small parts become few large packs, and no reader notices.

New packs are written beside all that is there; then the next generation names them, in one step, and the parts they
came from count no more. Those parts, and packs that were merged into larger ones, stay where they are until `gc`:
a reader that still holds them goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from lake.contract import arrow_fault, repeated_key
from lake.errors import LakeError
from lake.generation import Generation, Indexed, put_generation, read_index
from lake.held import Held, held, longest
from lake.journals import list_journals
from lake.pack import check_pack, write_index, write_packs
from lake.parts import MERGED, Part, check_part, list_parts, schema_version
from lake.recover import recover
from lake.relation import quoted, rows_of
from lake.results import STANDS_ON, is_outdated, write_results
from lake.root import check_lake
from lake.schema import TABLES
from lake.stored import StoredFile
from lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 1_000_000  # of whole owners, held in memory at a time
_TRIES = 100
_MEMORY = "512MB"


@dataclass(frozen=True)
class _Source:
    """A part to be packed, once it was looked into."""

    part: Part
    rows: int
    schema: int


def compact(root: Path) -> Generation:
    """Pack every part that is no running journal's; gives the generation that holds now.

    Raises:
        LakeError: a part or a pack cannot be read or was altered, the disk is full, or other processes compact all the
            time.
    """
    check_lake(root)
    recover(root)
    for _ in range(_TRIES):
        now = held(root)
        fresh = {name: _with_rows(root, parts) for name, parts in _settled(root, now).items()}
        is_news = any(fresh.values()) or any(now.hidden.values())
        if now.generation.number and not is_news and not is_outdated(now.generation):
            return now.generation
        try:
            following = _following(root, now, fresh)
        except duckdb.IOException as error:
            if not _are_there(root, fresh):
                continue
            raise LakeError(
                f"a file of {root} cannot be read ({str(error).splitlines()[0]}). Nothing was merged; ./run lake "
                "verify names it."
            ) from error
        if _are_there(root, fresh) and put_generation(root, following):
            return following
    raise LakeError(f"{root} is being compacted by others again and again. Try once they are done.")


def _settled(root: Path, now: Held) -> dict[str, list[Part]]:
    """Without the parts of journals that are being written, of which a longer part will take the place.

    A journal may have begun since they were listed, and have become a longer part since: both are looked at again,
    in this order.
    """
    running = now.running | {one.journal for one in list_journals(root)}
    ended = {
        name: [part for part in parts if not (part.journalled and part.journalled[0] in running)]
        for name, parts in now.parts.items()
    }
    lasting = list_parts(root, [name for name, parts in ended.items() if any(part.journalled for part in parts)])
    found = {name: set(longest(parts)) for name, parts in lasting.items()}
    return {name: [part for part in parts if part in found.get(name, parts)] for name, parts in ended.items()}


def _are_there(root: Path, fresh: Mapping[str, Sequence[_Source]]) -> bool:
    """Whether no part was set aside since it was read: in a pack it would count all the same."""
    return all((root / source.part.path).exists() for sources in fresh.values() for source in sources)


def _with_rows(root: Path, parts: Sequence[Part]) -> list[_Source]:
    """What there is to pack; a part without rows stays where it is."""
    return [source for part in parts if (source := _source(root, part)).rows]


def _following(root: Path, now: Held, fresh: Mapping[str, list[_Source]]) -> Generation:
    index = read_index(root, now.generation, list(TABLES))
    packs: list[StoredFile] = []
    kept: list[Indexed] = []
    for name, sources in fresh.items():
        of_table = [one for one in index if one.table == name]
        merged = _to_merge(now.generation.of(name), of_table, sources, now.hidden[name])
        stay = [pack for pack in now.generation.of(name) if pack not in merged]
        for pack in [*merged, *(stay if TABLES[name] in STANDS_ON else ())]:  # what is read, for packs or for results
            check_pack(root, pack)
        packs += stay
        kept += [one for one in of_table if one.pack in {pack.path for pack in stay}]
        if sources or merged:
            for pack, rows in write_packs(
                root, TABLES[name], _chunks(root, TABLES[name], sources, merged, of_table, now.hidden[name])
            ):
                packs.append(pack)
                kept += _with_parts(rows, of_table, [source.part for source in sources])
    path, digest = write_index(root, kept)
    return Generation(now.generation.number + 1, tuple(packs), path, digest, write_results(root, packs))


def _source(root: Path, part: Part) -> _Source:
    metadata = check_part(root / part.path, TABLES[part.table], part.digest)
    return _Source(part, metadata.num_rows, schema_version(metadata))


def _to_merge(
    packs: Sequence[StoredFile], index: Sequence[Indexed], sources: Sequence[_Source], hidden: set[str]
) -> list[StoredFile]:
    """Packs to be written anew: those with rows of the same owners, so that an owner is in one pack, and those that
    are not larger than what is merged, so that a table has few (their sizes grow by powers of two)."""
    owners = {source.part.owner for source in sources} | hidden
    touched = {one.pack for one in index if one.owner in owners}
    merged = [pack for pack in packs if pack.path in touched]
    rows = sum(source.rows for source in sources) + sum(pack.rows for pack in merged)
    for pack in sorted(packs, key=lambda one: one.rows):
        if pack not in merged and rows and pack.rows <= 2 * rows:
            merged.append(pack)
            rows += pack.rows
    return merged


def _chunks(
    root: Path, table: Table, sources: Sequence[_Source], packs: Sequence[StoredFile], index: Sequence[Indexed],
    hidden: set[str],
) -> Iterator[pa.Table]:  # fmt: skip
    """The rows in key order, some owners at a time."""
    of_owner: dict[str, list[_Source]] = defaultdict(list)
    for source in sources:
        of_owner[source.part.owner].append(source)
    names = {pack.path for pack in packs}
    packed = {one.owner: one.rows for one in index if one.pack in names and one.owner not in hidden}
    owners = sorted(of_owner.keys() | packed.keys(), key=str.encode)
    rows = {owner: packed.get(owner, 0) + sum(source.rows for source in of_owner.get(owner, ())) for owner in owners}
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}'")
        if MERGED in of_owner:  # of an older schema: rows of owners that only they tell, and few enough
            yield _sorted_rows(connection, root, table, sources, packs, (), hidden)
            return
        for some in groups_of(owners, rows):
            loose = [source for owner in some for source in of_owner.get(owner, ())]
            is_packed = any(owner in packed for owner in some)
            yield _sorted_rows(connection, root, table, loose, packs if is_packed else (), some, hidden)


def groups_of(owners: Sequence[str], rows: Mapping[str, int]) -> Iterator[list[str]]:
    """Owners in order, so many at a time that memory holds their rows."""
    some: list[str] = []
    total = 0
    for owner in owners:
        if some and total + rows[owner] > _ROWS_AT_ONCE:
            yield some
            some, total = [], 0
        some.append(owner)
        total += rows[owner]
    if some:
        yield some


def _sorted_rows(
    connection: duckdb.DuckDBPyConnection, root: Path, table: Table, loose: Sequence[_Source],
    packs: Sequence[StoredFile], owners: Sequence[str], hidden: set[str],
) -> pa.Table:  # fmt: skip
    selected = []
    if packs:
        files = [(root / pack.path, pack.schema) for pack in packs]
        between = f"BETWEEN {quoted(owners[0])} AND {quoted(owners[-1])}" if owners else "IS NOT NULL"
        selected.append(f'SELECT * FROM ({rows_of(table, files, hidden)}) WHERE "{table.owner}" {between}')
    if loose:
        selected.append(rows_of(table, [(root / source.part.path, source.schema) for source in loose]))
    rows = connection.sql(f"SELECT * FROM ({' UNION ALL '.join(selected)}) ORDER BY {table.order_sql}")
    data = rows.to_arrow_table().cast(table.schema)
    if fault := arrow_fault(table, data, zeros=False):
        raise LakeError(f"{table.name}: {fault}. Nothing was merged; ./run lake verify --rows names the file.")
    if key := repeated_key(table, data):
        raise LakeError(
            f"{table.name}: the key {key} stands in more than one row. Nothing was merged; ./run lake verify names the "
            "files, ./run lake set-aside takes one out."
        )
    return data


def _with_parts(rows: Sequence[Indexed], index: Sequence[Indexed], parts: Sequence[Part]) -> list[Indexed]:
    """Index rows with the names of all parts that their rows ever came from."""
    names: dict[str, set[str]] = defaultdict(set)
    for one in index:
        names[one.owner].update(one.parts)
    for part in parts:
        names[part.owner].add(part.name)
    return [replace(one, parts=tuple(sorted(names[one.owner]))) for one in rows]
