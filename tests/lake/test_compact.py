"""Compaction changes where rows lie, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from lake.append import append, append_arrow
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.files import sha256_of
from lake.gc import collect
from lake.generation import current_generation
from lake.held import held
from lake.journal import Journal
from lake.merge import merge
from lake.parts import DIGITS, part_name
from lake.read import open_lake, query
from lake.recover import recover
from lake.results import SQL
from lake.schema import EPOCHS, METRICS, PREDICTIONS, RUNS, TABLES
from lake.snapshot import take_snapshot
from tests.lake.rows import epoch_row, metric_row, run_row
from tests.lake_fixture import made_up_lake


def everything(root: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        name: query(root, f'SELECT * FROM "{table.view}" ORDER BY {table.order_sql}').to_pylist()
        for name, table in TABLES.items()
    }


def files(root: Path) -> int:
    return sum(1 for path in root.rglob("*.parquet"))


def test_a_pack_that_no_generation_names_does_not_count(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a compaction leaves it that is killed before its end, the lake's first one too."""
    before = everything(small_lake)
    monkeypatch.setattr("lake.compact.put_generation", lambda *_: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            compact(small_lake)
        assert list(small_lake.glob("*/merged/*.parquet"))
        assert everything(small_lake) == before
        assert verify(small_lake, rows=True) == []


def test_all_rows_stay_and_lie_in_few_sorted_files(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    made_up_lake(root, seeds=(1, 2))
    append(root, EPOCHS, "made_up-prepare", "more", [epoch_row()])
    before = everything(root)
    generation = compact(root)
    assert everything(root) == before
    assert not any(held(root).parts.values())
    assert {len(generation.of(pack.table)) for pack in generation.packs} <= {1, 2}
    for pack in generation.packs:
        table = TABLES[pack.table]
        rows = pa.parquet.read_table(root / pack.path)
        assert rows.to_pylist() == rows.sort_by([(name, "ascending", "at_start") for name in table.key]).to_pylist()
    assert verify(root, rows=True) == []


def test_a_lake_without_news_keeps_its_generation(small_lake: Path) -> None:
    assert compact(small_lake) == compact(small_lake) == current_generation(small_lake)


def test_a_table_has_few_packs_however_often_runs_come(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for run in range(40):
        append(root, RUNS, f"run-{run:02d}", "rows", [run_row()])
        append(root, EPOCHS, f"run-{run:02d}", "rows", [epoch_row(epoch=epoch) for epoch in range(5)])
        generation = compact(root)
        assert all(len(generation.of(name)) <= 7 for name in TABLES)
    assert query(root, "SELECT count(*) AS n, count(DISTINCT run_id) AS runs FROM epochs").to_pylist() == [
        {"n": 200, "runs": 40}
    ]
    assert verify(root, rows=True) == []


def test_a_reader_that_opened_the_lake_before_goes_on(small_lake: Path) -> None:
    with open_lake(small_lake) as lake:
        compact(small_lake)
        append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
        compact(small_lake)
        assert lake.execute("SELECT count(*) FROM epochs").fetchall() == [(3,)]


def test_two_that_compact_at_once_both_end_with_all_rows(small_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one publishes its generation while the first is about to."""
    import lake.compact as module

    put, before = module.put_generation, everything(small_lake)

    def late(root: Path, generation: Any) -> bool:
        monkeypatch.setattr(module, "put_generation", put)
        append(small_lake, EPOCHS, "run-b", "epoch-00000", [epoch_row()])
        compact(root)
        return put(root, generation)

    monkeypatch.setattr(module, "put_generation", late)
    compact(small_lake)
    rows = everything(small_lake)
    assert len(rows["epochs"]) == len(before["epochs"]) + 1
    assert rows["runs"] == before["runs"]
    assert current_generation(small_lake).number == 1
    assert verify(small_lake, rows=True) == []


def test_a_run_that_goes_on_after_it_was_packed_is_whole_in_one_pack(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for attempt in (1, 2, 3):
        with Journal(root, "run-a", attempt) as journal:
            journal.log({RUNS: [run_row(attempt=attempt)]})
            journal.log_epoch(attempt, "train", {"loss": 0.5})
        with Journal(root, f"other-{attempt}") as journal:
            journal.log({RUNS: [run_row()]})
        compact(root)
    (runs,) = query(root, "SELECT run_id, attempt FROM runs WHERE run_id = 'run-a'").to_pylist()
    assert runs == {"run_id": "run-a", "attempt": 3}
    assert query(root, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 3}]
    assert verify(root, rows=True) == []


def prediction(window: int, score: float) -> dict[str, Any]:
    return {"model_run_id": "m", "split": "test", "capture": "c", "start_frame": window, "start_s": 0.5, "score": score}


def scores(root: Path) -> Sequence[float]:
    return [row["score"] for row in query(root, "SELECT score FROM predictions ORDER BY start_frame").to_pylist()]


def test_of_a_bulk_table_the_last_attempts_part_counts_before_and_after(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    append(root, RUNS, "run-a", "rows", [run_row()])
    for attempt, windows in ((1, 4), (2, 2), (3, 3)):
        rows = pa.Table.from_pylist([prediction(window, attempt / 10) for window in range(windows)])
        append_arrow(root, PREDICTIONS, "run-a", part_name(attempt, "predictions"), rows)
        assert scores(root) == [attempt / 10] * windows
        if attempt != 2:
            compact(root)
            assert scores(root) == [attempt / 10] * windows
    assert take_snapshot(root).rows["predictions"] == 3
    assert verify(root, rows=True) == []


def test_parts_of_older_schemas_are_packed_as_they_read(small_lake: Path) -> None:
    old = METRICS.arrow([{"run_id": "run-a", **metric_row()}]).drop_columns(["protocol", "calibration_s"])
    path = small_lake / "metrics" / "run-a" / "metrics.parquet"
    path.parent.mkdir(parents=True)
    labels = {**old.schema.metadata, b"kdgat.schema": b"2"}
    pa.parquet.write_table(old.replace_schema_metadata(labels), path)
    before = everything(small_lake)
    compact(small_lake)
    assert everything(small_lake) == before
    assert current_generation(small_lake).of("metrics")[0].schema == METRICS.version


def test_a_null_of_todays_schema_stays_null_beside_parts_that_lack_the_column(small_lake: Path) -> None:
    """`configuration` is derived for runs of schemas before 4, and for those alone."""
    old = RUNS.arrow([{"run_id": "run-old", **run_row()}])
    late = [name for name, column in RUNS.columns.items() if column.since > 3]
    path = small_lake / "runs" / "run-old" / "001-running.parquet"
    path.parent.mkdir()
    labels = {**old.schema.metadata, b"kdgat.schema": b"3"}
    pa.parquet.write_table(old.drop_columns(late).replace_schema_metadata(labels), path)
    asked = "SELECT run_id, configuration IS NULL AS is_null FROM runs ORDER BY run_id"
    told = [{"run_id": run_id, "is_null": run_id != "run-old"} for run_id in ("run-a", "run-b", "run-old")]
    assert query(small_lake, asked).to_pylist() == told
    compact(small_lake)
    assert query(small_lake, asked).to_pylist() == told


def test_an_altered_part_stops_it_and_nothing_is_lost(small_lake: Path) -> None:
    (part,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    whole = part.read_bytes()
    part.write_bytes(whole[:-1])
    with pytest.raises(LakeError, match="was altered"):
        compact(small_lake)
    assert current_generation(small_lake).number == 0
    part.write_bytes(whole)
    assert compact(small_lake).number == 1


def test_a_pack_that_is_gone_or_cut_is_said(small_lake: Path) -> None:
    compact(small_lake)
    (pack,) = small_lake.glob("epochs/merged/*")
    whole = pack.read_bytes()
    for data in (whole[: len(whole) // 2], None):
        pack.write_bytes(data) if data else pack.unlink()
        with pytest.raises(LakeError, match=r"a file of .* cannot be read .* ./run lake verify says which"):
            open_lake(small_lake)


def altered(path: Path) -> None:
    """Another value in the last row, and a sound file of it, so that no reader stumbles."""
    rows = pa.parquet.read_table(path)
    last = rows.num_columns - 1 if rows.column_names[-1] == "value" else rows.column_names.index("seed")
    values = [*rows.column(last).to_pylist()[:-1], 42]
    column = pa.array(values, rows.schema.field(last).type)
    pa.parquet.write_table(rows.set_column(last, rows.schema.field(last), column), path)


@pytest.mark.parametrize("table", ["epochs", "runs"])
def test_an_altered_pack_is_not_merged_into_another(small_lake: Path, tmp_path: Path, table: str) -> None:
    """Its rows would get a digest that fits them."""
    generation = compact(small_lake)
    pack = small_lake / generation.of(table)[0].path
    whole = pack.read_bytes()
    altered(pack)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    for act in (
        lambda: compact(small_lake), lambda: take_snapshot(small_lake),
        lambda: merge(small_lake, tmp_path / "merged", ["run-a"]),
    ):  # fmt: skip
        with pytest.raises(LakeError, match=rf"{pack.name} was altered: .* Restore it .*pull REMOTE --repair"):
            act()
    assert current_generation(small_lake) == generation
    pack.unlink()
    with pytest.raises(LakeError, match=rf"{pack.name} cannot be read \(No such file"):
        compact(small_lake)
    pack.write_bytes(whole)
    assert compact(small_lake).number == 2
    assert query(small_lake, "SELECT count(*) AS n FROM epochs WHERE value = 0.5").to_pylist() == [{"n": 4}]
    assert verify(small_lake, rows=True) == []


def test_a_journal_that_begins_while_the_lake_is_looked_at_is_not_packed(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training starts after the journals were listed, and another process makes a part of it before parts are."""
    import lake.held as module

    seen, begun = module.list_parts, []

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(module, "list_parts", seen)
        begun.append(Journal(small_lake, "run-c"))
        begun[0].log({RUNS: [run_row()]})
        begun[0].log_epoch(0, "train", {"loss": 0.5})
        recover(small_lake)
        return seen(*arguments)

    monkeypatch.setattr(module, "list_parts", late)
    compact(small_lake)
    begun[0].log_epoch(1, "train", {"loss": 0.25})
    begun[0].seal()
    asked = "SELECT value FROM epochs WHERE run_id = 'run-c' ORDER BY epoch"
    for _ in range(2):
        assert query(small_lake, asked).to_pylist() == [{"value": 0.5}, {"value": 0.25}]
        compact(small_lake)
    assert verify(small_lake, rows=True) == []


def test_a_run_that_begins_and_ends_while_the_lake_is_looked_at_is_packed_once(
    small_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, and before the journals are listed again it has become a longer part."""
    import lake.compact as module

    seen = module.held

    def late(root: Path) -> Any:
        journal = Journal(root, "run-c")
        journal.log({RUNS: [run_row()]})
        journal.log_epoch(0, "train", {"loss": 0.5})
        with monkeypatch.context() as hidden:
            hidden.setattr("lake.held.list_journals", lambda _: [])  # as it was when they were listed
            recover(root)
            now = seen(root)
        journal.log_epoch(1, "train", {"loss": 0.25})
        journal.seal()
        monkeypatch.setattr(module, "held", seen)
        return now

    monkeypatch.setattr(module, "held", late)
    asked = "SELECT value FROM epochs WHERE run_id = 'run-c' ORDER BY epoch"
    for _ in range(2):
        compact(small_lake)
        assert query(small_lake, asked).to_pylist() == [{"value": 0.5}, {"value": 0.25}]
    assert verify(small_lake, rows=True) == []


def empty_part(root: Path, owner: str, name: str) -> None:
    """As an older `append` wrote it."""
    path = root / "predictions" / owner / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(PREDICTIONS.schema.empty_table(), path)
    path.rename(path.with_suffix(f".{sha256_of(path)[:DIGITS]}.parquet"))


def test_a_part_without_rows_changes_nothing(small_lake: Path) -> None:
    empty_part(small_lake, "run-a", part_name(1, "predictions"))
    assert [compact(small_lake).number for _ in range(3)] == [1, 1, 1]
    assert take_snapshot(small_lake) == take_snapshot(small_lake)
    assert verify(small_lake, rows=True) == []


def test_a_later_attempt_without_rows_takes_those_of_the_one_before_away(small_lake: Path) -> None:
    rows = pa.Table.from_pylist([prediction(window, 0.5) for window in range(3)])
    append_arrow(small_lake, PREDICTIONS, "run-a", part_name(1, "predictions"), rows)
    assert take_snapshot(small_lake).rows["predictions"] == 3
    empty_part(small_lake, "run-a", part_name(2, "predictions"))
    assert scores(small_lake) == []
    assert [compact(small_lake).number for _ in range(2)] == [2, 2]
    assert scores(small_lake) == []
    assert take_snapshot(small_lake).rows["predictions"] == 0
    assert verify(small_lake, rows=True) == []


def test_a_generation_that_is_gone_is_said_and_nothing_is_freed(small_lake: Path) -> None:
    """Its packs would count no more, and the lake would seem to be without rows."""
    compact(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    compact(small_lake)
    before = {path for path in small_lake.rglob("*") if path.is_file()}
    for number in (2, 1):
        (small_lake / "generations" / f"{number:06d}.json").unlink()
        for act in (
            lambda: query(small_lake, "SELECT 1"), lambda: compact(small_lake), lambda: take_snapshot(small_lake),
            lambda: collect(small_lake, timedelta(0)),
        ):  # fmt: skip
            with pytest.raises(LakeError, match=r"generation 2 of .* is gone"):
                act()
        assert any("generation 2" in fault for fault in verify(small_lake))
    gone = {small_lake / "generations" / f"{number:06d}.json" for number in (1, 2)}
    assert {path for path in small_lake.rglob("*") if path.is_file()} == before - gone


def test_results_are_the_same_from_their_file_and_from_the_query(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    made_up_lake(root, seeds=(1, 2))
    asked = "SELECT * FROM results ORDER BY ALL"
    assert current_generation(root).results is not None
    kept = query(root, asked).to_pylist()
    assert kept == query(root, f"SELECT * FROM ({SQL}) ORDER BY ALL").to_pylist()
    assert kept == query(root, asked, take_snapshot(root)).to_pylist()
    append(root, RUNS, "run-new", "a001-rows", [run_row()])
    assert query(root, asked).to_pylist() == kept, "a run that is in no pack yet is looked at as well"
    (path,) = (root / "results").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert any("results/" in fault for fault in verify(root))


def test_what_an_older_query_gave_is_not_shown_and_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "lake"
    with monkeypatch.context() as older:
        older.setattr("lake.results._QUERY", "01234567")
        older.setattr("lake.results.SQL", f"SELECT * REPLACE (0.25 AS value) FROM ({SQL})")
        made_up_lake(root, seeds=(1, 2))
        assert query(root, "SELECT DISTINCT value FROM results").to_pylist() == [{"value": 0.25}]
        before = current_generation(root).number
    assert query(root, "SELECT count(DISTINCT value) > 1 AS n FROM results").to_pylist() == [{"n": True}]
    assert compact(root).number == before + 1
    assert compact(root).number == before + 1
    assert query(root, "SELECT count(DISTINCT value) > 1 AS n FROM results").to_pylist() == [{"n": True}]
    assert verify(root, rows=True) == []
