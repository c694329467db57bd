"""Which journals nobody needs any more, and why: parts hold all that they held, and their writers are gone for good.

A writer that lives, however long it has been silent, writes on in the file: were that removed, it would not know.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from lake.errors import LakeError
from lake.generation import Indexed
from lake.journal_writer import is_over, writer_of
from lake.journalled import Known, covered, list_set_aside, rows_behind
from lake.journals import JournalName, named_journals, read_named
from lake.parts import list_parts
from lake.read import open_lake


def spent_journals(root: Path, index: Sequence[Indexed]) -> Iterator[tuple[Path, str]]:
    """Each with the reason.

    Args:
        index: of the generation that holds.
    """
    known = covered(list_parts(root), index, list_set_aside(root))
    ended = cache(lambda: _ended(root))
    for name in named_journals(root):
        with suppress(FileNotFoundError):  # it was sealed
            if not name.is_done:
                if not _has_line(name.path) and is_over(name):  # as `recover` has it: it names no machine
                    yield name.path, "its writer was killed before its first line was whole"
            elif _is_in_parts(name, known[name.journal]):
                state = writer_of(name)
                if state == "gone" or (state == "unknown" and name.run_id in ended()):  # it ran on another machine
                    yield name.path, "its rows are in parts"


def _is_in_parts(name: JournalName, known: Known) -> bool:
    """Whether parts hold every row of a journal, whatever its name says; of a damaged one nobody knows."""
    try:
        return not rows_behind(read_named(name), known)
    except LakeError:
        return False


def _ended(root: Path) -> set[str]:
    """Runs that nobody goes on with, as far as the lake was told."""
    with open_lake(root, tables=("runs",)) as lake:
        return {run_id for (run_id,) in lake.execute("SELECT run_id FROM runs WHERE status <> 'running'").fetchall()}


def _has_line(path: Path) -> bool:
    """Whether its first line is whole."""
    with path.open("rb") as file:
        return file.readline().endswith(b"\n")
