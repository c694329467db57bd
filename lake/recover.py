"""Turns journals into parts: those of processes that are gone for good, those of living ones up to now.

A part of a journal says which of its records it holds, so nothing is lost or doubled however often, wherever and
by how many at once this is done: each writes all that is not packed, readers take of a journal the longest part, and
from the journal what follows it.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lake.append import write_part
from lake.contract import arrow_of
from lake.errors import LakeError, NotWrittenError
from lake.files import remove, rename
from lake.generation import Generation, current_generation
from lake.journal_file import JournalContent
from lake.journal_writer import is_over
from lake.journalled import Known, Span, gaps, holds, list_set_aside, packed_of, spans_of
from lake.journals import JournalName, journal_name, list_journals, named_journals, read_named
from lake.keys import files_of, key_of, keys_in
from lake.parts import Part, journalled_name, owner_parts, part_name
from lake.root import check_lake
from lake.schema import RUNS, TABLES

RECONCILED = "reconciled"  # the part with the end of a run that `reconcile` found
_LOG = logging.getLogger("kdgat.lake")


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
            parts += write_parts(root, name, content)
            if is_finished and content.cut:
                _LOG.warning(
                    "%s: %d whole lines lie behind zeros, as a power cut leaves what was not flushed yet: their rows "
                    "are left out.", name.path, content.cut,
                )  # fmt: skip
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
        parts = write_parts(root, name, read_named(name))
    except FileNotFoundError:
        # another machine took its process for dead, and put it away; it was written on all the same
        moved = [one for one in named_journals(root) if one.is_done and one.journal == name.journal]
        if not moved:
            raise
        return [part for one in moved for part in write_parts(root, one, read_named(one))]
    remove(path)
    return parts


def write_parts(root: Path, name: JournalName, content: JournalContent) -> list[Path]:
    """A part a table of what was neither packed nor set aside; `runs` last, since a run that is complete there is
    complete in every table. Gives the parts that hold it, written now or before."""
    header = content.header
    tables = {table for record in content.records for table in record}
    if header is None or not tables:
        return []
    generation = current_generation(root)
    while True:
        packed = packed_of(root, generation, name.run_id)
        settled = _settled(root, packed, name)
        content = _without_reconciled(root, generation, packed, name, content, settled)
        parts: list[Path] = []
        for table in sorted(tables, key=lambda one: (one == "runs", one)):
            for span in gaps((header.elsewhere, len(content.records)), settled.get(table, ())):
                parts += _write_span(root, name, content, table, span)
        now = current_generation(root)
        if now.number == generation.number:
            return parts
        generation = now
        _take_back(root, name, parts, _settled(root, packed_of(root, now, name.run_id), name))


def _settled(root: Path, packed: Iterable[Part], name: JournalName) -> Known:
    """Which records of a journal are never written again, by table."""
    aside = [part for parts in list_set_aside(root).values() for part in parts]
    return spans_of([*packed, *aside])[name.journal]


def _take_back(root: Path, name: JournalName, parts: Iterable[Path], settled: Known) -> None:
    """Remove what was written at the moment at which a compaction packed a part of it."""
    for path in parts:
        part = Part(path.parent.parent.name, name.run_id, path.name.partition(".")[0], None)
        assert part.journalled
        span = part.journalled[1:]
        if gaps(span, settled.get(part.table, ())) not in ([], [span]):
            remove(path)


def _write_span(root: Path, name: JournalName, content: JournalContent, table: str, span: Span) -> list[Path]:
    """The part with the records of a span, but for what parts hold that reach beyond it."""
    first, end = span
    loose = {
        part.journalled[1:]: part
        for part in owner_parts(root, table, name.run_id)
        if part.journalled and part.journalled[0] == name.journal
    }
    for (begin, stop), part in loose.items():
        if begin <= first and end <= stop:
            return [root / part.path]
    first = max([first, *(stop for begin, stop in loose if begin < first < stop)])
    end = min([end, *(begin for begin, stop in loose if first < begin < end < stop)])
    rows = [row for record in content.records[first:end] for row in record.get(table, ())]
    if not rows or content.header is None:
        return []
    part_of = journalled_name(content.header.attempt, name.journal, first, end)
    return [write_part(root, TABLES[table], name.run_id, part_of, arrow_of(TABLES[table], rows))]


def _without_reconciled(
    root: Path, generation: Generation, packed: Iterable[Part], name: JournalName, content: JournalContent,
    settled: Known,
) -> JournalContent:  # fmt: skip
    """Without an end of the run that `reconcile` has written meanwhile, since no key stands in two rows."""
    assert content.header
    of_end = part_name(content.header.attempt, RECONCILED)
    files = files_of(root, [part for part in owner_parts(root, RUNS.name, name.run_id) if part.name == of_end])
    if any((part.table, part.name) == (RUNS.name, of_end) for part in packed):
        files += [(root / pack.path, pack.schema) for pack in generation.of(RUNS.name)]
    if not files:
        return content
    known = keys_in(RUNS, name.run_id, files)
    ends = {
        number
        for number, record in enumerate(content.records)
        if not holds(settled.get(RUNS.name, ()), number)
        for row in record.get(RUNS.name, ())
        if row["status"] != "running" and key_of(RUNS, row) in known
    }
    if not ends:
        return content
    _LOG.warning(
        "%s: the end that the run logged itself is left out: ./run lake reconcile has written the same one.", name.path
    )
    return replace(
        content,
        records=tuple(
            {**record, RUNS.name: []} if number in ends else record for number, record in enumerate(content.records)
        ),
    )


def put_away(name: JournalName, content: JournalContent) -> None:
    """Out of the readers' sight but not off the disk, until `gc`; an empty one at once."""
    if content.records:
        done = f"{name.run_id}~{name.journal}~{len(content.records)}~{content.size}.done"
        rename(name.path, name.path.with_name(done))
    else:
        remove(name.path)
