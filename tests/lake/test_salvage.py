"""Of a damaged journal what is whole is taken, and nothing is given for it that the lake had."""

from pathlib import Path

import pytest

from lake.check import verify
from lake.compact import compact
from lake.journal import Journal
from lake.read import query
from lake.recover import recover
from lake.rescue import rescue
from lake.salvage import salvage
from lake.schema import RUNS
from tests.lake.left_journals import counted
from tests.lake.rows import run_row


@pytest.fixture
def journal(root: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Of eight epochs; the lake has a part with the first four."""
    journal = Journal(root, "run-a")
    journal.log({RUNS: [run_row()]})
    for epoch in range(8):
        if epoch == 4:
            recover(root)
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    journal.close()
    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    monkeypatch.setattr("lake.salvage.is_over", lambda name: True)
    return journal


def epochs(root: Path) -> list[int]:
    return [row["epoch"] for row in query(root, "SELECT epoch FROM epoch_events ORDER BY epoch").to_pylist()]


@pytest.mark.parametrize(("epoch", "lost"), [(2, 0), (4, 1), (5, 1), (7, 1)])
@pytest.mark.parametrize("is_packed", [False, True])
def test_what_a_part_has_already_stays_and_is_not_lost(
    root: Path, journal: Journal, epoch: int, lost: int, is_packed: bool
) -> None:
    """Or a pack, as of a journal that was put away and written on."""
    whole = journal.path.read_bytes()
    if is_packed:
        hidden = journal.path.rename(root / "elsewhere")
        compact(root)
        hidden.rename(journal.path)
    at = whole.index(b'"epoch":%d' % epoch) + 8
    journal.path.write_bytes(whole[:at] + b"9" + whole[at + 1 :])
    assert salvage(root)[1] == lost
    left = [number for number in range(8) if number != epoch or not lost]
    for _ in range(2):
        assert epochs(root) == left
        assert salvage(root) == ([], 0)
    if not is_packed:
        copy = root.parent / journal.path.name
        copy.write_bytes(whole)
        rescue(root, copy)
        assert epochs(root) == list(range(8)), "a copy was found after all"
    assert compact(root).packs
    assert verify(root, rows=True) == []


def test_rows_behind_a_stretch_of_nobody_knows_how_many_lines_are_all_taken(root: Path, journal: Journal) -> None:
    """Three records in the place of one: those behind have numbers that parts have of others."""
    data = journal.path.read_bytes()
    begin, end = (data.rindex(b"\n", 0, data.index(b'"epoch":%d' % epoch)) + 1 for epoch in (1, 4))
    journal.path.write_bytes(data[:begin] + bytes(end - begin) + data[end:])
    assert salvage(root)[1] == 0
    assert counted(root) == {"n": 8, "epochs": 8}
    assert compact(root).packs
    assert verify(root, rows=True) == []
