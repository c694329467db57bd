"""Which records of a journal a lake has already, told by the names of what holds them.

A part's name says of which journal it holds the records from the first up to, not including, the end: all of its
table's rows of those. What is packed, and what was set aside, is never written again. Of loose parts those of one
journal begin at the same record, behind what is packed, so that the longest has all that the others have.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lake.errors import LakeError
from lake.files import visible
from lake.generation import Generation, Indexed
from lake.journal_file import JournalContent
from lake.parts import Part, list_parts
from lake.schema import TABLES
from lake.table import Row

SET_ASIDE = "set-aside"
Span = tuple[int, int]  # a first record, and the one after the last
Known = Mapping[str, Sequence[Span]]  # by table


def spans_of(parts: Iterable[Part]) -> dict[str, dict[str, list[Span]]]:
    """By journal and table, which records these parts hold."""
    found: dict[str, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        if of_journal := part.journalled:
            journal, first, end = of_journal
            found[journal][part.table].append((first, end))
    return found


def gaps(span: Span, held: Iterable[Span]) -> list[Span]:
    """What of a span others do not hold, in order."""
    at, end = span
    found = []
    for first, stop in sorted(held):
        if at < first < end:
            found.append((at, first))
        at = max(at, stop)
    return [*found, (at, end)] if at < end else found


def holds(held: Iterable[Span], number: int) -> bool:
    return any(first <= number < end for first, end in held)


def covered(
    listed: Mapping[str, Iterable[Part]], index: Iterable[Indexed], aside: Mapping[str, Iterable[Part]]
) -> dict[str, dict[str, list[Span]]]:
    """By journal and table, which records are in parts, in packs or set aside."""
    loose = [part for parts in (*listed.values(), *aside.values()) for part in parts]
    return spans_of([*loose, *packed_parts(index)])


def packed_parts(index: Iterable[Indexed]) -> list[Part]:
    """The parts that packs were made of; their digests are not known any more."""
    return [Part(one.table, one.owner, name, None) for one in index for name in one.parts]


def rows_behind(content: JournalContent, known: Known) -> dict[str, list[Row]]:
    """Rows of a journal by table, of the records that nothing holds."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for number, record in enumerate(content.records):
        for table, listed in record.items():
            if not holds(known.get(table, ()), number):
                rows[table] += listed
    return rows


def list_set_aside(root: Path, tables: Iterable[str] = tuple(TABLES)) -> dict[str, list[Part]]:
    """The parts that a person took out, by table; errors as `list_parts`."""
    there = {entry.name for entry in visible(root / SET_ASIDE)}
    return list_parts(root / SET_ASIDE, [name for name in tables if name in there])


def packed_of(root: Path, generation: Generation, owner: str) -> list[Part]:
    """The parts of one owner that packs were made of, in all tables.

    By Arrow, which is there where a part is written: a training that ends waits for this.

    Raises:
        LakeError: the index cannot be read.
    """
    if generation.index_path is None:
        return []
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = root / generation.index_path
    try:
        with pq.ParquetFile(path) as file:
            rows = file.read(columns=["table", "owner", "parts"])
    except (pa.ArrowException, OSError) as error:
        raise LakeError(f"{path}, the index of the lake's packs, cannot be read ({error}). Restore it.") from error
    found = rows.filter(pc.equal(rows["owner"], owner)).to_pylist()
    return [Part(row["table"], owner, name, None) for row in found for name in row["parts"]]
