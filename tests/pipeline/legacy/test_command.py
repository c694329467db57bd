"""`./run migrate`: the dry run says what execution does, again changes nothing, and bad sources are told apart."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lake.check import verify
from lake.snapshot import take_snapshot
from pipeline.__main__ import main
from pipeline.legacy.kinds import KINDS
from tests.conftest import Python
from tests.pipeline.legacy.stores import Importing, make_folders, make_log, make_reports, make_tracker

Migrate = Callable[..., int]


@pytest.fixture
def migrate(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> Migrate:
    """`./run migrate` with these words, in this process."""
    monkeypatch.setenv("KDGAT_LAKE", str(importing.lake))
    handler = signal.getsignal(signal.SIGTERM)

    def run(*words: str | Path) -> int:
        status = main(["migrate", *map(str, words)])
        signal.signal(signal.SIGTERM, handler)
        return status

    return run


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with a tracker, its export and experiment folders."""
    folder = tmp_path / "old"
    make_reports(folder / "reports")
    make_tracker(folder / "project.db")
    make_folders(folder / "experimentruns")
    return folder


def test_the_dry_run_says_what_execution_does_and_does_nothing(
    sources: Path, migrate: Migrate, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(sources.rglob("*"))
    assert migrate(sources) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "Nothing was done; --execute does it."
    assert sorted(sources.rglob("*")) == before
    assert not importing.lake.exists()
    assert migrate(sources, "--execute") == 0
    done = capsys.readouterr().out.splitlines()
    assert done[:-1] == said[:-1]
    appended = sum(int(line.split()[1]) for line in said if line.startswith("append"))
    tables = {line.split()[2] for line in said if line.startswith("append")}
    assert appended == sum(importing.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables)
    moves = [line.split()[3] for line in said if line.startswith("move")]
    assert len(moves) == 3
    assert all(Path(path).is_dir() for path in moves)
    assert verify(importing.lake) == []


def test_the_second_time_changes_nothing_and_says_so(
    sources: Path, migrate: Migrate, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(sources, "--execute")
    snapshot = take_snapshot(importing.lake).snapshot_id
    files = {path: path.stat().st_mtime_ns for path in importing.lake.rglob("*.parquet")}
    capsys.readouterr()
    assert migrate(sources, "--execute") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Nothing to do: all ")
    assert take_snapshot(importing.lake).snapshot_id == snapshot
    assert {path: path.stat().st_mtime_ns for path in importing.lake.rglob("*.parquet")} == files


def test_killed_half_way_and_repeated_it_ends_the_same(sources: Path, tmp_path: Path, importing: Importing) -> None:
    twin = tmp_path / "twin" / sources.name
    shutil.copytree(sources, twin)
    whole = Importing(tmp_path / "whole")
    whole.execute(sources)
    command = [sys.executable, "-m", "pipeline", "migrate", str(twin), "--execute"]
    env = {**os.environ, "KDGAT_LAKE": str(importing.lake)}
    started = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while started.poll() is None and len(list(importing.lake.rglob("*.parquet"))) < 5:
        time.sleep(0.01)
    started.kill()
    started.wait()
    done = len(list(importing.lake.rglob("*.parquet")))
    total = len(list(whole.lake.rglob("*.parquet")))
    assert 5 <= done < total, "it was killed between the first part and the last"
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for table in ("run_events", "metrics", "epochs", "embeddings", "artifacts"):
        sql = f"SELECT count(*) AS n FROM {table}"
        assert importing.rows(sql) == whole.rows(sql)
    assert len(list(importing.lake.rglob("*.parquet"))) == total
    assert verify(importing.lake) == []


def test_ctrl_c_while_a_table_is_read_is_said_in_one_line(sources: Path, importing: Importing) -> None:
    """DuckDB makes an error of its own of it, which is told as a traceback where nobody knows."""
    code = """
import signal, sys
from unittest.mock import patch
from pipeline.__main__ import main

def interrupted(*_):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted") from None

with patch("pipeline.legacy.reports.add_bulk_file", interrupted):
    sys.exit(main(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "migrate", str(sources), "--execute"],
        env={**os.environ, "KDGAT_LAKE": str(importing.lake)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = "migrate: interrupted. What was complete is kept; the same command goes on, or begins again.\n"
    assert (done.returncode, done.stdout, done.stderr) == (130, "", said)
    assert not importing.lake.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize(("stdout", "said"), [(">/dev/full", "stdout takes no more"), (">&-", "stdout is closed")])
def test_a_stdout_that_takes_nothing_is_said(sources: Path, importing: Importing, stdout: str, said: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {stdout}', "sh", sys.executable, "-m", "pipeline", "migrate", str(sources)],
        env={**os.environ, "KDGAT_LAKE": str(importing.lake)}, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"migrate: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dataset", ""), "the text is empty"),
        (("--dataset", "a/../b"), "'a/../b' is no dataset's name"),
        (("--as", " "), "the text is empty"),
        (("--to", ""), "the text is empty"),
    ],
)
def test_words_that_name_nothing_are_refused(
    sources: Path, migrate: Migrate, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        migrate(sources, *words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_empty_source_is_not_the_current_folder(migrate: Migrate, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        migrate("")
    assert ended.value.code == 2
    assert "the text is empty: is a variable of the shell not set?" in capsys.readouterr().err


def test_json_lists_every_action_account_and_refusal(
    sources: Path, migrate: Migrate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(sources, "--format", "json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["is_executed"], said["conflicts"]) == (False, [])
    assert {store["kind"] for store in said["stores"]} == {"tracker", "reports", "folders"}
    assert {"table": "policy", "run_id": "legacy-reports-set_01.eval_large_evaluation", "rows": 5} in said["append"]
    for account in (one for store in said["stores"] for one in store["accounts"]):
        assert account["there"] == account["imported"] + account["refused"]


def test_another_store_with_the_same_ids_is_refused_and_imported_under_a_name_of_its_own(
    tmp_path: Path, migrate: Migrate, importing: Importing, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make_tracker(tmp_path / "project.db")
    key = ("set_01/teacher_evaluation", "vgae", "val")
    second = make_tracker(
        tmp_path / "backup.db", {key: {"accuracy": 0.5, "recall": 0.5, "fpr": 0.25, "n_samples": 9.0}}
    )
    migrate(first, "--execute")
    capsys.readouterr()
    before = importing.rows("SELECT count(*) AS n FROM runs")
    assert migrate(second, "--execute") == 1
    said = capsys.readouterr().out
    assert "conflict run legacy-tracker-set_01.teacher_evaluation is in the lake with other" in said
    assert importing.rows("SELECT count(*) AS n FROM runs") == before
    assert migrate(second, "--execute", "--as", "backup") == 0
    assert importing.run("legacy-backup-set_01.teacher_evaluation")["experiment"] == "legacy-backup"


@pytest.mark.parametrize("words", [(), ("--execute",), ("--execute", "--format", "json")])
def test_a_source_of_which_everything_is_refused_ends_with_1(
    tmp_path: Path, migrate: Migrate, importing: Importing, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    make_log(tmp_path / "logs/version_0", ["epoch,step,train_loss", "0,5,1.5"], "batch: 8\n")
    assert migrate(tmp_path / "logs", *words) == 1
    said = capsys.readouterr().out
    if "json" in words:
        assert json.loads(said)["append"] == []
    else:
        assert "Nothing can be imported: all " in said.splitlines()[-1]
        assert "refuse   " in said
        assert "Nothing to do" not in said
    assert not importing.lake.exists()


def test_what_lies_beside_the_stores_is_said(
    sources: Path, migrate: Migrate, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "README.md").write_text("about these results")
    migrate(sources)
    assert f"note     {sources / 'README.md'} is no store we know; it is left out" in capsys.readouterr().out


def test_two_stores_of_the_same_ids_in_one_folder_are_refused(
    tmp_path: Path, migrate: Migrate, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    make_tracker(tmp_path / "old" / "project.db")
    make_tracker(tmp_path / "old" / "backup.db")
    assert migrate(tmp_path / "old", "--execute") == 1
    said = "run legacy-tracker-set_01.teacher_fusion is in both tracker backup.db and tracker project.db."
    assert f"conflict {said} Give them one by one, with --as NAME." in capsys.readouterr().out


def test_sources_stay_as_they_are_but_for_moved_folders(sources: Path, migrate: Migrate) -> None:
    kept = [path for path in sources.rglob("*") if path.is_file() and "experimentruns" not in path.parts]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in kept}
    migrate(sources, "--execute")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in kept} == before


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is an empty folder"),
        (lambda path: path.write_bytes(b""), "is no store we know"),
        (lambda path: path.write_text("frames,labels\n1,2\n"), "is no store we know"),
        (lambda path: (path.mkdir(), (path / "a.csv").write_text("x")), "is no store we know"),
        (lambda path: path.write_bytes(b"SQLite for"), "is damaged or cut off"),
    ],
)
def test_what_is_no_store_is_refused_with_what_is(
    make: Callable[[Path], object], said: str, tmp_path: Path, migrate: Migrate, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "source")
    assert migrate(tmp_path / "source") == 1
    error = capsys.readouterr().err
    assert error.startswith("migrate: ")
    assert said in error
    if "no store" in said:
        assert all(kind.what in error for kind in KINDS)


def test_a_source_without_permission_is_refused(sources: Path, without_override: Python) -> None:
    (sources / "project.db").chmod(0)
    done = without_override("-m", "pipeline", "migrate", str(sources))
    assert done.returncode == 1
    assert "cannot be read (Permission denied)" in done.stderr


def test_a_lake_that_cannot_be_written_leaves_the_folders_alone(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrate: Migrate, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("KDGAT_LAKE", str(tmp_path / "file"))
    before = sorted(sources.rglob("*"))
    assert migrate(sources, "--execute") == 1
    assert "is not a lake" in capsys.readouterr().err
    assert sorted(sources.rglob("*")) == before


def test_a_name_that_cannot_stand_in_a_run_id_is_refused(
    sources: Path, migrate: Migrate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(sources / "project.db", "--as", "../up") == 1
    assert "cannot stand in a run id" in capsys.readouterr().err
    assert migrate(sources, "--as", "one") == 1
    assert "--as names one store" in capsys.readouterr().err


@pytest.mark.parametrize("inside", ["logs/version_1", "runs/set_01/teacher_fusion/checkpoints"])
def test_a_folder_that_cannot_be_listed_is_said_and_nothing_is_imported(
    tmp_path: Path, importing: Importing, monkeypatch: pytest.MonkeyPatch, without_override: Python, inside: str
) -> None:
    """A run in it would be missing among the imported ones."""
    for version in (0, 1):
        make_log(tmp_path / f"logs/version_{version}", ["epoch,step,train_loss", "0,5,1.5"], "stage: fusion\n")
    (tmp_path / "runs/set_01/teacher_fusion/checkpoints").mkdir(parents=True)
    (tmp_path / "runs/set_01/teacher_fusion/config.json").write_text("{}")
    (tmp_path / inside).chmod(0o300)
    monkeypatch.setenv("KDGAT_LAKE", str(importing.lake))
    done = without_override("-m", "pipeline", "migrate", str(tmp_path / Path(inside).parts[0]), "--execute")
    (tmp_path / inside).chmod(0o755)
    assert done.returncode == 1, done.stdout
    assert f"{inside} cannot be read (Permission denied)" in done.stderr
    assert not importing.lake.exists()
