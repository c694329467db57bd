"""What a lake holds at one moment: packs, the parts that are in no pack yet, and journals' rows that are in no part."""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lake.errors import LakeError
from lake.generation import FOLDER as GENERATIONS
from lake.generation import Generation, Indexed, current_generation, load_generation, read_index
from lake.journal_file import JournalContent
from lake.journals import JournalName, list_journals, read_named
from lake.numbered import numbered_path, numbers
from lake.parts import MERGED, Part, list_parts
from lake.recover import covered, rows_behind
from lake.schema import TABLES
from lake.table import Row, Table

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

    Journals are read before parts are listed, and parts before the generation: whatever moves on meanwhile is then
    seen twice rather than not at all, and names tell which of the two to leave out.

    Raises:
        LakeError: something in it cannot be read.
    """
    journals = [(name, content) for name in list_journals(root) if (content := _content(name))]
    listed = list_parts(root, tables)
    if before is not None:
        listed = {
            name: [part for part in parts if is_older(root / part.path, before)] for name, parts in listed.items()
        }
    generation = generation_at(root, before)
    touched = [name for name in tables if listed[name] or journals]
    index: dict[tuple[str, str], list[Indexed]] = defaultdict(list)
    for one in read_index(root, generation, touched) if touched else []:
        index[one.table, one.owner].append(one)
    parts: dict[str, list[Part]] = {}
    hidden: dict[str, set[str]] = {}
    for name in tables:
        parts[name], hidden[name] = _counting(TABLES[name], listed[name], index, generation.number > 0)
    known = covered(listed, index)
    rows: dict[str, list[Row]] = defaultdict(list)
    for journal, content in journals:
        for table, found in rows_behind(journal, content, known[journal.journal]).items():
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
    table: Table, listed: Iterable[Part], index: Mapping[tuple[str, str], list[Indexed]], has_generation: bool
) -> tuple[list[Part], set[str]]:
    """The parts that count beside the packs, and the owners whose packed rows do not."""
    by_owner: dict[str, list[Part]] = defaultdict(list)
    for part in listed:
        if part.owner != MERGED or not has_generation:  # a pack is named by its generation
            by_owner[part.owner].append(part)
    counting: list[Part] = []
    hidden: set[str] = set()
    for owner, parts in by_owner.items():
        packed = {name for one in index.get((table.name, owner), ()) for name in one.parts}
        fresh = [part for part in longest(parts) if part.name not in packed and not _is_prefix(part, packed)]
        if table.is_bulk:
            attempt = max((_attempt(table, name) for name in packed), default=0)
            last = max((part.attempt for part in fresh), default=0)
            fresh = [part for part in fresh if part.attempt == last] if last >= attempt else []
            if fresh and packed and last > attempt:
                hidden.add(owner)
        counting += fresh
    return counting, hidden


def longest(parts: Iterable[Part]) -> list[Part]:
    """Without the parts of a journal that a longer one of the same journal repeats."""
    ends: dict[tuple[str, int], int] = {}
    for part in parts:
        if found := part.journalled:
            ends[found[:2]] = max(found[2], ends.get(found[:2], 0))
    return [part for part in parts if not (found := part.journalled) or ends[found[:2]] == found[2]]


def _is_prefix(part: Part, packed: Collection[str]) -> bool:
    """Whether a longer part of the same journal is in a pack."""
    if not part.journalled:
        return False
    journal, first, end = part.journalled
    others = (Part(part.table, part.owner, name, None).journalled for name in packed)
    return any(other and other[:2] == (journal, first) and other[2] >= end for other in others)


def _attempt(table: Table, name: str) -> int:
    return Part(table.name, "", name, None).attempt
