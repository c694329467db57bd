"""Turns journals into parts: those of processes that are gone for good, those of living ones up to now.

A part of a journal says which of its records it holds, so nothing is lost or doubled however often, wherever and
by how many at once this is done: readers take of a journal the longest part, and from the journal what follows it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lake.append import write_part
from lake.contract import arrow_of
from lake.errors import LakeError, NotWrittenError
from lake.files import remove, rename
from lake.generation import Indexed, current_generation, read_index
from lake.journal_file import JournalContent
from lake.journal_writer import is_over
from lake.journals import JournalName, journal_name, list_journals, named_journals, read_named
from lake.parts import Part, journalled_name, list_parts
from lake.root import check_lake
from lake.schema import TABLES
from lake.table import Row


def recover(root: Path) -> list[Path]:
    """Make parts of every journal's rows, and put away the journals of processes that are gone; gives the parts.

    Raises:
        LakeError: a journal is damaged, or a part cannot be written; the other journals' rows are in parts.
    """
    check_lake(root)
    parts: list[Path] = []
    faults: list[LakeError] = []
    for name in list_journals(root):
        try:
            is_finished = name.is_done or is_over(name)
            content = read_named(name)
            parts += _write_parts(root, name, content)
            if is_finished:
                put_away(name, content)
        except FileNotFoundError:
            continue  # sealed by its own process, or put away by another one
        except LakeError as error:
            faults.append(error)
    if faults:
        kind = NotWrittenError if all(isinstance(fault, NotWrittenError) for fault in faults) else LakeError
        raise kind("\n".join(map(str, faults)))
    return parts


def seal_journal(root: Path, path: Path) -> list[Path]:
    """Make parts of a journal that its own process has closed, and remove it.

    Raises:
        LakeError: a part cannot be written; the journal stays.
        FileNotFoundError: it is gone.
    """
    name = journal_name(path)
    assert name, "a journal of ours has a name of ours"
    try:
        parts = _write_parts(root, name, read_named(name))
    except FileNotFoundError:
        # another machine took its process for dead, and put it away; it was written on all the same
        moved = [one for one in named_journals(root) if one.is_done and one.journal == name.journal]
        if not moved:
            raise
        return [part for one in moved for part in _write_parts(root, one, read_named(one))]
    remove(path)
    return parts


def rescue(root: Path, source: Path) -> list[Path]:
    """Take over a journal that its process had to put elsewhere, as far as its records are in no part yet.

    Raises:
        LakeError: it is no journal, or a part cannot be written.
    """
    name = journal_name(source)
    if not name or not source.is_file():
        raise LakeError(f"{source} is no journal: it has the name <run>~<journal>.journal, as the warning said it.")
    name = replace(name, first=0, end=0)
    index: dict[tuple[str, str], list[Indexed]] = defaultdict(list)
    for one in read_index(root, current_generation(root), list(TABLES)):
        index[one.table, one.owner].append(one)
    known = covered(list_parts(root), index)[name.journal]
    return _write_parts(root, name, read_named(name), known)


def salvage(root: Path) -> tuple[list[Path], int]:
    """As `recover`, but of a damaged journal what is whole; the damaged one is kept under another name.

    Returns:
        The parts, and how many records are lost.

    Raises:
        LakeError: as `recover`; or a process may still write a damaged journal, which then stays as it is.
    """
    parts: list[Path] = []
    lost = 0
    written: list[str] = []
    for name in list_journals(root):
        try:
            read_named(name)
        except FileNotFoundError:
            continue
        except LakeError:
            content = read_named(name, salvage=True)
            if not is_over(name):
                host = content.header.host if content.header else "some machine"
                written.append(f"{name.path} is damaged, and a process on {host} may still write it. Salvage it later.")
                continue
            lost += content.lost
            parts += _write_parts(root, name, content)
            rename(name.path, name.path.with_suffix(".damaged"))
    if written:
        raise LakeError("\n".join(written))
    return parts + recover(root), lost


def covered(
    listed: Mapping[str, Sequence[Part]], index: Mapping[tuple[str, str], Sequence[Indexed]]
) -> dict[str, dict[str, int]]:
    """By journal and table, how many of its records are in parts or packs."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    names = [(part.table, part) for parts in listed.values() for part in parts]
    names += [
        (table, Part(table, owner, name, None))
        for (table, owner), packed in index.items()
        for one in packed
        for name in one.parts
    ]
    for table, part in names:
        if of_journal := part.journalled:
            journal, _, end = of_journal
            found[journal][table] = max(end, found[journal].get(table, 0))
    return found


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


def _write_parts(
    root: Path, name: JournalName, content: JournalContent, known: Mapping[str, int] | None = None
) -> list[Path]:
    """A part a table; `runs` last, since a run that is complete there is complete in every table.

    Args:
        known: by table, how many records are in parts already, which are left out.
    """
    if content.header is None:
        return []
    parts = []
    tables = {table for record in content.records for table in record}
    for table in sorted(tables, key=lambda one: (one == "runs", one)):
        first = max(name.first, (known or {}).get(table, 0))
        if rows := [row for record in content.records[first:] for row in record.get(table, ())]:
            part = journalled_name(content.header.attempt, name.journal, first, len(content.records))
            parts.append(write_part(root, TABLES[table], name.run_id, part, arrow_of(TABLES[table], rows)))
    return parts


def put_away(name: JournalName, content: JournalContent) -> None:
    """Out of the readers' sight but not off the disk, until `gc`; an empty one at once."""
    if content.records:
        done = f"{name.run_id}~{name.journal}~{len(content.records)}~{content.size}.done"
        rename(name.path, name.path.with_name(done))
    else:
        remove(name.path)
