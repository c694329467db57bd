"""Journals that a process left behind: whole, and killed in the midst."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from lake.journal import Journal
from lake.journal_file import header_line, read_journal
from lake.journals import list_journals
from lake.read import query
from lake.schema import RUNS
from tests.lake.conftest import child
from tests.lake.rows import run_row

_COUNT = "SELECT count(*) AS n, count(DISTINCT epoch) AS epochs FROM epoch_events"

# Logs epochs until it is killed, and says each one that was acknowledged.
WRITER = """
import sys
from pathlib import Path
from lake.journal import Journal
from lake.schema import RUNS
from tests.lake.rows import run_row
journal = Journal(Path(sys.argv[1]), sys.argv[2], durable=sys.argv[3])
journal.log({RUNS: [run_row()]})
for epoch in range(100_000):
    assert journal.log_epoch(epoch, "train", {"loss": 0.5, "auroc": 0.25})
    print(epoch, flush=True)
"""


def counted(root: Path) -> dict[str, int]:
    (row,) = query(root, _COUNT).to_pylist()
    return dict(row)


def killed_journal(root: Path, **changes: Any) -> Path:
    """The journal of a writer that was killed, with other words about that in its header."""
    with child(WRITER, str(root), "run-a", "disk") as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        writer.kill()
    (name,) = list_journals(root)
    path = name.path
    header, _, records = path.read_bytes().partition(b"\n")
    about = read_journal(path).header
    assert about
    assert header + b"\n" == header_line(about)
    path.write_bytes(header_line(replace(about, **changes)) + records)
    return path


def closed_journal(root: Path, epochs: int = 3) -> Path:
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(epochs):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    return journal.path
