"""The journals of a lake, told by their names: `<run>~<journal>.journal`, and `….done` once they were put away."""

import re
from dataclasses import dataclass
from pathlib import Path

from lake.errors import LakeError
from lake.files import visible
from lake.journal import FOLDER
from lake.journal_file import JournalContent, read_journal
from lake.root import refuse_link

_NAME = re.compile(r"(?P<run>[^~]+)~(?P<journal>[0-9a-f]+)(?:~(?P<first>\d+)~(?P<end>\d+))?\.(?:journal|done)")


@dataclass(frozen=True)
class JournalName:
    """What a journal's name says.

    Attributes:
        first, end: of a journal whose writer was taken for dead: how many records are in parts, and how large the
            file was. Were the writer alive after all, it would write on behind them, and nothing of it would be lost.
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
    return [one for one in named_journals(root) if not one.is_done or _size(one.path) > one.end]


def journal_name(path: Path) -> JournalName | None:
    """What a file's name says, where it is a journal's."""
    if not (name := _NAME.fullmatch(path.name)):
        return None
    return JournalName(path, name["run"], name["journal"], int(name["first"] or 0), int(name["end"] or 0))


def named_journals(root: Path) -> list[JournalName]:
    return [one for path in journal_files(root) if (one := journal_name(path))]


def journal_files(root: Path) -> list[Path]:
    """Every file among the journals, by name.

    Raises:
        LakeError: they cannot be listed, or one is a link.
    """
    found = visible(root / FOLDER)
    for entry in found:
        refuse_link(entry)
    return [Path(entry.path) for entry in found]


def read_named(name: JournalName, salvage: bool = False) -> JournalContent:
    """As `read_journal`, once the name is the one it was written under.

    Raises:
        LakeError: as `read_journal`, or it is another journal.
        FileNotFoundError: it is gone.
    """
    content = read_journal(name.path, salvage)
    if content.header and (content.header.run_id, content.header.journal) != (name.run_id, name.journal):
        raise LakeError(
            f"{name.path} is the journal {content.header.run_id}~{content.header.journal} under another name. Give it "
            "back its own, or move it out."
        )
    return content


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
