"""What a lake holds at one moment: packs, the parts that are in no pack yet, and journals' rows that are in no part."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.generation import FOLDER as GENERATIONS
from lake.generation import Generation, Indexed, current_generation, load_generation, read_index
from lake.journal_file import JournalContent
from lake.journalled import covered, gaps, list_set_aside, packed_parts, rows_behind
from lake.journals import JournalName, list_journals, read_named
from lake.numbered import numbered_path, numbers
from lake.parts import MERGED, Part, check_part, list_parts, schema_version
from lake.relation import rows_of
from lake.schema import TABLES
from lake.table import Row, Table

if TYPE_CHECKING:
    import pyarrow as pa

_LOG = logging.getLogger("kdgat.lake")


@dataclass(frozen=True)
class Held:
    """What counts, by table.

    Attributes:
        hidden: owners whose rows in packs count no more, since a later attempt wrote them anew.
        running: journals with rows that no part may hold yet; a longer part will take the place of what there is.
        scattered: owners with rows in several places, which alone may hold a key twice.
    """

    generation: Generation
    parts: Mapping[str, list[Part]]
    rows: Mapping[str, list[Row]]
    hidden: Mapping[str, set[str]]
    running: frozenset[str]
    scattered: Mapping[str, set[str]]


def held(root: Path, tables: Collection[str] = tuple(TABLES), before: float | None = None) -> Held:
    """Look at the lake as it is now, or with `before` as far as it was made until that time, in seconds since 1970.

    Journals are read before parts are listed, and parts before what was set aside and the generation: whatever moves
    on meanwhile is then seen twice rather than not at all, and names tell which of the two to leave out.

    Raises:
        LakeError: something in it cannot be read.
    """
    journals = [(name, content) for name in list_journals(root) if (content := _content(name))]
    listed = list_parts(root, tables)
    if before is not None:
        listed = {
            name: [part for part in parts if is_older(root / part.path, before)] for name, parts in listed.items()
        }
    aside = list_set_aside(root, tables)
    generation = generation_at(root, before)
    touched = [name for name in tables if listed[name] or journals]
    packed = read_index(root, generation, touched) if touched else []
    index: dict[tuple[str, str], list[Indexed]] = defaultdict(list)
    for one in packed:
        index[one.table, one.owner].append(one)
    parts: dict[str, list[Part]] = {}
    hidden: dict[str, set[str]] = {}
    for name in tables:
        parts[name], hidden[name] = _counting(
            root, TABLES[name], listed[name], index, aside.get(name, ()), generation.number > 0
        )
    known = covered(listed, packed, aside)
    rows: dict[str, list[Row]] = defaultdict(list)
    for journal, content in journals:
        for table, found in rows_behind(content, known[journal.journal]).items():
            if table in parts:
                rows[table] += found
    running = frozenset(journal.journal for journal, _ in journals)
    scattered = {
        name: _scattered(TABLES[name], parts[name], rows.get(name, []), index, hidden[name]) for name in tables
    }
    return Held(generation, parts, rows, hidden, running, scattered)


def _scattered(
    table: Table, parts: Iterable[Part], rows: Iterable[Row],
    index: Mapping[tuple[str, str], list[Indexed]], hidden: Collection[str],
) -> set[str]:  # fmt: skip
    """Owners with several parts, or with rows in a journal or a part and elsewhere as well."""
    logged = {row[table.owner] for row in rows}
    counted = Counter([part.owner for part in parts if part.owner != MERGED])
    counted.update(dict.fromkeys(logged, 2))  # it may have several journals
    counted.update(owner for owner in counted if (table.name, owner) in index and owner not in hidden)
    return {owner for owner, places in counted.items() if places > 1}


def generation_at(root: Path, before: float | None) -> Generation:
    """The generation that held at that time, or holds now."""
    if before is None:
        return current_generation(root)
    for number in reversed(numbers(root / GENERATIONS)):
        if is_older(numbered_path(root / GENERATIONS, number), before):
            return load_generation(root, number)
    return Generation()


def is_older(path: Path, before: float) -> bool:
    """Whether the file was written until then; one that is gone was not."""
    try:
        return path.stat().st_mtime <= before
    except FileNotFoundError:
        return False


def _content(name: JournalName) -> JournalContent | None:
    """What is whole of a journal. That of a damaged one too, which is said: it must not keep everyone from all else."""
    try:
        try:
            return read_named(name)
        except LakeError as error:
            _LOG.warning("%s Rows of it may be missing in what follows.", error)
            return read_named(name, salvage=True)
    except (FileNotFoundError, LakeError):
        return None  # sealed since it was listed, and its parts are there; or no line of it can be read


def _counting(
    root: Path, table: Table, listed: Iterable[Part], index: Mapping[tuple[str, str], list[Indexed]],
    aside: Sequence[Part], has_generation: bool,
) -> tuple[list[Part], set[str]]:  # fmt: skip
    """The parts that count beside the packs, and the owners whose packed rows do not."""
    by_owner: dict[str, list[Part]] = defaultdict(list)
    for part in listed:
        if part.owner != MERGED or not has_generation:  # a pack is named by its generation
            by_owner[part.owner].append(part)
    counting: list[Part] = []
    hidden: set[str] = set()
    for owner, parts in by_owner.items():
        packed = packed_parts(index.get((table.name, owner), ()))
        names = {part.name for part in packed}
        settled = [*packed, *(part for part in aside if part.owner == owner)]
        fresh = [part for part in longest(parts) if part.name not in names and not _is_settled(part, settled)]
        fresh = _without_twins(root, fresh)
        if table.is_bulk:
            attempt = max((part.attempt for part in packed), default=0)
            last = max((part.attempt for part in fresh), default=0)
            fresh = [part for part in fresh if part.attempt == last] if last >= attempt else []
            if fresh and packed and last > attempt:
                hidden.add(owner)
        counting += fresh
    return counting, hidden


def longest(parts: Iterable[Part]) -> list[Part]:
    """Without the parts of a journal whose records another one of the same journal holds, and more."""
    listed = list(parts)
    reach: dict[tuple[str, str, str, int], int] = {}
    for part in listed:
        if found := part.journalled:
            journal, first, end = found
            reach[part.table, part.owner, journal, first] = max(
                end, reach.get((part.table, part.owner, journal, first), 0)
            )
    spans: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for (table, owner, journal, first), end in reach.items():
        spans[table, owner, journal].append((first, end))

    def is_within(part: Part) -> bool:
        if not (found := part.journalled):
            return False
        journal, first, end = found
        others = spans[part.table, part.owner, journal]
        return any(begin <= first and end <= stop and (begin, stop) != (first, end) for begin, stop in others)

    return [part for part in listed if not is_within(part)]


def _is_settled(part: Part, settled: Iterable[Part]) -> bool:
    """Whether a part was set aside, or all of its records are in packs or were set aside in others.

    One of the same name and other bytes was not: of two that differ a person takes one out.
    """
    if not (found := part.journalled):
        return False
    spans = []
    for other in settled:
        if other == part:
            return True
        if other.name != part.name and (of_journal := other.journalled) and of_journal[0] == found[0]:
            spans.append(of_journal[1:])
    return not gaps(found[1:], spans)


def _without_twins(root: Path, parts: Sequence[Part]) -> list[Part]:
    """Without parts of the same name and the same rows, which two releases of pyarrow wrote at the same moment."""
    by_name: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        twins = by_name[part.name]
        if not any(have_same_rows(root, part, twin) for twin in twins):
            twins.append(part)
    return [part for twins in by_name.values() for part in twins]


def have_same_rows(root: Path, part: Part, other: Part) -> bool:
    """Whether two parts say the same, whatever their bytes; of one that cannot be read nobody knows."""
    try:
        return bool(_rows(root, part).equals(_rows(root, other)))
    except LakeError:
        return False


def _rows(root: Path, part: Part) -> "pa.Table":
    import duckdb

    table, path = TABLES[part.table], root / part.path
    version = schema_version(check_part(path, table, part.digest))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(f"{rows_of(table, [(path, version)])} ORDER BY {table.order_sql}").to_arrow_table()
