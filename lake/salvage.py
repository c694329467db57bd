"""Takes what is whole of a damaged journal, and throws away nothing that the lake has of it.

How many records a broken stretch held cannot be told for sure, so that rows behind it are known by their keys: those
that the lake has stay where they are, the others become a part behind the last record that it has.
"""

from pathlib import Path

from lake.append import write_part
from lake.contract import arrow_of
from lake.errors import LakeError
from lake.files import rename
from lake.generation import current_generation, read_index
from lake.journal_file import JournalContent
from lake.journal_writer import is_over
from lake.journalled import SET_ASIDE, Known, covered, holds, list_set_aside
from lake.journals import JournalName, list_journals, read_named
from lake.keys import files_of, key_of, keys_in
from lake.parts import journalled_name, owner_parts
from lake.recover import recover
from lake.schema import TABLES
from lake.table import Table


def salvage(root: Path) -> tuple[list[Path], int]:
    """As `recover`, but of a damaged journal what is whole; the damaged one is kept under another name.

    Returns:
        The parts, and how many records are lost, at least: broken ones of which no part had the rows.

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
            known = _known(root, name)
            lost += sum(not _is_held(number, content, known) for number in content.broken)
            for table in sorted(_tables(content, len(content.records)), key=lambda one: (one == "runs", one)):
                parts += _write_new(root, name, content, TABLES[table], known)
            rename(name.path, name.path.with_suffix(".damaged"))
    if written:
        raise LakeError("\n".join(written))
    return parts + recover(root), lost


def _known(root: Path, name: JournalName) -> Known:
    loose = {table: owner_parts(root, table, name.run_id) for table in TABLES}
    index = [one for one in read_index(root, current_generation(root), list(TABLES)) if one.owner == name.run_id]
    return covered(loose, index, list_set_aside(root))[name.journal]


def _tables(content: JournalContent, end: int) -> set[str]:
    return {table for record in content.records[:end] for table in record}


def _is_held(number: int, content: JournalContent, known: Known) -> bool:
    """Whether a broken record was whole when parts were made of it: of each table with rows up to there."""
    ends = [end for spans in known.values() for first, end in spans if first <= number < end]
    return bool(ends) and all(holds(known.get(table, ()), number) for table in _tables(content, max(ends)))


def _write_new(root: Path, name: JournalName, content: JournalContent, table: Table, known: Known) -> list[Path]:
    """The part with a table's rows that are nowhere yet.

    It says that it holds no more records than are whole, so that a copy that is found later has them all and more.
    """
    if content.header is None:
        return []
    files = files_of(root, owner_parts(root, table.name, name.run_id))
    files += files_of(root / SET_ASIDE, owner_parts(root / SET_ASIDE, table.name, name.run_id))
    files += [(root / pack.path, pack.schema) for pack in current_generation(root).of(table.name)]
    keys = keys_in(table, name.run_id, files)
    rows = [row for record in content.records for row in record.get(table.name, ()) if key_of(table, row) not in keys]
    if not rows:
        return []
    first = max((end for _, end in known.get(table.name, ())), default=content.header.elsewhere)
    end = max(first + 1, len(content.records) - len(content.broken))
    part = journalled_name(content.header.attempt, name.journal, first, end)
    return [write_part(root, table, name.run_id, part, arrow_of(table, rows))]
