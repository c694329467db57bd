"""What was found in a source: rows that go into the lake, and everything that does not, by name."""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from lake.table import Table


@dataclass(frozen=True)
class Wishes:
    """What the person says of a source that the source itself does not.

    Attributes:
        name: stands in the run ids, in place of the kind of the source.
        dataset, stage: of runs that do not name theirs.
        split: of numbers whose names do not begin with train, val or test.
        to: where folders are moved, in place of the source itself.
    """

    name: str | None = None
    dataset: str | None = None
    stage: str | None = None
    split: str | None = None
    to: Path | None = None


@dataclass(frozen=True)
class Refused:
    """Something of a source that is not imported, and why."""

    source: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.source}: {self.what}: {self.why}"


@dataclass(frozen=True)
class Account:
    """Where the rows of a file or table of the source went; none is lost: `there` is the sum of the other two."""

    source: str
    there: int
    imported: int
    refused: int
    into: str

    def __str__(self) -> str:
        return f"{self.source}: {self.there:,} there, {self.imported:,} imported, {self.refused:,} refused; {self.into}"


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one run for one table, in the table's columns and checked against its contract."""

    table: Table
    run_id: str
    rows: pa.Table


@dataclass(frozen=True)
class Move:
    """A folder of the old layout, and where it goes; `copies` where that is another file system."""

    old: Path
    new: Path
    files: int
    size_bytes: int
    copies: bool


@dataclass
class Found:
    """All of one store: `kind` is a row of KINDS, `origin` what its runs carry in the lake."""

    kind: str
    path: Path
    origin: str
    pieces: list[Piece] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    """folders that nothing is left in once the moves are done"""

    @property
    def name(self) -> str:
        """As it stands in messages."""
        return f"{self.kind} {self.path.name}"
