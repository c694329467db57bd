"""Takes over another lake's snapshot: the rows of runs that this lake has not, or not all of.

Rows that both have count once. Where a run has rows here and there, one side must hold all of the other's: a run
that went on since. Otherwise the two are different runs under one name, and nothing is taken over.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from lake.append import write_part
from lake.compact import groups_of
from lake.errors import LakeError
from lake.generation import Generation, Indexed, current_generation, put_generation, read_index
from lake.held import held
from lake.owners import Owners, owners_of, places_in
from lake.pack import write_index, write_packs
from lake.parts import Part, part_name
from lake.read import open_lake
from lake.relation import quoted, rows_of
from lake.root import create_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot, take_snapshot
from lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

_TRIES = 100
_MOST = 10  # conflicts named


@dataclass
class _Plan:
    """By table: owners that are new here, those of whom there are more rows there, and those of whose many rows a
    later attempt's are there.

    Attributes:
        grown: with the attempt that wrote the rows there, 0 where that is not known.
    """

    new: dict[str, dict[str, Indexed]] = field(default_factory=lambda: defaultdict(dict))
    grown: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    later: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    conflicts: list[tuple[Table, str]] = field(default_factory=list)

    @property
    def owners(self) -> set[str]:
        return {owner for found in (self.new, self.grown, self.later) for owners in found.values() for owner in owners}


def adopt(root: Path, snapshot: Snapshot, fetched: Mapping[str, Path]) -> list[str]:
    """Add the snapshot's rows that this lake lacks; gives the runs, and models of the registry, that got some.

    Args:
        fetched: where the snapshot's files lie, its index included, by the path it names.

    Raises:
        LakeError: a run is in both lakes with different content, a file is missing, or the lake cannot be written.
    """
    create_lake(root)
    theirs = owners_of(snapshot, fetched)
    with open_lake(root) as lake:
        for name in {file.table for file in snapshot.files}:
            files = [(fetched[file.path], file.schema) for file in snapshot.files if file.table == name]
            lake.execute(f'CREATE VIEW "incoming_{name}" AS {rows_of(TABLES[name], files)}')
        plan = _plan(lake, _own(root), theirs)
        if plan.conflicts:
            raise LakeError("\n".join(_said(plan.conflicts)))
        here = f"p{snapshot.snapshot_id[:16]}"
        for name, owners in plan.grown.items():
            for owner, attempt in owners.items():
                part = part_name(attempt, here) if attempt else here
                write_part(root, TABLES[name], owner, part, _lacking(lake, TABLES[name], owner))
        for name, owners in plan.later.items():
            for owner, attempt in owners.items():
                write_part(root, TABLES[name], owner, part_name(attempt, here), _incoming(lake, TABLES[name], [owner]))
        if plan.new:
            _add_packs(root, lake, plan)
    return sorted(plan.owners)


def _own(root: Path) -> Owners:
    """Whose rows this lake has; a lake without rows has nobody's."""
    now = held(root)
    if not now.generation.packs and not any(now.parts.values()) and not any(now.rows.values()):
        return {}
    mine = take_snapshot(root)
    return owners_of(mine, places_in(root, mine))


def _plan(lake: duckdb.DuckDBPyConnection, ours: Owners, theirs: Owners) -> _Plan:
    plan = _Plan()
    for (name, owner), one in theirs.items():
        table = TABLES[name]
        mine = ours.get((name, owner))
        if mine is None:
            plan.new[name][owner] = one
        elif mine.digest != one.digest:
            attempts = _attempt(table, mine), _attempt(table, one)
            if table.is_bulk and all(attempts) and attempts[0] != attempts[1]:
                if attempts[0] < attempts[1]:
                    plan.later[name][owner] = attempts[1]
                continue  # of many rows the last attempt's count, whatever earlier ones wrote
            more = _count(lake, table, f"incoming_{name}", table.view, owner)
            less = _count(lake, table, table.view, f"incoming_{name}", owner)
            if more and less:
                plan.conflicts.append((table, owner))
            elif more:
                plan.grown[name][owner] = max(attempts) if table.is_bulk else 0
    return plan


def _attempt(table: Table, one: Indexed) -> int:
    """The last that its parts' names tell; 0 where none does."""
    return max((Part(table.name, one.owner, name, None).attempt for name in one.parts), default=0)


def _said(conflicts: Sequence[tuple[Table, str]]) -> Iterator[str]:
    """What is in both with different content, and how to look at it."""
    count = f"{len(conflicts)} things are" if len(conflicts) > 1 else "one thing is"
    yield f"{count} in both lakes with different content, and nothing was taken over:"
    for table, owner in conflicts[:_MOST]:
        ask = f"SELECT * FROM {table.view} WHERE {table.owner} = {quoted(owner)}"
        yield f"  {table.owner.replace('_', ' ')} {owner} (table {table.name}): {ask}"
    if len(conflicts) > _MOST:
        yield f"  and {len(conflicts) - _MOST} more"
    yield "Find out which is right; a run is never written over. ./run lake sql shows the rows, here and there."


def _only(left: str, right: str, table: Table, owner: str) -> str:
    """Rows of an owner that the left view has and the right one lacks."""
    where = f'WHERE "{table.owner}" = {quoted(owner)}'
    return f'SELECT * FROM "{left}" {where} EXCEPT SELECT * FROM "{right}" {where}'


def _count(lake: duckdb.DuckDBPyConnection, table: Table, left: str, right: str, owner: str) -> int:
    return int(lake.sql(f"SELECT count(*) FROM ({_only(left, right, table, owner)})").fetchall()[0][0])


def _lacking(lake: duckdb.DuckDBPyConnection, table: Table, owner: str) -> "pa.Table":
    rows = _only(f"incoming_{table.name}", table.view, table, owner)
    return lake.sql(f"SELECT * FROM ({rows}) ORDER BY {table.order_sql}").to_arrow_table().cast(table.schema)


def _add_packs(root: Path, lake: duckdb.DuckDBPyConnection, plan: _Plan) -> None:
    """New owners' rows as packs of the next generation; the next compaction merges them with ours."""
    for _ in range(_TRIES):
        now = current_generation(root)
        index = read_index(root, now, list(TABLES))
        packs = list(now.packs)
        for name, owners in plan.new.items():
            lacking = _without(owners, (one for one in index if one.table == name))
            if not lacking:
                continue
            for pack, rows in write_packs(root, TABLES[name], _chunks(lake, TABLES[name], lacking)):
                packs.append(pack)
                # parts that were packed there tell which attempt and which records of a journal they are
                index += [replace(one, parts=lacking[one.owner].parts) for one in rows]
        if len(packs) == len(now.packs):
            return
        if put_generation(root, Generation(now.number + 1, tuple(packs), *write_index(root, index))):
            return
    raise LakeError(f"{root} is being compacted by others again and again. Try once they are done.")


def _without(owners: Mapping[str, Indexed], now: Iterable[Indexed]) -> dict[str, Indexed]:
    """Without those that came into the lake since it was compared, as from another pull of the same."""
    here = {one.owner: one for one in now if one.owner in owners}
    if other := [owner for owner, one in here.items() if one.digest != owners[owner].digest]:
        raise LakeError(f"{other[0]} came into the lake while it was compared, with other rows. Pull again.")
    return {owner: one for owner, one in owners.items() if owner not in here}


def _chunks(
    lake: duckdb.DuckDBPyConnection, table: Table, owners: Mapping[str, Indexed]
) -> "Iterator[pa.Table]":  # fmt: skip
    ordered: Sequence[str] = sorted(owners, key=str.encode)
    for some in groups_of(ordered, {owner: one.rows for owner, one in owners.items()}):
        yield _incoming(lake, table, some)


def _incoming(lake: duckdb.DuckDBPyConnection, table: Table, owners: Sequence[str]) -> "pa.Table":
    """All of their rows there, in key order."""
    among = ", ".join(quoted(owner) for owner in owners)
    sql = f'SELECT * FROM "incoming_{table.name}" WHERE "{table.owner}" IN ({among}) ORDER BY {table.order_sql}'
    return lake.sql(sql).to_arrow_table().cast(table.schema)
