"""What a migration will do: everything found, less what the lake has already, and what stands against it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lake.read import open_lake
from lake.root import MARKER
from lake.schema import RUNS, TABLES
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.found import Found, Move, Piece, Wishes
from pipeline.legacy.kinds import find_stores
from pipeline.legacy.moves import is_copy_of
from pipeline.legacy.runs import NO_DATE

# Two imports of a run agree though it came from another copy of the store, or a date was put in for want of one.
_LEFT_OUT = {
    RUNS.name: {
        "origin": "NULL",
        "started_at": f"CASE WHEN contains(reason, '{NO_DATE}') THEN NULL ELSE started_at END",
        "reason": f"split_part(reason, '{NO_DATE}', 1)",
    }
}


@dataclass(frozen=True, eq=False)
class Plan:
    """Pieces to append and folders to move, in this order; nothing else happens.

    Attributes:
        present: pieces the lake has already.
        conflicts: sentences; with one of them nothing is done.
        others: what lies beside the stores in `source` and is none.
    """

    source: Path
    found: tuple[Found, ...]
    pieces: tuple[Piece, ...]
    present: int
    conflicts: tuple[str, ...]
    others: tuple[Path, ...] = ()

    @property
    def moves(self) -> list[Move]:
        return [move for found in self.found for move in found.moves]

    @property
    def empty(self) -> list[Path]:
        return [path for found in self.found for path in found.empty]

    @property
    def is_done(self) -> bool:
        return not (self.pieces or self.moves or self.empty or self.conflicts)

    @property
    def refused(self) -> int:
        """Things of the source that are not imported."""
        return sum(len(one.refused) for one in self.found)

    @property
    def is_futile(self) -> bool:
        """Whether all of it is refused: nothing is to be done, and nothing was."""
        return self.is_done and not self.present and self.refused > 0


def make_plan(source: Path, lake: Path, wishes: Wishes) -> Plan:
    """Read the source and compare it with the lake.

    Raises:
        MigrateError: the source is none, or is damaged.
        LakeError: the lake cannot be read.
    """
    if wishes.name and not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", wishes.name):
        raise MigrateError(f"--as {wishes.name!r} cannot stand in a run id: use up to 40 letters, digits, '_' and '-'.")
    stores, others = find_stores(source, wishes.to)
    if wishes.name and len(stores) > 1:
        listed = ", ".join(path.name for _, path in stores)
        raise MigrateError(f"--as names one store, and {source} holds {len(stores)}: {listed}. Give them one by one.")
    try:
        found = tuple(kind.read(path, wishes) for kind, path in stores)
    except OSError as error:
        raise MigrateError(
            f"{error.filename or source} cannot be read ({error.strerror}). Make it readable, then try again."
        ) from error
    pieces = [piece for one in found for piece in one.pieces]
    conflicts = _told_twice(found)
    absent, different = _compare(lake, pieces)
    conflicts += [
        f"run {run_id} is in the lake with other {', '.join(tables)}: another source, or this one as it was, "
        "is imported under this id. Nothing of this source is imported; give it a name of its own with --as NAME."
        for run_id, tables in different.items()
    ]
    conflicts += [fault for one in found for fault in _collisions(one)]
    return Plan(source, found, tuple(absent), len(pieces) - len(absent), tuple(conflicts), tuple(others))


def _told_twice(found: Sequence[Found]) -> list[str]:
    """Runs of one id from two stores of this source."""
    owners: dict[str, str] = {}
    faults = []
    for one in found:
        for run_id in sorted({piece.run_id for piece in one.pieces}):
            if run_id in owners:
                faults.append(
                    f"run {run_id} is in both {owners[run_id]} and {one.name}. Give them one by one, with --as NAME."
                )
            owners[run_id] = one.name
    return faults


def _compare(lake: Path, pieces: Sequence[Piece]) -> tuple[list[Piece], dict[str, list[str]]]:
    """The pieces that the lake lacks, and the runs of which it has other rows, with the tables."""
    if not (lake / MARKER).exists():
        return list(pieces), {}
    absent, different = [], dict[str, list[str]]()
    names = sorted({piece.table.name for piece in pieces})
    with open_lake(lake, tables=names) as connection:
        for name in names:
            own = [piece for piece in pieces if piece.table.name == name]
            connection.register("planned", pa.concat_tables(piece.rows for piece in own))
            there = dict(connection.execute(_digests(name, TABLES[name].view)).fetchall())
            wanted = dict(connection.execute(_digests(name, "planned")).fetchall())
            for piece in own:
                if piece.run_id not in there:
                    absent.append(piece)
                elif there[piece.run_id] != wanted[piece.run_id]:
                    different.setdefault(piece.run_id, []).append(name)
            connection.unregister("planned")
    order = {id(piece): place for place, piece in enumerate(pieces)}
    return sorted(absent, key=lambda piece: order[id(piece)]), different


def _digests(table: str, view: str) -> str:
    """SQL: a run and a number that tells its rows of the table from others, whatever their order."""
    left_out = _LEFT_OUT.get(table, {})
    columns = ", ".join(left_out.get(name, f'"{name}"') for name in TABLES[table].columns)
    return (
        f"SELECT run_id, count(*)::VARCHAR || ' ' || sum(hash({columns})::HUGEINT)::VARCHAR "
        f'FROM "{view}" WHERE run_id IN (SELECT run_id FROM planned) GROUP BY run_id'
    )


def _collisions(found: Found) -> Iterable[str]:
    """Folders that would end in one place."""
    taken: dict[Path, Path] = {}
    for move in found.moves:
        if move.new in taken:
            yield f"{move.old} and {taken[move.new]} would both become {move.new}. Nothing is moved; rename one."
        elif move.new.exists() and not (move.copies and is_copy_of(move.new, move.old)):
            yield f"{move.old} would become {move.new}, which is there already. Nothing is moved; rename one of them."
        taken[move.new] = move.old
