"""A part that contradicts another is taken out and kept, and the lake goes on."""

from pathlib import Path
from typing import Any

import pytest

import lake.compact
import lake.recover
import lake.set_aside
from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError, NotWrittenError
from lake.journal import Journal
from lake.read import query
from lake.recover import recover
from lake.schema import EPOCHS, METRICS, RUNS
from lake.set_aside import set_aside
from lake.snapshot import take_snapshot
from lake.table import Table
from tests.lake.rows import epoch_row, metric_row, run_row


def test_a_part_that_repeats_a_key_is_named_taken_out_and_kept(small_lake: Path) -> None:
    other = append(small_lake, EPOCHS, "run-a", "again", [epoch_row(epoch=2, value=9.0)])
    name = other.relative_to(small_lake).as_posix()
    (fault,) = verify(small_lake)
    assert name in fault
    assert "take the other out: ./run lake set-aside PART --reason WHY" in fault
    with pytest.raises(LakeError, match=r"\./run lake set-aside takes one out"):
        compact(small_lake)
    whole = other.read_bytes()
    kept = set_aside(small_lake, name, "logged by hand")
    assert kept.read_bytes() == whole
    assert "logged by hand" in kept.with_suffix(".json").read_text()
    assert verify(small_lake) == []
    take_snapshot(small_lake)
    assert query(small_lake, "SELECT max(value) AS value FROM epochs").to_pylist() == [{"value": 0.5}]


@pytest.mark.parametrize("path", ["", "..", "lake.json", "../lake/lake.json", "epochs/run-a/nothing.parquet"])
def test_what_is_no_part_stays_where_it_is(small_lake: Path, path: str) -> None:
    before = sorted(small_lake.rglob("*"))
    with pytest.raises(LakeError, match="is no part of"):
        set_aside(small_lake, path, "why not")
    assert sorted(small_lake.rglob("*")) == before


def test_it_wants_a_reason(small_lake: Path) -> None:
    with pytest.raises(LakeError, match="say why"):
        set_aside(small_lake, "epochs/run-a/x.parquet", " ")


def test_the_journal_of_a_part_that_goes_does_not_bring_it_back(small_lake: Path) -> None:
    """Of two writers of one run that both live: what they log later counts."""
    journals = []
    for rows in ({RUNS: [run_row()]}, {}):
        journal = Journal(small_lake, "run-c")
        journal.log(rows)
        journal.log_epoch(0, "train", {"loss": 0.5})
        journals.append(journal)
    recover(small_lake)
    name = next(small_lake.glob("epochs/run-c/*")).relative_to(small_lake).as_posix()
    kept = set_aside(small_lake, name, "two jobs of one run")
    told = "SELECT epoch FROM epoch_events WHERE run_id = 'run-c' ORDER BY epoch"
    for epoch, journal in enumerate(journals, 1):
        recover(small_lake)
        assert [row["epoch"] for row in query(small_lake, told).to_pylist()] == list(range(epoch))
        journal.log_epoch(epoch, "train", {"loss": 0.5})
    for journal in journals:
        journal.seal()
    assert [row["epoch"] for row in query(small_lake, told).to_pylist()] == [0, 1, 2]
    assert verify(small_lake, rows=True) == []
    kept.rename(small_lake / name)
    assert [row["epoch"] for row in query(small_lake, told).to_pylist()] == [0, 0, 1, 2], "it is back"


def test_what_other_tables_have_of_its_journal_stays(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk was full when the part of one table was written, and those of the others were not."""
    journal = Journal(small_lake, "run-c")
    journal.log({RUNS: [run_row()]})
    journal.log_epoch(0, "train", {"loss": 0.5})
    journal.log({METRICS: [metric_row()]})
    journal.close()
    write = lake.recover.write_part

    def full(root: Path, table: Table, *arguments: Any) -> Path:
        if table is METRICS:
            raise NotWrittenError("the disk is full")
        return write(root, table, *arguments)

    monkeypatch.setattr("lake.recover.is_over", lambda name: True)
    with monkeypatch.context() as disk:
        disk.setattr("lake.recover.write_part", full)
        with pytest.raises(LakeError, match="is full"):
            recover(small_lake)
    (part,) = small_lake.glob("epochs/run-c/*")
    set_aside(small_lake, part.relative_to(small_lake).as_posix(), "contradicts another")
    for act in (lambda _: None, recover, compact):
        act(small_lake)
        for table, rows in (("runs", 1), ("epochs", 0), ("metrics", 1)):
            found = query(small_lake, f"SELECT count(*) AS n FROM {table} WHERE run_id = 'run-c'").to_pylist()
            assert found == [{"n": rows}], table
    assert verify(small_lake, rows=True) == []


def test_parts_that_repeat_it_go_with_it(small_lake: Path) -> None:
    journal = Journal(small_lake, "run-c")
    journal.log({RUNS: [run_row()]})
    for epoch in range(2):
        journal.log_epoch(epoch, "train", {"loss": 0.5})
        recover(small_lake)
    journal.seal()
    shorter, longer = sorted(small_lake.glob("epochs/run-c/*"))
    set_aside(small_lake, longer.relative_to(small_lake).as_posix(), "of another run")
    assert list(small_lake.glob("epochs/run-c/*")) == []
    assert len(list(small_lake.glob("set-aside/epochs/run-c/*.json"))) == 2
    assert query(small_lake, "SELECT * FROM epochs WHERE run_id = 'run-c'").to_pylist() == []
    (small_lake / "set-aside" / shorter.relative_to(small_lake)).rename(shorter)
    assert query(small_lake, "SELECT * FROM epochs WHERE run_id = 'run-c'").to_pylist() == [], "one was killed between"


def test_a_part_that_is_packed_at_the_same_moment_is_said(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(small_lake.glob("epochs/run-a/*")).relative_to(small_lake).as_posix()
    rename = lake.set_aside.rename

    def late(path: Path, target: Path) -> None:
        compact(small_lake)
        rename(path, target)

    monkeypatch.setattr("lake.set_aside.rename", late)
    with pytest.raises(LakeError, match="was packed by a compaction at the same moment, so that its rows count in gen"):
        set_aside(small_lake, name, "contradicts another")
    assert (small_lake / "set-aside" / name).exists()
    assert query(small_lake, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 3}]
    assert verify(small_lake, rows=True) == []


@pytest.mark.parametrize("before", ["write_packs", "write_results"])
def test_a_part_that_is_set_aside_while_it_is_packed_is_left_out(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """Before it was read, and after."""
    real = getattr(lake.compact, before)
    path = append(small_lake, EPOCHS, "run-a", "odd", [epoch_row(epoch=77)]).relative_to(small_lake)
    with monkeypatch.context() as patched:

        def late(root: Path, *rest: Any) -> Any:
            patched.undo()
            set_aside(root, path.as_posix(), "it contradicts another")
            return real(root, *rest)

        patched.setattr(lake.compact, before, late)
        compact(small_lake)
    assert query(small_lake, "SELECT count(*) AS n FROM epochs WHERE epoch = 77").to_pylist() == [{"n": 0}]
    assert query(small_lake, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 3}]
    assert verify(small_lake) == []
