"""What is wrong with a lake's journals: damage, other names, and rows of those put away that no part has."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from lake.errors import LakeError
from lake.generation import Generation, Indexed, read_index
from lake.journal_file import JournalContent
from lake.journals import JournalName, journal_files, journal_name, read_named
from lake.parts import Part
from lake.recover import covered
from lake.schema import TABLES
from lake.set_aside import FOLDER as SET_ASIDE


def journal_faults(root: Path, listed: Iterable[Part], generation: Generation) -> list[str]:
    faults = []
    known: dict[str, dict[str, int]] | None = None
    for path in journal_files(root):
        name = journal_name(path)
        if name is None:
            if path.suffix != ".damaged":
                faults.append(
                    f"{path} has no journal's name, so no reader looks at it. Give it back its own, or move it out."
                )
            continue
        try:
            content = read_named(name)
        except FileNotFoundError:
            continue
        except LakeError as error:
            faults.append(str(error))
            continue
        if name.is_done:
            known = _covered(root, listed, generation) if known is None else known
            faults += _done_faults(name, content, known.get(name.journal, {}))
    return faults


def _covered(root: Path, listed: Iterable[Part], generation: Generation) -> dict[str, dict[str, int]]:
    by_table: dict[str, list[Part]] = defaultdict(list)
    aside = [
        Part(path.parent.parent.name, path.parent.name, path.name.partition(".")[0], None)
        for path in (root / SET_ASIDE).glob("*/*/*.parquet")
    ]
    for part in [*listed, *aside]:
        by_table[part.table].append(part)
    index: dict[tuple[str, str], list[Indexed]] = defaultdict(list)
    for one in read_index(root, generation, list(TABLES)):
        index[one.table, one.owner].append(one)
    return covered(by_table, index)


def _done_faults(name: JournalName, content: JournalContent, known: Mapping[str, int]) -> list[str]:
    """Whether parts hold what a journal held that was put away for that."""
    if len(content.records) < name.first:
        return [f"{name.path} holds {len(content.records)} records, not {name.first} as its name says. Restore it."]
    last = {table: number for number, record in enumerate(content.records[: name.first], 1) for table in record}
    return [
        f"{table}: of the journal {name.path.name} records {known.get(table, 0)} to {end - 1} are in no part. "
        f"./run lake recover --from {name.path} brings them back."
        for table, end in last.items()
        if known.get(table, 0) < end
    ]
