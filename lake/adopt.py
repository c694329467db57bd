"""Takes over another lake's snapshot: the rows of runs that this lake has not, or not all of.

Rows that both have count once. Where a run has rows here and there, one side must hold all of the other's: a run
that went on since. Otherwise the two are different runs under one name, and nothing is taken over.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from lake.read import open_lake
from lake.relation import quoted, rows_of
from lake.root import create_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot, take_snapshot
from lake.stored import StoredFile
from lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

_TRIES = 100


@dataclass
class _Plan:
    """By table: owners that are new here, and those of whom there are more rows there."""

    new: dict[str, dict[str, Indexed]] = field(default_factory=lambda: defaultdict(dict))
    grown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    conflicts: list[str] = field(default_factory=list)

    @property
    def owners(self) -> set[str]:
        return {owner for found in (*self.new.values(), *self.grown.values()) for owner in found}


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
            raise LakeError(
                f"{len(plan.conflicts)} are in both lakes with different content, the first is {plan.conflicts[0]}. "
                "Nothing was taken over. Find out which is right; a run is never written over. Its rows: "
                "./run lake sql \"SELECT * FROM run_events WHERE run_id = '…'\", here and there."
            )
        for name, owners in plan.grown.items():
            for owner in owners:
                write_part(
                    root, TABLES[name], owner, f"p{snapshot.snapshot_id[:16]}", _lacking(lake, TABLES[name], owner)
                )
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
            more = _count(lake, table, f"incoming_{name}", table.view, owner)
            less = _count(lake, table, table.view, f"incoming_{name}", owner)
            if more and less:
                plan.conflicts.append(f"{table.owner.replace('_', ' ')} {owner} (table {name})")
            elif more:
                plan.grown[name].append(owner)
    return plan


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
    packs: list[StoredFile] = []
    index: list[Indexed] = []
    for name, owners in plan.new.items():
        for pack, rows in write_packs(root, TABLES[name], _chunks(lake, TABLES[name], owners)):
            packs.append(pack)
            index += rows
    for _ in range(_TRIES):
        now = current_generation(root)
        every = [*read_index(root, now, list(TABLES)), *index]
        following = Generation(now.number + 1, (*now.packs, *packs), *write_index(root, every))
        if put_generation(root, following):
            return
    raise LakeError(f"{root} is being compacted by others again and again. Try once they are done.")


def _chunks(
    lake: duckdb.DuckDBPyConnection, table: Table, owners: Mapping[str, Indexed]
) -> "Iterator[pa.Table]":  # fmt: skip
    ordered: Sequence[str] = sorted(owners, key=str.encode)
    for some in groups_of(ordered, {owner: one.rows for owner, one in owners.items()}):
        among = ", ".join(quoted(owner) for owner in some)
        yield (
            lake.sql(
                f'SELECT * FROM "incoming_{table.name}" WHERE "{table.owner}" IN ({among}) ORDER BY {table.order_sql}'
            )
            .to_arrow_table()
            .cast(table.schema)
        )
