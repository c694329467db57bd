"""Questions get answers and can change nothing."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.files import sha256_of
from lake.parts import DIGITS
from lake.read import open_lake, query
from lake.schema import EPOCHS, METRICS, RUNS, TABLES
from lake.snapshot import take_snapshot
from lake.version import SCHEMA_VERSION
from tests.lake.rows import NOON, epoch_row, metric_row, run_row


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def as_part(table: pa.Table, path: Path, **labels: str) -> Path:
    """`table` written by other means than `append`, with other labels."""
    metadata = {**(table.schema.metadata or {}), **{f"kdgat.{key}".encode(): value for key, value in labels.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path)
    if labels.get("schema", str(SCHEMA_VERSION)) != str(SCHEMA_VERSION):
        return path  # older ones have no digest in their name
    return path.rename(path.with_suffix(f".{sha256_of(path)[:DIGITS]}.parquet"))


def test_every_table_can_be_asked_before_it_has_rows(small_lake: Path) -> None:
    for table in TABLES.values():
        rows = query(small_lake, f'SELECT * FROM "{table.name}"')
        assert set(rows.column_names) == set(table.columns)


def test_a_run_is_shown_as_its_latest_row(small_lake: Path) -> None:
    ended = run_row(status="complete", finished_at=NOON)
    append(small_lake, RUNS, "run-a", "001-ended", [ended])
    append(small_lake, RUNS, "run-b", "001-ended", [run_row(status="failed", finished_at=NOON, reason="why")])
    append(small_lake, RUNS, "run-b", "002-running", [run_row(attempt=2)])
    rows = query(small_lake, "SELECT run_id, status, attempt FROM runs ORDER BY run_id").to_pylist()
    assert rows == [
        {"run_id": "run-a", "status": "complete", "attempt": 1},
        {"run_id": "run-b", "status": "running", "attempt": 2},
    ]
    assert query(small_lake, "SELECT count(*) AS n FROM run_events").to_pylist() == [{"n": 5}]


WRITES = [
    "INSERT INTO epochs VALUES (1)",
    "DELETE FROM epochs",
    "UPDATE epochs SET value = 0",
    "DROP VIEW epochs",
    "CREATE TABLE t AS SELECT 1",
    "COPY (SELECT 1 AS a) TO '{root}/copied.csv'",
    "COPY (SELECT 1 AS a) TO '{outside}/copied.csv'",
    "EXPORT DATABASE '{root}/exported'",
    "ATTACH '{root}/attached.db'",
    "PRAGMA database_size",
    "SET memory_limit = '1GB'",
    "RESET lock_configuration",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "SELECT 1; SELECT 2",
    "SELECT 1; DELETE FROM epochs",
    "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO '{root}/copied.csv'",
    "EXPLAIN ANALYZE DELETE FROM epochs",
    "",
    "-- nothing",
]


@pytest.mark.parametrize("sql", WRITES)
def test_anything_but_one_select_is_refused_and_changes_nothing(small_lake: Path, tmp_path: Path, sql: str) -> None:
    before = contents(tmp_path)
    with pytest.raises(LakeError) as refused:
        query(small_lake, sql.format(root=small_lake, outside=tmp_path))
    assert "give exactly one SELECT" in str(refused.value)
    assert contents(tmp_path) == before


OUTSIDE = [
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{root}/../secret.csv')",
    "SELECT * FROM read_text('{link}')",
    "SELECT * FROM glob('{outside}/*')",
    "SELECT * FROM read_parquet('https://localhost:1/x.parquet')",
    "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_files_outside_the_lake_stay_closed(small_lake: Path, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nopen-sesame\n")
    twin = tmp_path / "lake-twin"  # its name begins like the lake's
    twin.mkdir()
    os.link(secret, twin / "secret.csv")
    for path in (secret, twin / "secret.csv"):
        text = sql.format(root=small_lake, secret=path, outside=tmp_path, link=path)
        with pytest.raises(LakeError) as refused:
            query(small_lake, text)
        assert "DuckDB refuses" in str(refused.value)
        assert "open-sesame" not in str(refused.value)


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing FROM epochs", "SELECT * FROM epoch", "SELECT 'a'::INT"])
def test_a_question_duckdb_cannot_answer_is_said_in_its_words(small_lake: Path, sql: str) -> None:
    with pytest.raises(LakeError, match="DuckDB refuses the query: "):
        query(small_lake, sql)


def test_columns_of_one_name_are_all_answered(small_lake: Path) -> None:
    table = query(small_lake, "SELECT 1 AS a, 2 AS a, 3 AS b")
    assert table.column_names == ["a", "a_1", "b"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2], [3]]


def test_a_foreign_file_is_named(small_lake: Path) -> None:
    foreign = as_part(pa.table({"a": [1]}), small_lake / "epochs" / "run-a" / "foreign.parquet")
    with pytest.raises(LakeError, match=r"foreign\.\w{32}\.parquet is not a part of the table epochs. Move it out"):
        open_lake(small_lake)
    foreign.write_text("no parquet at all")
    with pytest.raises(LakeError, match=r"foreign\.\w{32}\.parquet was altered: .* Restore it"):
        open_lake(small_lake)


def test_a_part_in_another_tables_folder_is_named(small_lake: Path) -> None:
    source = next((small_lake / "runs" / "run-a").iterdir())
    (small_lake / "epochs" / "run-a" / "moved.parquet").write_bytes(source.read_bytes())
    with pytest.raises(LakeError, match=r"moved.parquet is not a part of the table epochs"):
        query(small_lake, "SELECT 1")


def test_a_truncated_part_is_named(small_lake: Path) -> None:
    (part,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    whole = part.read_bytes()
    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        part.write_bytes(whole[:length])
        with pytest.raises(
            LakeError, match=r"epoch-00001\..*\.parquet was altered: its bytes are not those its name says"
        ):
            query(small_lake, "SELECT 1")


def test_a_part_of_a_newer_schema_is_named(small_lake: Path) -> None:
    table = EPOCHS.arrow([{"run_id": "run-a", **epoch_row(epoch=9)}])
    as_part(table, small_lake / "epochs" / "run-a" / "newer.parquet", schema=str(SCHEMA_VERSION + 1))
    with pytest.raises(LakeError, match=r"newer.parquet was written with schema \d, newer than .* Update kd-gat"):
        open_lake(small_lake)


@pytest.mark.parametrize("label", ["one", "", "1.0"])
def test_a_part_whose_schema_is_no_number_is_named(small_lake: Path, label: str) -> None:
    table = EPOCHS.arrow([{"run_id": "run-a", **epoch_row(epoch=9)}])
    as_part(table, small_lake / "epochs" / "run-a" / "odd.parquet", schema=label)
    with pytest.raises(LakeError, match=r"odd.parquet"):
        open_lake(small_lake)


def test_a_column_of_another_type_is_named(small_lake: Path) -> None:
    table = EPOCHS.arrow([{"run_id": "run-a", **epoch_row(epoch=9)}])
    changed = table.set_column(2, "epoch", table["epoch"].cast(pa.string()))
    as_part(changed, small_lake / "epochs" / "run-a" / "typed.parquet")
    with pytest.raises(LakeError, match=r"typed\.\w{32}\.parquet: column epoch of type string does not fit"):
        open_lake(small_lake)


def older(table: pa.Table, schema: int) -> pa.Table:
    """A run's row as an older schema had it."""
    return table.drop_columns([name for name, column in RUNS.columns.items() if column.since > schema])


def test_columns_an_older_part_lacks_are_read_as_null(small_lake: Path) -> None:
    table = older(RUNS.arrow([{"run_id": "run-old", **run_row()}]), 2)
    as_part(table, small_lake / "runs" / "run-old" / "001-running.parquet", schema="2")
    rows = query(small_lake, "SELECT run_id, variant, origin, device FROM runs ORDER BY run_id").to_pylist()
    assert [row["run_id"] for row in rows] == ["run-a", "run-b", "run-old"]
    assert rows[2] == {"run_id": "run-old", "variant": None, "origin": None, "device": "cpu"}


def test_a_part_that_lacks_a_column_of_its_own_schema_is_named(small_lake: Path) -> None:
    table = RUNS.arrow([{"run_id": "run-x", **run_row()}]).drop_columns(["device"])
    as_part(table, small_lake / "runs" / "run-x" / "cut.parquet")
    with pytest.raises(LakeError, match=r"cut\.\w{32}\.parquet lacks the columns device of its schema"):
        query(small_lake, "SELECT 1")


def test_columns_no_part_has_are_read_as_null(tmp_path: Path) -> None:
    append(tmp_path / "lake", RUNS, "run-a", "001-running", [run_row(variant="wide")])
    part = next((tmp_path / "lake" / "runs" / "run-a").iterdir())
    as_part(older(pq.read_table(part), 2), part.with_name("001-running.parquet"), schema="2")
    part.unlink()
    assert query(tmp_path / "lake", "SELECT variant, device FROM runs").to_pylist() == [
        {"variant": None, "device": "cpu"}
    ]


@pytest.mark.parametrize("schema", ["1", "2"])
def test_metrics_of_an_older_schema_stand_beside_new_ones(small_lake: Path, schema: str) -> None:
    old = METRICS.arrow([{"run_id": "run-a", **metric_row()}]).drop_columns(["protocol", "calibration_s"])
    as_part(old, small_lake / "metrics" / "run-a" / "metrics.parquet", schema=schema)
    append(small_lake, METRICS, "run-b", "metrics", [metric_row(protocol="calibrated", calibration_s=10.0)])
    rows = query(small_lake, "SELECT run_id, protocol, calibration_s FROM metrics ORDER BY run_id").to_pylist()
    assert [tuple(row.values()) for row in rows] == [("run-a", None, None), ("run-b", "calibrated", 10.0)]
    assert verify(small_lake) == []


@pytest.mark.parametrize("name", ["it's", "a b", "a[1]", "a*b", "a?", "ä", "a{b,c}"])
def test_a_lake_may_lie_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / name / "lake"
    append(root, RUNS, "run-a", "001-running", [run_row()])
    snapshot = take_snapshot(root)
    assert query(root, "SELECT run_id FROM runs").to_pylist() == [{"run_id": "run-a"}]
    assert query(root, "SELECT run_id FROM runs", snapshot).num_rows == 1


def test_a_snapshot_answers_as_it_stood(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    count = "SELECT count(*) AS n FROM epochs"
    assert query(small_lake, count, snapshot).to_pylist() == [{"n": 3}]
    assert query(small_lake, count).to_pylist() == [{"n": 4}]


def test_a_table_there_is_not_is_said(small_lake: Path) -> None:
    with pytest.raises(LakeError, match=r"there is no table epoch\. Tables: runs, epochs"):
        open_lake(small_lake, tables=["epoch"])


def test_a_part_without_its_digest_in_its_name_is_refused(small_lake: Path) -> None:
    (part,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    part.rename(part.with_name("epoch-00001.parquet"))
    with pytest.raises(LakeError, match="have the digest of their bytes in their name"):
        query(small_lake, "SELECT 1")
    assert any("have the digest of their bytes" in fault for fault in verify(small_lake))


def test_an_earlier_attempt_that_comes_late_does_not_count_beside_the_packed_later_one(tmp_path: Path) -> None:
    """As of a job that was requeued to another node while the first one's journal was not to be seen yet."""
    root = tmp_path / "lake"
    for attempt, value in ((2, 0.25), (1, 0.75)):
        rows = [epoch_row(attempt=attempt, epoch=epoch, value=value) for epoch in range(3)]
        append(root, RUNS, "run-a", f"a00{attempt}-rows", [run_row(attempt=attempt)])
        append(root, EPOCHS, "run-a", f"a00{attempt}-rows", rows)
        seen = query(root, "SELECT count(*) AS n, max(value) AS value FROM epochs").to_pylist()
        assert seen == [{"n": 3, "value": 0.25}]
        if attempt == 2:
            compact(root)
