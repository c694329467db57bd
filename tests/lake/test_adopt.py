"""Another lake's runs are taken over once; a run with two contents is refused."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.adopt import _add_packs, adopt
from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.journal import Journal
from lake.owners import places_in
from lake.read import query
from lake.schema import EPOCHS, PREDICTIONS, RUNS
from lake.snapshot import take_snapshot
from tests.lake.rows import NOON, epoch_row, run_row
from tests.lake_fixture import made_up_lake


def adopted(root: Path, other: Path) -> list[str]:
    snapshot = take_snapshot(other)
    return adopt(root, snapshot, places_in(other, snapshot))


def add_run(root: Path, run_id: str, epochs: int = 2) -> None:
    append(root, RUNS, run_id, "a001-rows", [run_row()])
    append(root, EPOCHS, run_id, "a001-rows", [epoch_row(epoch=epoch) for epoch in range(epochs)])


def test_an_empty_lake_gets_all_and_the_same_id(tmp_path: Path) -> None:
    other = tmp_path / "other"
    snapshot = made_up_lake(other)
    assert len(adopted(tmp_path / "lake", other)) > 5
    assert take_snapshot(tmp_path / "lake").snapshot_id == snapshot.snapshot_id
    assert verify(tmp_path / "lake", rows=True) == []


def test_runs_of_both_are_there_once_whichever_way_it_goes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for root, runs in ((first, ("a", "b")), (second, ("b", "c"))):
        for run_id in runs:
            add_run(root, run_id)
    assert adopted(first, second) == ["c"]
    assert adopted(second, first) == ["a"]
    assert adopted(first, second) == []
    ids = {take_snapshot(root).snapshot_id for root in (first, second)}
    assert len(ids) == 1
    counted = query(first, "SELECT run_id, count(*) AS n FROM epochs GROUP BY ALL ORDER BY 1").to_pylist()
    assert counted == [{"run_id": run_id, "n": 2} for run_id in "abc"]
    assert verify(first, rows=True) == verify(second, rows=True) == []


def test_a_run_that_went_on_elsewhere_is_completed_and_never_set_back(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    add_run(here, "a")
    shutil.copytree(here, there)
    append(there, RUNS, "a", "a001-ended", [run_row(status="complete", finished_at=NOON)])
    append(there, EPOCHS, "a", "a001-more", [epoch_row(epoch=7)])
    assert adopted(here, there) == ["a"]
    for root in (here, there):
        assert query(root, "SELECT status FROM runs").to_pylist() == [{"status": "complete"}]
        assert query(root, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 3}]
    older = tmp_path / "older"
    add_run(older, "a")
    assert adopted(here, older) == []
    assert verify(here, rows=True) == []


def test_a_run_with_another_content_is_refused_and_nothing_is_taken(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    add_run(here, "a")
    append(there, RUNS, "a", "a001-rows", [run_row(seed=7)])
    add_run(there, "b")
    before = query(here, "SELECT run_id FROM runs").to_pylist()
    with pytest.raises(
        LakeError,
        match=r"one thing is in both lakes with different content, and nothing was taken over:\n  run id a \(table",
    ):
        adopted(here, there)
    assert query(here, "SELECT run_id FROM runs").to_pylist() == before
    assert verify(here) == []


def attempt(root: Path, number: int, epochs: range, status: str) -> None:
    with Journal(root, "run-a", attempt=number) as journal:
        journal.log({RUNS: [run_row(attempt=number)]})
        for epoch in epochs:
            journal.log_epoch(epoch, "train", {"loss": number + epoch / 10})
        journal.log({RUNS: [run_row(attempt=number, status=status, finished_at=NOON)]})


def test_of_a_run_that_went_on_elsewhere_the_last_attempt_counts_at_once(tmp_path: Path) -> None:
    """Not only once it is compacted."""
    here, there = tmp_path / "here", tmp_path / "there"
    attempt(there, 1, range(5), "interrupted")
    adopted(here, there)
    attempt(there, 2, range(3, 8), "complete")
    assert adopted(here, there) == ["run-a"]
    told = "SELECT epoch, value FROM epochs ORDER BY epoch"
    expected = query(there, told).to_pylist()
    assert len(expected) == 8
    assert query(here, told).to_pylist() == expected
    compact(here)
    assert query(here, told).to_pylist() == expected


def predict(root: Path, number: int, windows: range, score: float) -> None:
    with Journal(root, "run-a", attempt=number) as journal:
        journal.log({RUNS: [run_row(attempt=number)]})
        count = len(windows)
        columns = {"model_run_id": ["m"] * count, "split": ["test"] * count, "capture": ["c"] * count}
        columns |= {"start_frame": list(windows), "start_s": [0.0] * count, "score": [score] * count}
        journal.add_part(PREDICTIONS, pa.table(columns))


PREDICTED = "SELECT count(*) AS n, min(start_frame) AS first, max(score) AS score FROM predictions"


@pytest.mark.parametrize("windows", [range(10), range(10, 20)])
def test_a_run_that_was_taken_over_can_go_on_here(tmp_path: Path, windows: range) -> None:
    """Of its many rows the last attempt's count, as in the lake where it began."""
    here, there = tmp_path / "here", tmp_path / "there"
    predict(there, 1, range(10), 0.1)
    adopted(here, there)
    for root in (here, there):
        predict(root, 2, windows, 0.9)
    expected = [{"n": 10, "first": windows[0], "score": 0.9}]
    assert query(there, PREDICTED).to_pylist() == expected
    assert query(here, PREDICTED).to_pylist() == expected
    assert take_snapshot(here).rows["predictions"] == 10
    assert query(here, PREDICTED).to_pylist() == expected
    assert verify(here, rows=True) == []


@pytest.mark.parametrize("windows", [range(20), range(5), range(30, 35)])
def test_a_later_attempts_many_rows_take_the_place_of_ours(tmp_path: Path, windows: range) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    predict(here, 1, range(10), 0.1)
    shutil.copytree(here, there)
    predict(there, 2, windows, 0.9)
    assert adopted(here, there) == ["run-a"]
    expected = [{"n": len(windows), "first": windows[0], "score": 0.9}]
    assert query(here, PREDICTED).to_pylist() == expected
    assert adopted(here, there) == []
    assert adopted(there, here) == []
    assert compact(here).packs
    assert query(here, PREDICTED).to_pylist() == expected
    assert verify(here, rows=True) == []


def test_an_earlier_attempts_many_rows_are_not_taken_back(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    predict(there, 1, range(10), 0.1)
    shutil.copytree(there, here)
    predict(here, 2, range(5), 0.9)
    assert adopted(here, there) == []
    assert query(here, PREDICTED).to_pylist() == [{"n": 5, "first": 0, "score": 0.9}]


def test_what_came_meanwhile_is_not_taken_over_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    add_run(there, "a")
    add_run(there, "b")
    with monkeypatch.context() as patched:

        def late(root: Path, *rest: Any) -> None:
            patched.undo()
            adopted(here, there)
            _add_packs(root, *rest)

        patched.setattr("lake.adopt._add_packs", late)
        adopted(here, there)
    assert query(here, "SELECT count(*) AS n FROM epoch_events").to_pylist() == [{"n": 4}]
    assert query(here, "SELECT count(*) AS n FROM run_events").to_pylist() == [{"n": 2}]
    assert verify(here, rows=True) == []
