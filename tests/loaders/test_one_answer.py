"""Every named query gives one answer: in DuckDB here, and in DuckDB-WASM, which the pages run it in.

Answers are compared by a digest of names, types, order and values; real numbers by their bits.
"""

import hashlib
import json
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from lake.read import open_lake
from lake.schema import TABLES
from lake.snapshot import take_snapshot
from loaders import settings
from loaders.build import FOLDER, build_data
from loaders.node import REPOSITORY, check_node
from loaders.queries import QUERIES, Value, parameters_of, statements, text_of
from tests.loaders.rich_lake import MODEL_RUN, rich_lake
from tests.site_fixture import needs_node

REFERENCE = REPOSITORY / "data" / "reference" / "lake"
MEASURED_RUN = "reference-fusion-s1-12f2700805"
SITE_QUERIES = sorted(path.stem for path in FOLDER.glob("*.sql"))


def cases(run_id: str, dataset: str) -> dict[str, tuple[str, dict[str, Value]]]:
    """Each named query with its defaults, and again with other values of its variables."""
    found: dict[str, tuple[str, dict[str, Value]]] = {}
    others: Mapping[str, Value] = {
        "metric": "fpr", "captures": "each", "origin": "all", "protocol": "all", "better": "lower", "top": 3,
        "parameter": "window.size", "dataset": dataset, "run_id": run_id, "run_ids": [run_id],
    }  # fmt: skip
    for name in QUERIES:
        known = parameters_of(name)
        needed = {key: others[key] for key in ("run_id", "run_ids") if key in known}
        if name.startswith("dataset_"):
            needed["dataset"] = dataset
        found[name] = (name, needed)
        found[f"{name}_otherwise"] = (name, {key: value for key, value in others.items() if key in known})
    return found


@dataclass(frozen=True)
class Answers:
    """Of both engines, by case; `errors` are those of DuckDB-WASM."""

    native: Mapping[str, pa.Table]
    wasm: Mapping[str, pa.Table]
    errors: Mapping[str, str]


def both(root: Path, folder: Path, questions: Mapping[str, list[str]]) -> Answers:
    native = {}
    with open_lake(root) as lake:
        lake.register("settings", settings.load(lake))
        tables = {name: lake.sql(f'SELECT * FROM "{name}"').to_arrow_table() for name in [*TABLES, "settings"]}
        for name, (*before, question) in questions.items():
            for statement in before:
                lake.execute(statement)
            native[name] = lake.sql(question).to_arrow_table()
    for name, table in tables.items():
        with pa.OSFile(str(folder / f"table-{name}"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    (folder / "tables.json").write_text(json.dumps({name: f"table-{name}" for name in tables}))
    (folder / "questions.json").write_text(json.dumps(questions))
    script = REPOSITORY / "tests" / "loaders" / "wasm.cjs"
    subprocess.run([str(check_node()), str(script), str(folder)], cwd=REPOSITORY, check=True, timeout=300)
    errors = json.loads((folder / "errors.json").read_text())
    wasm = {name: pa.ipc.open_stream(folder / f"{name}.arrow").read_all() for name in questions if name not in errors}
    return Answers(native, wasm, errors)


def canonical(table: pa.Table) -> str:
    """A digest of what a query answered, whichever engine did."""
    digest = hashlib.sha256(json.dumps([[field.name, plain_type(field.type)] for field in table.schema]).encode())
    for row in table.to_pylist():
        digest.update(json.dumps([plain_value(value) for value in row.values()]).encode())
    return digest.hexdigest()


def plain_type(kind: pa.DataType) -> str:
    """Integers of any width are integers; what Arrow calls a text may be large or not."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {plain_type(kind.value_type)}"
    for name, is_kind in (
        ("text", pa.types.is_string), ("text", pa.types.is_large_string), ("integer", pa.types.is_integer),
        ("real", pa.types.is_floating), ("flag", pa.types.is_boolean), ("instant", pa.types.is_timestamp),
    ):  # fmt: skip
        if is_kind(kind):
            return name
    return str(kind)


def plain_value(value: Any) -> Any:
    if isinstance(value, list):
        return [plain_value(inner) for inner in value]
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    return value if value is None or isinstance(value, str | int) else value.isoformat()


@pytest.fixture(scope="module", params=["made up", "reference"])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("engines")
    root, run_id, dataset, of_site = REFERENCE, MEASURED_RUN, "reference", ["leaderboard", "overview", "runs"]
    if request.param == "made up":
        root, run_id, dataset, of_site = rich_lake(folder / "lake"), MODEL_RUN, "made_up", SITE_QUERIES
    questions = {case: statements(name, values) for case, (name, values) in cases(run_id, dataset).items()}
    for case in ("measured", "measured_otherwise"):  # others read it as a view, which has no order
        questions[case][-1] = f"SELECT * FROM ({questions[case][-1]}) ORDER BY ALL"
    results = f"CREATE OR REPLACE TEMP VIEW results AS {text_of('results')}"
    questions |= {f"site_{name}": [results, (FOLDER / f"{name}.sql").read_text()] for name in of_site}
    return both(root, folder, questions)


@needs_node
def test_each_named_query_answers_alike_in_both_engines(answers: Answers) -> None:
    assert answers.errors == {}
    said = {name: canonical(table) for name, table in answers.native.items()}
    assert {name: canonical(table) for name, table in answers.wasm.items()} == said


@needs_node
def test_no_answer_is_empty(answers: Answers) -> None:
    """An answer without rows is the same everywhere and shows nothing."""
    empty = {name for name, table in answers.native.items() if table.num_rows == 0}
    assert empty == set()


def test_the_sites_files_give_the_lakes_answers(tmp_path: Path) -> None:
    """A page asks the same files of the data that is published, in which the tables have the same names."""
    root = rich_lake(tmp_path / "lake")
    build_data(root, take_snapshot(root), tmp_path / "data")
    own = {name: case for name, case in cases(MODEL_RUN, "made_up").items() if "origin" not in case[1]}
    own |= {"leaderboard_each": ("leaderboard", {"captures": "each", "protocol": "all", "top": 100})}
    with open_lake(root) as lake, duckdb.connect() as site:
        site.execute("SET TimeZone = 'UTC'")
        lake.register("settings", settings.load(lake))
        for path in (tmp_path / "data").glob("*.parquet"):
            site.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
        for name, (query, values) in own.items():
            answers = []
            for connection in (lake, site):
                *before, question = statements(query, values)
                for statement in before:
                    connection.execute(statement)
                question = f"SELECT * FROM ({question}) ORDER BY ALL" if query == "measured" else question
                if query == "results":  # which in a lake has imported results as well
                    question = question.replace(" ORDER BY ALL", " WHERE origin IS NULL ORDER BY ALL")
                answers.append(canonical(connection.sql(question).to_arrow_table()))
            assert answers[0] == answers[1], name


def test_the_digest_tells_values_types_names_and_order_apart() -> None:
    one = pa.table({"a": [1.0, 2.0]})
    others = [
        pa.table({"a": [1.0, 2.0000000000000004]}), pa.table({"a": [2.0, 1.0]}), pa.table({"b": [1.0, 2.0]}),
        pa.table({"a": [1, 2]}), pa.table({"a": [1.0, None]}), pa.table({"a": [1.0]}), pa.table({"a": [-0.0, 2.0]}),
    ]  # fmt: skip
    assert len({canonical(table) for table in [one, *others]}) == 1 + len(others)
    assert canonical(pa.table({"a": [1.0, 2.0]})) == canonical(one)


def test_each_query_file_stands_in_the_table_and_takes_no_other_variable() -> None:
    assert {path.stem for path in (FOLDER / "queries").glob("*.sql")} == set(QUERIES) - {"results"}, (
        "which is the lake's own"
    )
    for name in QUERIES:
        used = {part.split("'")[1] for part in text_of(name).split("getvariable(")[1:]}
        assert used <= set(parameters_of(name)), name
        assert used >= set(QUERIES[name].defaults), name


def test_a_value_is_written_as_sql_reads_it() -> None:
    text = "it's; DROP TABLE runs --"
    with open_lake(REFERENCE, tables=["runs"]) as lake:
        for statement in statements("run_facts", {"run_ids": [text, "b"]})[:-1]:
            lake.execute(statement)
        assert lake.execute("SELECT getvariable('run_ids')").fetchall() == [([text, "b"],)]
