"""What is wrong with a lake's journals: damage, other names, and rows of those put away that no part has."""

from collections.abc import Iterable
from pathlib import Path

from lake.errors import LakeError
from lake.generation import Generation, read_index
from lake.journal_file import JournalContent
from lake.journalled import Known, Span, covered, holds, list_set_aside
from lake.journals import JournalName, journal_files, journal_name, read_named
from lake.parts import Part
from lake.schema import TABLES


def journal_faults(root: Path, listed: Iterable[Part], generation: Generation) -> list[str]:
    faults = []
    known: dict[str, dict[str, list[Span]]] | None = None
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
            if known is None:
                known = covered({"": listed}, read_index(root, generation, list(TABLES)), list_set_aside(root))
            faults += _done_faults(name, content, known.get(name.journal, {}))
    return faults


def _done_faults(name: JournalName, content: JournalContent, known: Known) -> list[str]:
    """Whether parts hold what a journal held that was put away for that."""
    if len(content.records) < name.first:
        return [f"{name.path} holds {len(content.records)} records, not {name.first} as its name says. Restore it."]
    missing: dict[str, list[int]] = {}
    for number, record in enumerate(content.records[: name.first]):
        for table, rows in record.items():
            if rows and not holds(known.get(table, ()), number):
                missing.setdefault(table, []).append(number)
    return [
        f"{table}: of the journal {name.path.name} records {numbers[0]} to {numbers[-1]} are in no part. "
        f"./run lake recover --from {name.path} brings them back."
        for table, numbers in missing.items()
    ]
