"""Another lake's runs are taken over once; a run with two contents is refused."""

import shutil
from pathlib import Path

import pytest

from lake.adopt import adopt
from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.owners import places_in
from lake.read import query
from lake.schema import EPOCHS, RUNS
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
    with pytest.raises(LakeError, match=r"are in both lakes with different content, the first is run id a \(table"):
        adopted(here, there)
    assert query(here, "SELECT run_id FROM runs").to_pylist() == before
    assert verify(here) == []
