"""Collects what a source holds into pieces of the lake's tables, and keeps count of what it refuses."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from lake.schema import LINEAGE, RUNS, TABLES
from lake.table import Row, Table
from pipeline.legacy.defects import defects_of
from pipeline.legacy.found import Account, Found, Piece, Refused
from pipeline.legacy.runs import OldRun, run_row
from pipeline.legacy.sift import sift


class Gathering:
    """A store while it is read; `finish` gives what was found."""

    def __init__(self, kind: str, name: str, path: Path, origin: str) -> None:
        self.experiment = f"legacy-{name}"
        self._found = Found(kind, path, origin)
        self._runs: dict[str, OldRun] = {}
        self._rows: dict[tuple[str, str], dict[tuple[Any, ...], Row]] = {}  # by table and run, then by key
        self._count: dict[str, list[int]] = {}  # source -> there, imported, refused
        self._into: dict[str, str] = {}

    @property
    def runs(self) -> dict[str, OldRun]:
        """By the id in the old store."""
        return self._runs

    def counted(self, source: str, there: int, imported: int, into: str) -> None:
        """`there` rows of a file or table of the source, of which `imported` found a place as they are."""
        count = self._count.setdefault(source, [0, 0, 0])
        count[0] += there
        count[1] += imported
        self._into.setdefault(source, into)

    def refuse(self, source: str, what: str, why: str) -> None:
        """One row that was counted does not go into the lake."""
        self._count.setdefault(source, [0, 0, 0])[2] += 1
        self._found.refused.append(Refused(source, what, why))

    def note(self, text: str) -> None:
        self._found.notes.append(text)

    def add_run(self, run: OldRun) -> None:
        self._runs[run.old] = run

    def change_run(self, old: str, note: str = "", **changes: Any) -> None:
        """Other values of the run's fields, and a sentence more in its `reason`."""
        run = replace(self._runs[old], **changes)
        self._runs[old] = replace(run, notes=(*run.notes, note)) if note else run

    def add_rows(self, source: str, table: Table, run_id: str, rows: Sequence[Row]) -> int:
        """Rows of a run, each with its `SOURCE`; those that break the contract are refused. Gives how many fit."""
        kept, refused = sift(table, [{**row, "run_id": run_id} for row in rows])
        for what, why in refused:
            self.refuse(source, what, why)
        place = self._rows.setdefault((table.name, run_id), {})
        taken = 0
        for row in kept:
            key = tuple(row.get(name) for name in table.key)
            if key in place:
                self.refuse(source, f"{run_id} {key[1:]}", "the same key as a row before it")
            else:
                place[key] = row
                taken += 1
        return taken

    def add_piece(self, table: Table, run_id: str, rows: pa.Table) -> None:
        """Rows in the table's columns that are known to fit."""
        self._found.pieces.append(Piece(table, run_id, rows))

    def add_teacher(self, student: str, teacher: str) -> None:
        """Say of a student which run taught it, in its row and in the lineage; both by their old ids."""
        teacher_run_id = self._runs[teacher].run_id
        self.change_run(student, teacher_run_id=teacher_run_id)
        self.add_lineage(self._runs[student].run_id, "distilled_from", teacher_run_id)

    def add_lineage(self, run_id: str, relation: str, parent_run_id: str) -> None:
        row = {"run_id": run_id, "relation": relation, "parent_run_id": parent_run_id}
        self._rows.setdefault((LINEAGE.name, run_id), {})[tuple(row.values())] = row

    def finish(self) -> Found:
        """Everything, each run's own row last: a run in the lake is then complete in every table."""
        found = self._found
        for (name, run_id), rows in self._rows.items():
            if rows:
                found.pieces.append(Piece(TABLES[name], run_id, TABLES[name].arrow(rows.values())))
        tables: dict[str, set[str]] = {}
        for piece in found.pieces:
            tables.setdefault(piece.run_id, set()).add(piece.table.name)
        for run in self._runs.values():
            row = self._run_row(run, tables.get(run.run_id, set()))
            found.pieces.append(Piece(RUNS, run.run_id, RUNS.arrow([row])))
        for source, (there, imported, refused) in self._count.items():
            found.accounts.append(Account(source, there, imported, refused, self._into.get(source, "")))
        return found

    def _run_row(self, run: OldRun, tables: set[str]) -> dict[str, Any]:
        defects = defects_of(self._found.kind, run.place.stage, run.place.dataset, tables)
        return run_row(run, self.experiment, self._found.origin, defects)
