"""The leaderboard of 10,000 runs of 100 epochs and 8 metrics: the query, and the command beyond the start of Python.

The lake is made up and compacted: 8 million rows of epochs, 8 metrics of each run on a pool of captures, and two events
a run, of the training runs and of the 2,500 evaluations that measured them. The query is measured again where metrics
of four single captures lie beside the pool's.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa

from lake.generation import Generation, Indexed, put_generation
from lake.pack import write_index, write_packs
from lake.results import write_results
from lake.root import create_lake
from lake.schema import TABLES
from lake.settings import REPOSITORY
from lake.stored import StoredFile
from lake.table import Table
from loaders.ask import ask, open_for
from loaders.queries import statements

RUNS = 10_000
EPOCHS = 100
TIMES = 21
_RUNS_AT_ONCE = 1_000
_COMMON = """
    1::BIGINT AS attempt, 'bench' AS experiment, 'bench' AS dataset, false AS is_demo,
    '{"name": "bench", "window": {"size": 100}, "number": ' || number || '}' AS config_json,
    sha256(number::VARCHAR) AS config_digest, left(md5(number::VARCHAR), 8) AS configuration,
    sha256('data') AS data_digest, left(sha256('commit'), 40) AS code_commit, '{}' AS versions_json, 'cpu' AS device
"""
_TRAINED = f"""
    SELECT
        place, 'bench-' || lpad(place::VARCHAR, 6, '0') AS run_id,
        'evaluate-' || lpad((place // 4)::VARCHAR, 6, '0') AS evaluate_run_id, place % 5 AS seed, place // 5 AS number,
        ['vgae', 'gat', 'fusion'][1 + number % 3] AS model, ['teacher', 'student'][1 + (number // 3) % 2] AS role
    FROM range({RUNS}) AS one(place)
"""
_RUNS = f"""
    SELECT run_id, unnest(['running', 'complete']) AS status, concat_ws('_', model, role) AS stage, model, role, seed,
        1000 AS parameters, TIMESTAMPTZ '2026-03-01 12:00:00+00' + to_seconds(place) AS started_at, {_COMMON}
    FROM trained
    UNION ALL BY NAME
    SELECT evaluate_run_id AS run_id, unnest(['running', 'complete']) AS status, 'evaluate' AS stage, 0 AS seed,
        TIMESTAMPTZ '2026-04-01 12:00:00+00' AS started_at, {_COMMON}
    FROM (SELECT DISTINCT evaluate_run_id, 0 AS number FROM trained)
"""
_EPOCHS = f"""
    SELECT run_id, 1::BIGINT AS attempt, epoch, 'validation' AS split, 'metric_' || m AS metric,
        hash(place, epoch, m) % 1000000 / 1e6 AS value
    FROM trained, range({EPOCHS}) AS a(epoch), range(8) AS b(m)
"""
_METRICS = """
    SELECT evaluate_run_id AS run_id, run_id AS model_run_id, 'bench' AS dataset, 'test' AS split, capture,
        if(capture = 'known vehicles', 'all', 'car') AS vehicle, 'all' AS attack, true AS is_known_vehicle,
        'known vehicle' AS protocol, metric, hash(place, capture, metric) % 1000000 / 1e6 AS value,
        1000 AS n, 100 AS n_attack
    FROM trained, (SELECT unnest({captures}) AS capture),
        (SELECT unnest(['f1', 'auroc', 'fpr', 'recall', 'precision', 'accuracy', 'mcc', 'auprc']) AS metric)
"""
_POOL = ["known vehicles"]
_CAPTURES = [*_POOL, "a", "b", "c", "d"]


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        root, wider = Path(name) / "lake", Path(name) / "wider"
        rows = made_up(root, {"runs": _RUNS, "epochs": _EPOCHS, "metrics": _METRICS.format(captures=_POOL)})
        made_up(wider, {"runs": _RUNS, "metrics": _METRICS.format(captures=_CAPTURES)})
        wide = {f"{key}_of_five_captures": value for key, value in _query(wider).items()}
        return {"rows": rows, **_query(root), **wide, **_command(root)}


def made_up(root: Path, tables: Mapping[str, str]) -> dict[str, int]:
    """A compacted lake of the rows that these queries make; how many, by table."""
    create_lake(root)
    packs: list[StoredFile] = []
    index: list[Indexed] = []
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; CREATE TABLE trained AS {_TRAINED}")
        for name, sql in tables.items():
            for pack, owners in write_packs(root, TABLES[name], _chunks(connection, TABLES[name], sql)):
                packs.append(pack)
                index += owners
    path, digest = write_index(root, index)
    assert put_generation(root, Generation(1, tuple(packs), path, digest, write_results(root, packs))), (
        "the lake is new"
    )
    return {pack.table: pack.rows for pack in packs}


def _chunks(connection: duckdb.DuckDBPyConnection, table: Table, sql: str) -> Iterator[pa.Table]:
    """The rows in key order, each chunk of whole runs."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE row AS {sql}")
    have = {name for name, *_ in connection.execute("DESCRIBE row").fetchall()}
    columns = ", ".join(f'"{name}"' if name in have else f'NULL AS "{name}"' for name in table.columns)
    owners = [run_id for (run_id,) in connection.execute("SELECT DISTINCT run_id FROM row ORDER BY run_id").fetchall()]
    for start in range(0, len(owners), _RUNS_AT_ONCE):
        first, *_, last = owners[start : start + _RUNS_AT_ONCE]
        chosen = f"SELECT {columns} FROM row WHERE run_id BETWEEN '{first}' AND '{last}' ORDER BY {table.order_sql}"
        yield connection.sql(chosen).to_arrow_table().cast(table.schema)


def _query(root: Path) -> dict[str, Any]:
    """Milliseconds of the query alone, in a connection that is open, and of opening one."""
    opened, asked = [], []
    for _ in range(5):
        begun = time.perf_counter()
        with open_for(root, None, "leaderboard"):
            opened.append(time.perf_counter() - begun)
    with open_for(root, None, "leaderboard") as lake:
        *before, question = statements("leaderboard", have=("results",))
        for statement in before:
            lake.execute(statement)
        for _ in range(TIMES):
            begun = time.perf_counter()
            lake.execute(question).fetchall()
            asked.append(time.perf_counter() - begun)
        found = ask(lake, "leaderboard").dicts
    assert [row["n_seeds"] for row in found] == [5] * 20, "the lake that was measured is not the one meant"
    return {"query_ms": _ms(asked), "query_best_ms": round(1000 * min(asked), 1), "open_ms": _ms(opened)}


def _command(root: Path) -> dict[str, Any]:
    """Milliseconds of the whole command, beyond `python -c pass` and beyond `import duckdb`; by turns, so that a busy
    moment falls on all alike."""
    commands = {
        "command": ["-m", "loaders", "analytics", "leaderboard", "--lake", str(root)],
        "interpreter": ["-c", "pass"],
        "duckdb": ["-c", "import duckdb"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(TIMES):
        for name, words in commands.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=REPOSITORY, check=True, capture_output=True)
            taken[name].append(time.perf_counter() - begun)
    middle = {name: median(found) for name, found in taken.items()}
    return {
        "command_ms": _ms(taken["command"]),
        "interpreter_ms": _ms(taken["interpreter"]),
        "import_duckdb_ms": _ms(taken["duckdb"]),
        "beyond_interpreter_ms": round(1000 * (middle["command"] - middle["interpreter"]), 1),
        "beyond_import_duckdb_ms": round(1000 * (middle["command"] - middle["duckdb"]), 1),
    }


def _ms(found: list[float]) -> float:
    return round(1000 * median(found), 1)
