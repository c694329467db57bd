"""The large files of an export: rows by the hundred thousand, turned and judged by DuckDB rather than row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from lake.contract import check_arrow
from lake.relation import parquet_of
from lake.schema import TABLES
from lake.table import DUCKDB_TYPES, Column, Table
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import first_known, scored_runs

_ROW = "row_number() OVER (PARTITION BY run_id ORDER BY file_row_number) - 1"


@dataclass(frozen=True)
class BulkFile:
    """A file of the export and how a row of it becomes one of ours.

    Attributes:
        columns: of the table, each an SQL expression over the file's columns.
        model: SQL; the old name of the network that a row shows.
    """

    file: str
    table: Table
    needs: tuple[str, ...]
    columns: Mapping[str, str]
    model: str


BULK_FILES = (
    BulkFile(
        "embeddings.parquet", TABLES["embeddings"], ("run_id", "model", "x", "y", "label"),
        {"model": "model", "x": "x", "y": "y", "label": "label",
         "window_index": _ROW.replace("run_id", "run_id, model"),
         "projection": "'umap or pca: the export does not say'"},
        model="model",
    ),
    BulkFile(
        "dqn_policy.parquet", TABLES["policy"], ("run_id", "action_idx", "alpha"),
        {"window_index": "action_idx", "weight": "alpha"},
        model="'fusion'",
    ),
    BulkFile(
        "recon_errors.parquet", TABLES["reconstruction_errors"], ("run_id", "error", "label"),
        {"window_index": _ROW, "label": "label", "component": "'total'", "error": "error"},
        model="'vgae'",
    ),
    BulkFile(
        "attention_weights.parquet", TABLES["attention"],
        ("run_id", "sample_idx", "label", "layer", "head", "mean_alpha"),
        {"window_index": "sample_idx", "label": "label", "layer": "layer", "head": "head", "weight": "mean_alpha"},
        model="'gat'",
    ),
)  # fmt: skip


def add_bulk_file(gathering: Gathering, folder: Path, bulk: BulkFile) -> None:
    """Rows that fit, a piece a run; the others are refused by their number in the file."""
    path = folder / bulk.file
    judged = _judge(gathering, path, bulk)
    for row in judged.execute("SELECT row, fault FROM judged WHERE fault IS NOT NULL ORDER BY row").fetchall():
        gathering.refuse(bulk.file, f"row {row[0]}", row[1])
    ((there,),) = judged.execute("SELECT count(*) FROM judged").fetchall()
    names = [*bulk.columns, "model_run_id"]
    quoted = [f'"{name}"' for name in names]
    kept = judged.sql(
        f"SELECT new_run, {', '.join(quoted)} FROM judged WHERE fault IS NULL ORDER BY new_run, row"
    ).to_arrow_table()
    gathering.counted(bulk.file, there, kept.num_rows, bulk.table.name)
    for run_id, rows in _by_run(kept).items():
        columns = {name: rows[name] for name in names} | {"run_id": rows["new_run"]}
        gathering.add_piece(bulk.table, run_id, check_arrow(bulk.table, columns))
    judged.close()


def _judge(gathering: Gathering, path: Path, bulk: BulkFile) -> duckdb.DuckDBPyConnection:
    """A connection with the table `judged`: our columns, the run, and what is wrong with the row, or null."""
    connection = duckdb.connect()
    connection.register("runs", _run_names(gathering))
    turned = ", ".join(_cast(name, expression, bulk.table.columns[name]) for name, expression in bulk.columns.items())
    key = ", ".join(f'"{name}"' for name in bulk.table.key if name in bulk.columns)
    try:
        connection.execute(
            f"CREATE TABLE turned AS SELECT run_id AS old_run, {bulk.model} AS old_model, {turned}, "
            f"file_row_number AS row FROM {parquet_of([path], 'file_row_number = true')}"
        )
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        raise MigrateError(f"{path} cannot be read as the export's {bulk.file} ({why}). Give a whole copy.") from error
    connection.execute(
        f"CREATE TABLE judged AS SELECT turned.*, new_run, model_run_id, "
        f"CASE WHEN new_run IS NULL THEN 'its run ' || coalesce(old_run, 'null') || ' is not in runs.parquet' "
        f"WHEN model_run_id IS NULL THEN 'no run of this store trained the ' || old_model || ' that it shows' "
        f"{' '.join(_faults(name, bulk.table.columns[name]) for name in bulk.columns)} "
        f"WHEN row_number() OVER (PARTITION BY old_run, old_model, {key} ORDER BY row) > 1 "
        "THEN 'the same key as a row before it' END AS fault "
        "FROM turned LEFT JOIN (SELECT DISTINCT old_run, new_run FROM runs) USING (old_run) "
        "LEFT JOIN (SELECT old_run, old_model, model_run_id FROM runs) USING (old_run, old_model)"
    )
    return connection


def _run_names(gathering: Gathering) -> pa.Table:
    known = {old: run.run_id for old, run in gathering.runs.items()}
    rows = [
        {
            "old_run": old,
            "new_run": new,
            "old_model": model,
            "model_run_id": first_known(scored_runs(old, model), known),
        }
        for old, new in known.items()
        for model in ("vgae", "gat", "fusion")
    ]
    schema = pa.schema([(name, pa.string()) for name in ("old_run", "new_run", "old_model", "model_run_id")])
    return pa.Table.from_pylist(rows, schema=schema)


def _cast(name: str, expression: str, column: Column) -> str:
    """A value of another type that is none of this column's becomes null, which `_faults` then refuses."""
    return f'TRY_CAST({expression} AS {DUCKDB_TYPES[column.kind]}) AS "{name}"'


def _faults(name: str, column: Column) -> str:
    """The column's contract, as branches of a CASE."""
    cell = f'"{name}"'
    tests = [] if column.nullable else [(f"{cell} IS NULL", f"'{name} is missing or of another type'")]
    said = f"'{name} is ' || {cell}"
    if column.kind == "real":
        tests.append((f"NOT isfinite({cell})", f"{said} || '; only finite numbers are kept'"))
    if column.low is not None:
        tests.append((f"{cell} < {column.low}", f"{said} || ', below {column.low:g}'"))
    if column.high is not None:
        tests.append((f"{cell} > {column.high}", f"{said} || ', above {column.high:g}'"))
    return " ".join(f"WHEN {test} THEN {text}" for test, text in tests)


def _by_run(rows: pa.Table) -> dict[str, pa.Table]:
    """Rows in the order of `new_run`, cut where it changes."""
    counts = rows.group_by("new_run", use_threads=False).aggregate([([], "count_all")]).to_pylist()
    parts, start = {}, 0
    for one in counts:
        parts[one["new_run"]] = rows.slice(start, one["count_all"])
        start += one["count_all"]
    return parts
