"""Takes over what a journal's process had to put elsewhere, once the lake can be written again."""

from dataclasses import replace
from pathlib import Path

from lake.errors import LakeError
from lake.journal_file import JournalContent
from lake.journals import JournalName, journal_name, named_journals, read_named
from lake.recover import write_parts
from lake.root import check_lake


def rescue(root: Path, source: Path) -> list[Path]:
    """Take over a journal from anywhere, as far as its records are packed by no one yet; doing it again, or while
    others recover what the lake has of it, doubles nothing.

    Raises:
        LakeError: it is no journal, or a part cannot be written.
    """
    check_lake(root)
    name = journal_name(source)
    if not name or not source.is_file():
        raise LakeError(f"{source} is no journal: it has the name <run>~<journal>.journal, as the warning said it.")
    return write_parts(root, name, _completed(root, name, read_named(name)))


def _completed(root: Path, name: JournalName, content: JournalContent) -> JournalContent:
    """With the records that lie in the lake's own journal, where the file stands in for its end alone."""
    header = content.header
    for one in named_journals(root) if header and header.elsewhere else ():
        if one.journal == name.journal and one.path != name.path:
            try:
                first = read_named(one)
            except (LakeError, FileNotFoundError):
                continue  # it is damaged, which is said by who reads it, or gone: its records are in parts
            if header and first.header and first.header.elsewhere < header.elsewhere <= len(first.records):
                records = first.records[: header.elsewhere] + content.records[header.elsewhere :]
                return replace(content, header=first.header, records=records)
    return content
