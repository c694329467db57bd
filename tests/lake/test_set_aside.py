"""A part that contradicts another is taken out and kept, and the lake goes on."""

from pathlib import Path

import pytest

from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.journal import Journal
from lake.read import query
from lake.recover import recover
from lake.schema import EPOCHS, RUNS
from lake.set_aside import set_aside
from lake.snapshot import take_snapshot
from tests.lake.rows import epoch_row, run_row


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


def test_the_journal_of_a_part_that_goes_does_not_bring_it_back(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Of two writers of one run on other machines, which nobody can ask whether they live."""
    for rows in ({RUNS: [run_row()]}, {}):
        journal = Journal(small_lake, "run-c")
        journal.log(rows)
        journal.log_epoch(0, "train", {"loss": 0.5})
        journal.close()
    recover(small_lake)
    name = next(small_lake.glob("epochs/run-c/*")).relative_to(small_lake).as_posix()
    with pytest.raises(LakeError, match="is still written, or has rows that"):
        set_aside(small_lake, name, "two jobs of one run")
    monkeypatch.setattr("lake.set_aside.writer_of", lambda name: "unknown")
    set_aside(small_lake, name, "two jobs of one run")
    recover(small_lake)
    assert verify(small_lake) == []
    assert query(small_lake, "SELECT count(*) AS n FROM epochs WHERE run_id = 'run-c'").to_pylist() == [{"n": 1}]
