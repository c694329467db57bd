"""An answer, as a person reads it and as a script does, with what it was asked of."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lake.commands.shown import Rows, markdown, plain, text_table, write_csv


@dataclass(frozen=True)
class Section:
    """A table for people, below its title; `drawing` stands in its place where a table says less."""

    title: str
    rows: Rows = field(default_factory=lambda: Rows((), ()))
    drawing: str = ""


@dataclass(frozen=True)
class Report:
    """One answer.

    Attributes:
        queries: names of the files in loaders/queries that gave it.
        parameters: what they were asked with.
        rows: everything found, by what it is, for scripts.
        sections: what of it people are shown.
        notes: what must be known beside the numbers.
    """

    queries: tuple[str, ...]
    parameters: Mapping[str, Any]
    rows: Mapping[str, Rows]
    sections: Sequence[Section]
    notes: Sequence[str] = ()


def print_report(report: Report, form: str, source: Mapping[str, Any]) -> None:
    """To stdout; for people the notes go to stderr, in JSON and Markdown they stand beside the rows.

    Args:
        source: the lake and snapshot that were asked.
    """
    if form == "json":
        about = {**source, "queries": report.queries, "parameters": dict(report.parameters), "notes": report.notes}
        print(json.dumps(plain(about | {name: rows.dicts for name, rows in report.rows.items()}), default=str))
    elif form == "csv":
        for number, rows in enumerate(report.rows.values()):
            print(end="\n" if number else "")  # an empty line between tables
            write_csv(rows, sys.stdout)
    elif form == "md":
        _print_markdown(report, source)
    else:
        _print_text(report, source)


def _print_markdown(report: Report, source: Mapping[str, Any]) -> None:
    parts = []
    for one in report.sections:
        body = f"```\n{one.drawing}\n```" if one.drawing else markdown(one.rows)
        parts.append(f"**{one.title}**\n\n{body}")
    print("\n\n".join([*parts, *report.notes, f"Source: {_said(source)}; {', '.join(report.queries)}."]))


def _print_text(report: Report, source: Mapping[str, Any]) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    parts = [f"{one.title}\n{one.drawing or text_table(one.rows, width)}" for one in report.sections]
    print("\n\n".join(parts))
    sys.stdout.flush()  # before the notes, where both go to one place
    for note in [*report.notes, f"asked of {_said(source)}"]:
        print(note, file=sys.stderr)


def _said(source: Mapping[str, Any]) -> str:
    snapshot = source["snapshot"]
    return f"snapshot {snapshot[:12]} of {source['lake']}" if snapshot else f"{source['lake']} as it stands"
