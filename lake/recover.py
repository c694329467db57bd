"""Turns journals into parts: those of processes that are gone for good, those of living ones up to now.

A part of a journal says which of its records it holds, so nothing is lost or doubled however often, wherever and
by how many at once this is done: readers take of a journal the longest part, and from the journal what follows it.
"""

import fcntl
import os
import re
import socket
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lake.append import write_part
from lake.contract import arrow_of
from lake.errors import LakeError
from lake.files import remove, rename
from lake.journal import FOLDER
from lake.journal_file import JournalContent, Record, read_journal
from lake.parts import journalled_name
from lake.processes import is_gone
from lake.root import check_lake, refuse_link
from lake.schema import TABLES
from lake.table import Row

_NAME = re.compile(r"(?P<run>[^~]+)~(?P<journal>[0-9a-f]+)(?:~(?P<first>\d+)~(?P<end>\d+))?\.(?:journal|done)")


@dataclass(frozen=True)
class JournalName:
    """What a journal's name says.

    Attributes:
        first, end: of a journal whose writer was taken for dead: how many records, and bytes, are in parts. Were the
            writer alive after all, it would write on behind them, and nothing of it would be lost.
    """

    path: Path
    run_id: str
    journal: str
    first: int = 0
    end: int = 0

    @property
    def is_done(self) -> bool:
        return self.end > 0


def list_journals(root: Path) -> list[JournalName]:
    """Journals with rows that are in no part yet, as far as their names and sizes tell."""
    found = []
    for path in _files(root / FOLDER):
        name = _NAME.fullmatch(path.name)
        if name is None:
            continue
        one = JournalName(path, name["run"], name["journal"], int(name["first"] or 0), int(name["end"] or 0))
        if not one.is_done or _size(path) > one.end:
            found.append(one)
    return sorted(found, key=lambda one: one.path.name)


def recover(root: Path) -> list[Path]:
    """Make parts of every journal's rows, and put away the journals of processes that are gone; gives the parts.

    Raises:
        LakeError: a journal is damaged, or a part cannot be written; the other journals' rows are in parts.
    """
    check_lake(root)
    parts: list[Path] = []
    faults: list[str] = []
    for name in list_journals(root):
        try:
            is_dead = _is_dead(name)
            content = read_journal(name.path)
            parts += _write_parts(root, name, content)
            if is_dead or name.is_done:
                _put_away(name, content)
        except FileNotFoundError:
            continue  # sealed by its own process, or put away by another one
        except LakeError as error:
            faults.append(str(error))
    if faults:
        raise LakeError("\n".join(faults))
    return parts


def seal_journal(root: Path, path: Path) -> list[Path]:
    """Make parts of a journal that its own process has closed, and remove it.

    Raises:
        LakeError: a part cannot be written; the journal stays.
    """
    found = _NAME.fullmatch(path.name)
    assert found, "a journal of ours has a name of ours"
    if not path.exists():
        return []  # nothing was ever logged that the disk took
    parts = _write_parts(root, JournalName(path, found["run"], found["journal"]), read_journal(path))
    remove(path)
    return parts


def rescue(root: Path, source: Path) -> list[Path]:
    """Take over a journal that its process had to put elsewhere; the same file again changes nothing.

    Raises:
        LakeError: it is no journal, or a part cannot be written.
    """
    found = _NAME.fullmatch(source.name)
    if not found or not source.is_file():
        raise LakeError(f"{source} is no journal: it has the name <run>~<journal>.journal, as the warning said it.")
    return _write_parts(root, JournalName(source, found["run"], found["journal"]), read_journal(source))


def salvage(root: Path) -> tuple[list[Path], int]:
    """As `recover`, but of a damaged journal what is whole; the damaged one is kept under another name.

    Returns:
        The parts, and how many records are lost.
    """
    parts: list[Path] = []
    lost = 0
    for name in list_journals(root):
        try:
            read_journal(name.path)
        except FileNotFoundError:
            continue
        except LakeError:
            content = read_journal(name.path, salvage=True)
            lost += sum(not record for record in content.records)
            parts += _write_parts(root, name, content)
            rename(name.path, name.path.with_suffix(".damaged"))
    return parts + recover(root), lost


def rows_behind(name: JournalName, content: JournalContent, covered: dict[str, int]) -> dict[str, list[Row]]:
    """Rows by table that no part holds.

    Args:
        covered: by table, how many of the journal's records parts hold.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for number, record in enumerate(content.records):
        for table, listed in record.items():
            if number >= max(name.first, covered.get(table, 0)):
                rows[table] += listed
    return rows


def _write_parts(root: Path, name: JournalName, content: JournalContent) -> list[Path]:
    """A part a table; `runs` last, since a run that is complete there is complete in every table."""
    if content.header is None:
        return []
    part = journalled_name(content.header.attempt, name.journal, name.first, len(content.records))
    rows = _rows(content.records[name.first :])
    ordered = sorted(rows, key=lambda table: (table == "runs", table))
    return [
        write_part(root, TABLES[table], name.run_id, part, arrow_of(TABLES[table], rows[table])) for table in ordered
    ]


def _rows(records: Sequence[Record]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for record in records:
        for table, listed in record.items():
            rows[table] += listed
    return rows


def _put_away(name: JournalName, content: JournalContent) -> None:
    """Out of the readers' sight but not off the disk, until `gc`; an empty one at once."""
    if content.records:
        done = f"{name.run_id}~{name.journal}~{len(content.records)}~{content.end}.done"
        rename(name.path, name.path.with_name(done))
    else:
        remove(name.path)


def _is_dead(name: JournalName) -> bool:
    """Whether the writer is known to be gone: its lock is free, and it ran on this machine, where its number is that of
    no process, or of one that began after the last line was written.

    Of another machine's process neither is known for sure: a lock may not reach that far. Its rows become parts all
    the same, and its journal stays until its run has ended.
    """
    descriptor = os.open(name.path, os.O_RDONLY)
    try:
        written = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    header = read_journal(name.path).header
    if header is None:
        return False  # it may have been opened this very moment
    return header.host == socket.gethostname() and is_gone(header.process_id, written)


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LakeError(
            f"{folder} cannot be listed ({error.strerror}), so rows would be missing. Make it readable."
        ) from error
    for entry in found:
        refuse_link(entry)
    return [Path(entry.path) for entry in found]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
