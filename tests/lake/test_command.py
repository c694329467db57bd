"""`python -m lake`: what it prints, and how it ends."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from lake.__main__ import main
from lake.append import append
from lake.compact import compact
from lake.schema import EPOCHS, RUNS
from lake.snapshot import latest_snapshot, take_snapshot
from lake.tags import put_tag, tags
from tests.conftest import Python
from tests.lake.conftest import REPOSITORY, read_only
from tests.lake.rows import NOON, epoch_row, run_row

ODD = 'a, "b"\n[bold]c[/red] é'


@pytest.fixture
def odd_lake(small_lake: Path) -> Path:
    """A lake with text that each format could trip over."""
    append(small_lake, RUNS, "run-c", "001-running", [run_row(status="failed", reason=ODD)])
    return small_lake


def test_json_gives_rows_that_read_back(odd_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT run_id, attempt, is_demo, reason, started_at FROM runs ORDER BY run_id DESC LIMIT 1"
    assert main(["--lake", str(odd_lake), "sql", sql, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"run_id": "run-c", "attempt": 1, "is_demo": True, "reason": ODD, "started_at": "2026-03-01 12:00:00+00:00"}
    ]


def test_json_says_null_for_what_json_has_no_word(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT 'nan'::DOUBLE AS a, ['inf'::DOUBLE, 1] AS b, NULL AS c, 1.5 AS d, sum(epoch) AS e FROM epochs"
    assert main(["--lake", str(small_lake), "sql", sql, "--format", "json"]) == 0

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    read = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert read == [{"a": None, "b": [None, 1.0], "c": None, "d": 1.5, "e": 3}]


def test_csv_gives_rows_that_read_back(odd_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT run_id, reason, 1 AS run_id FROM runs ORDER BY 1 DESC"
    assert main(["--lake", str(odd_lake), "sql", sql, "--format", "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["run_id", "reason", "run_id_1"]
    assert rows[1] == ["run-c", ODD, "1"]
    assert rows[2] == ["run-b", "", "1"]


ODD_VALUES = (
    "SELECT ['a', NULL, 'é'] AS list, {'x': 1, 'y': [true]} AS struct, MAP {'k': 2} AS map, false AS flag, "
    "'\\xDE\\xAD'::BLOB AS bytes, INTERVAL '3 months 2 days -1.5 seconds' AS span, INTERVAL 0 DAY AS none, "
    "DATE '2026-03-01' AS day, 1.5::DECIMAL(3, 1) AS exact, [1.5::DECIMAL(3, 1)] AS nested"
)


def test_what_python_writes_its_own_way_is_json_in_csv_and_in_a_table(
    small_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ['["a", null, "é"]', '{"x": 1, "y": [true]}', '[["k", 2]]', "false", "dead", "3 months 2 days -1.5 seconds",
             "0 seconds", "2026-03-01", "1.5", "[1.5]"]  # fmt: skip
    assert main(["--lake", str(small_lake), "sql", ODD_VALUES, "--format", "csv"]) == 0
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1] == cells
    assert main(["--lake", str(small_lake), "sql", ODD_VALUES]) == 0
    assert "  ".join(cells).split() == capsys.readouterr().out.splitlines()[-1].split()


def test_json_has_bytes_and_intervals_as_text(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", str(small_lake), "sql", ODD_VALUES, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["bytes"], row["span"], row["none"]) == ("dead", "3 months 2 days -1.5 seconds", "0 seconds")
    assert (row["list"], row["struct"], row["flag"]) == (["a", None, "é"], {"x": 1, "y": [True]}, False)
    read_back = f"SELECT CAST('{row['span']}' AS INTERVAL) = INTERVAL '3 months 2 days -1.5 seconds' AS same"
    assert main(["--lake", str(small_lake), "sql", read_back, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"same": True}]


def test_a_time_that_python_has_none_for_is_said(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", str(small_lake), "sql", "SELECT 'infinity'::TIMESTAMP AS never"]) == 1
    assert "lake: the answer has a value that cannot be shown" in capsys.readouterr().err


def test_a_table_shows_every_cell_as_it_is(odd_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT run_id, '[bold]x[/red]' AS text, 0.1234567::DOUBLE AS value FROM runs ORDER BY 1"
    assert main(["--lake", str(odd_lake), "sql", sql]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("[bold]x[/red]") == 3
    assert "0.123457" in printed.out
    assert printed.err == "3 rows\n"


def test_a_question_without_rows_is_answered(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, out in (("json", "[]\n"), ("csv", "run_id\n")):
        assert main(["--lake", str(small_lake), "sql", "SELECT run_id FROM metrics", "--format", form]) == 0
        assert capsys.readouterr().out == out


def test_a_snapshot_is_taken_asked_and_checked(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", str(small_lake), "snapshot", "--format", "json"]) == 0
    taken = json.loads(capsys.readouterr().out)
    assert (taken["files"], taken["rows"]["epochs"]) == (2, 3)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    which = ["--snapshot", taken["snapshot_id"][:12]]
    assert main(["--lake", str(small_lake), "sql", "SELECT count(*) AS n FROM epochs", "--format", "csv", *which]) == 0
    assert capsys.readouterr().out == "n\n3\n"
    assert main(["--lake", str(small_lake), "verify", "--format", "json", *which]) == 0
    assert json.loads(capsys.readouterr().out) == {"faults": []}


def test_verify_ends_with_1_where_it_found_something(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", str(small_lake), "verify"]) == 0
    assert capsys.readouterr().out == f"{small_lake}: sound\n"
    (part,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    part.write_bytes(part.read_bytes()[:-20])
    assert main(["--lake", str(small_lake), "verify"]) == 1
    assert f"{part.name} was altered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sql", "DELETE FROM runs"], "lake: The lake is read-only here: give exactly one SELECT"),
        (["sql", "SELECT x FROM runs"], "lake: DuckDB refuses the query: Binder Error"),
        (["sql", "SELECT 1", "--snapshot", "feed"], "begins with 'feed'. Snapshots: none yet"),
    ],
)
def test_what_cannot_be_done_is_said_on_stderr(
    small_lake: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["--lake", str(small_lake), *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err


def test_as_a_command_it_takes_the_lake_from_the_environment_and_shows_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lake", "sql", "SELECT 1"], cwd=REPOSITORY, env={"KDGAT_LAKE": str(tmp_path / "none")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"lake: {tmp_path / 'none'} does not exist. Train first (./run train sample)")
    assert "Traceback" not in done.stderr


def test_a_lake_that_may_only_be_read_answers_and_says_why_it_takes_no_snapshot(
    small_lake: Path, without_override: Python
) -> None:
    with read_only(small_lake):
        asked = without_override("-m", "lake", "--lake", str(small_lake), "sql", "SELECT 1 AS a", "--format", "csv")
        taken = without_override("-m", "lake", "--lake", str(small_lake), "snapshot")
    assert (asked.returncode, asked.stdout) == (0, "a\n1\n")
    assert taken.returncode == 1
    assert "was not written: permission denied" in taken.stderr
    assert "Traceback" not in taken.stderr


def test_a_snapshot_of_a_lake_that_may_only_be_read_is_not_given_up(small_lake: Path, without_override: Python) -> None:
    snapshot_id = take_snapshot(small_lake).snapshot_id
    with read_only(small_lake):
        done = without_override("-m", "lake", "--lake", str(small_lake), "forget", snapshot_id)
    assert (done.returncode, done.stdout, done.stderr.count("Traceback")) == (1, "", 0)
    assert f"/snapshots/{snapshot_id}.json was not " in done.stderr
    assert "ed: permission denied. Make the folder writable" in done.stderr


def test_a_part_that_may_not_be_read_is_named(small_lake: Path, without_override: Python) -> None:
    (part,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    for closed in (part, part.parent):
        mode = closed.stat().st_mode
        closed.chmod(0)
        try:
            done = without_override("-m", "lake", "--lake", str(small_lake), "sql", "SELECT 1")
        finally:
            closed.chmod(mode)
        assert done.returncode == 1, done.stdout
        assert str(closed) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(small_lake: Path) -> None:
    sql = "SELECT range AS a FROM range(200000)"
    command = [sys.executable, "-m", "lake", "--lake", str(small_lake), "sql", sql, "--format", "csv"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        assert asked.stdout.readline() == "a\n"
        asked.stdout.close()
        assert "Traceback" not in asked.stderr.read()
    assert asked.returncode == 0


@pytest.mark.parametrize("given", ["nan", "-1", "inf", "1e400", "soon"])
@pytest.mark.parametrize(
    ("verb", "option", "unit"), [("gc", "--grace-days", "days"), ("reconcile", "--grace", "seconds")]
)
def test_a_grace_time_that_is_none_is_refused(
    small_lake: Path, capsys: pytest.CaptureFixture[str], verb: str, option: str, unit: str, given: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--lake", str(small_lake), verb, f"{option}={given}"])
    assert ended.value.code == 2
    assert f"argument {option}: {given!r} is no number of {unit} from 0 to 1,000,000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--remove",), "--remove needs the NAME it is about"),
        (("--force", "--reason", "why"), "--force needs the NAME it is about"),
        (("--reason", "why"), "--reason needs the NAME it is about"),
        (("paper-v1", "--remove", "--history"), "--history only shows, and --remove changes a name"),
        (("paper-v1", "0123456", "--history"), "--history only shows, and a snapshot changes a name"),
        (("paper-v1", "0123456", "--remove"), "--remove takes paper-v1 away, whatever it names"),
        (("paper-v2", "--remove"), "no snapshot has the name paper-v2. Names: paper-v1."),
    ],
)
def test_a_tag_that_asks_for_what_cannot_be_is_refused(
    small_lake: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    put_tag(small_lake, "paper-v1", take_snapshot(small_lake))
    named = tags(small_lake)
    assert main(["--lake", str(small_lake), "tag", *words]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count(said)) == ("", 1)
    assert tags(small_lake) == named


def test_a_name_is_taken_away_once(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_tag(small_lake, "paper-v1", take_snapshot(small_lake))
    away = ["--lake", str(small_lake), "tag", "paper-v1", "--remove", "--force", "--reason", "a slip"]
    assert main(away) == 0
    assert "paper-v1 names no snapshot any more\n" in capsys.readouterr().err
    assert main(away) == 1
    assert "no snapshot has the name paper-v1. Names: none yet." in capsys.readouterr().err


def test_snapshot_says_which_name_it_gave(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", str(small_lake), "snapshot", "--tag", "paper-v1"]) == 0
    assert capsys.readouterr().out.endswith("\npaper-v1 names it\n")
    assert main(["--lake", str(small_lake), "snapshot", "--tag", "paper-v1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["tag"] == "paper-v1"


def test_a_name_that_never_was_has_no_history(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lake", str(small_lake), "tag", "paper-v1", "--history"]) == 1
    assert "no snapshot ever had the name paper-v1. Names: none yet." in capsys.readouterr().err


def test_gc_prints_some_of_many_files_and_json_has_all(small_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(25):
        append(small_lake, RUNS, f"more-{number}", "001-running", [run_row()])
    compact(small_lake)
    assert main(["--lake", str(small_lake), "gc", "--grace-days", "0", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main(["--lake", str(small_lake), "gc", "--grace-days", "0", "--dry-run", "--format", "json"]) == 0
    freed = json.loads(capsys.readouterr().out)
    assert len(freed) > 25
    assert (len(lines), lines[-1].split()[0]) == (22, str(len(freed)))
    assert lines[-2] == f"… and {len(freed) - 20} more; --format json lists them all"


@pytest.mark.parametrize(
    "words",
    [
        ("sql", "SELECT 1", "--snapshot", ""), ("sql", "SELECT 1", "--snapshot", " "), ("sql", ""),
        ("verify", "--snapshot", ""), ("snapshot", "--tag", ""), ("tag", ""), ("tag", "paper-v1", ""),
        ("tag", "paper-v1", "--remove", "--force", "--reason", ""), ("forget", ""), ("forget", "\t"), ("diff", "", ""),
        ("recover", "--from", ""), ("set-aside", "", "--reason", "spoiled"), ("set-aside", "part", "--reason", ""),
    ],
)  # fmt: skip
def test_empty_text_means_nothing_and_is_refused(
    small_lake: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """As an unset variable of a shell gives it: `lake forget "$OLD"`."""
    snapshot = take_snapshot(small_lake)
    with pytest.raises(SystemExit) as ended:
        main(["--lake", str(small_lake), *words])
    assert ended.value.code == 2
    assert "is empty: is a variable of the shell not set?" in capsys.readouterr().err
    assert latest_snapshot(small_lake) == snapshot
    assert tags(small_lake) == {}


def test_a_snapshot_is_given_up_by_six_characters_of_its_id_or_more(
    small_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot_id = take_snapshot(small_lake).snapshot_id
    for short in (snapshot_id[:1], snapshot_id[:5]):
        assert main(["--lake", str(small_lake), "forget", short]) == 1
        assert f"'{short}' is too short to give up a snapshot by" in capsys.readouterr().err
        assert latest_snapshot(small_lake).snapshot_id == snapshot_id
    assert main(["--lake", str(small_lake), "forget", snapshot_id[:6]]) == 0
    assert list((small_lake / "snapshots").glob("*.json")) == []


def test_a_short_name_is_told_to_be_protected_and_not_too_short(
    small_lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_tag(small_lake, "v1", take_snapshot(small_lake))
    assert main(["--lake", str(small_lake), "forget", "v1"]) == 1
    assert "is protected: v1 names it" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["table", "json"])
def test_tag_prints_which_snapshot_has_the_name_now(
    small_lake: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    snapshot = take_snapshot(small_lake, now=NOON)
    assert main(["--lake", str(small_lake), "tag", "paper-v1", "--format", form]) == 0
    printed = capsys.readouterr()
    told = f"paper-v1 names snapshot {snapshot.snapshot_id}\ntaken at {snapshot.created_at}; rows: run_events 2, "
    assert told in (printed.err if form == "json" else printed.out)
    names = [{"name": "paper-v1", "snapshot_id": snapshot.snapshot_id}]
    if form == "json":
        assert json.loads(printed.out) == names
    assert main(["--lake", str(small_lake), "tag", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == names
