"""Some runs of a lake as a small lake of its own: the same rows, sound, the same bytes each time."""

from pathlib import Path

import pytest

from lake.check import verify
from lake.errors import LakeError
from lake.generation import current_generation
from lake.merge import merge
from lake.parts import list_packs
from lake.read import query
from lake.schema import TABLES
from tests.lake_fixture import made_up_lake


def rows(root: Path, table: str, run_ids: list[str]) -> list[dict[str, object]]:
    view = TABLES[table].view
    keys = ", ".join(f'"{name}" NULLS FIRST' for name in TABLES[table].key)
    listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
    found: list[dict[str, object]] = query(
        root, f'SELECT * FROM "{view}" WHERE run_id IN ({listed}) ORDER BY {keys}'
    ).to_pylist()
    return found


def runs_of(root: Path, where: str = "true") -> list[str]:
    return [row["run_id"] for row in query(root, f"SELECT run_id FROM runs WHERE {where} ORDER BY run_id").to_pylist()]


def test_the_runs_asked_for_are_there_with_every_row_and_no_other(tmp_path: Path) -> None:
    source, kept = tmp_path / "lake", tmp_path / "kept"
    made_up_lake(source, seeds=(1, 2))
    chosen = runs_of(source, "seed = 1 OR seed IS NULL")
    assert 0 < len(chosen) < len(runs_of(source))
    merge(source, kept, chosen)
    assert runs_of(kept) == chosen
    for table in TABLES:
        assert rows(kept, table, chosen) == rows(source, table, chosen), table
    assert (
        len(list_packs(kept))
        == len(current_generation(kept).packs)
        == len({pack.table for pack in current_generation(kept).packs})
    )


def test_a_merged_lake_is_sound_and_its_snapshot_is_of_its_content(tmp_path: Path) -> None:
    source = tmp_path / "lake"
    made_up_lake(source)
    ids = {merge(source, tmp_path / name, runs_of(source)).snapshot_id for name in ("first", "second")}
    assert len(ids) == 1
    assert verify(tmp_path / "first") == []


def test_a_run_that_is_not_there_or_a_folder_that_is_refuses_the_merge(tmp_path: Path) -> None:
    source, kept = tmp_path / "lake", tmp_path / "kept"
    made_up_lake(source)
    with pytest.raises(LakeError, match="has no run nobody"):
        merge(source, kept, ["nobody"])
    assert not kept.exists(), "nothing was begun"
    merge(source, kept, runs_of(source))
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    with pytest.raises(LakeError, match="is there already"):
        merge(source, kept, runs_of(source))
    assert before == {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
