"""Runs that say running though nothing runs them; Slurm's answers are those recorded from a real one."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.__main__ import main
from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.journal import Journal
from lake.parts import part_name
from lake.read import query
from lake.reconcile import Reconciled, reconcile
from lake.recover import recover
from lake.sacct import FIELDS, ask_sacct, read_records, run_sacct
from lake.schema import RUNS
from tests.lake.conftest import child
from tests.lake.rows import run_row

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "sacct.json").read_text())
CASES: dict[str, dict[str, Any]] = RECORDED["cases"]
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def first_start(case: str) -> datetime:
    return datetime.fromtimestamp(int(CASES[case]["lines"][0].split("|")[3]), UTC)


def running_in(root: Path, case: str, run_id: str = "run-a", **changes: Any) -> None:
    """A run that says running, in the job of a recorded case."""
    began = first_start(case) + timedelta(seconds=1) if CASES[case]["lines"] else LATER
    about = {"slurm_job_id": CASES[case]["job_id"], "slurm_cluster": "test", "started_at": began, **changes}
    append(root, RUNS, run_id, part_name(changes.get("attempt", 1), "running"), [run_row(**about)])


def answer(case: str) -> Any:
    """A sacct that says what was recorded."""
    return lambda arguments: "\n".join(CASES[case]["lines"])


def found_in(root: Path, case: str, **options: Any) -> Reconciled:
    return reconcile(root, sacct=answer(case), clock=lambda: LATER, **options)


def runs_of(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = query(root, "SELECT * FROM runs ORDER BY run_id").to_pylist()
    return rows


def test_the_recording_has_the_fields_we_ask_for() -> None:
    assert tuple(RECORDED["fields"]) == FIELDS


@pytest.mark.parametrize(
    ("case", "status", "words"),
    [
        ("timeout", "timeout", "ended as TIMEOUT at"),
        ("out of memory", "out_of_memory", "ended as OUT_OF_MEMORY at .*exit code 0, signal 125"),
        ("out of memory, polled", "out_of_memory", r"FAILED .*; killed while a step used \d+K of the 40M asked for"),
        ("out of memory in a step, polled", "out_of_memory", r"FAILED .* used \d+K of the 40M asked for"),
        ("killed, polled", "failed", r"ended as FAILED at .*exit code 0, signal 9$"),
        ("killed", "failed", "exit code 0, signal 9$"),
        ("failed", "failed", "exit code 3$"),
        ("preempted", "preempted", "ended as PREEMPTED"),
        ("node failed", "node_fail", "ended as NODE_FAIL"),
        ("cancelled", "cancelled", "ended as CANCELLED"),
        ("complete", "failed", "^the job ended without writing the run's end: Slurm job"),
        ("requeued, complete", "failed", "^the job ended without writing the run's end"),
        ("array, task 0", "failed", "^the job ended without"),
        ("array, task 1", "failed", "exit code 1$"),
        ("array, task 2", "failed", "exit code 2$"),  # sacct gives the whole array for it
    ],
)
def test_a_run_ends_as_its_job_did(tmp_path: Path, case: str, status: str, words: str) -> None:
    running_in(tmp_path / "lake", case)
    (finding,) = found_in(tmp_path / "lake", case).changed
    (row,) = runs_of(tmp_path / "lake")
    assert row["status"] == finding.status == status
    own = [line.split("|") for line in CASES[case]["lines"] if line.startswith(f"{CASES[case]['job_id']}|")]
    assert row["finished_at"] == datetime.fromtimestamp(int(own[-1][4]), UTC)
    assert re.search(words, row["reason"]), row["reason"]
    assert verify(tmp_path / "lake") == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("running", "Slurm job .* is RUNNING"),
        ("requeued, held", "Slurm job .* is PENDING"),
        ("preempted, waiting", "Slurm job .* is PENDING"),
        ("preempted, running again", "Slurm job .* is RUNNING"),
        ("unknown", "Slurm knows no job 99999 on the cluster test"),
    ],
)
def test_a_run_whose_job_lives_or_is_unknown_is_left_and_said(tmp_path: Path, case: str, words: str) -> None:
    running_in(tmp_path / "lake", case)
    found = found_in(tmp_path / "lake", case)
    assert not found.changed
    assert re.match(words, found.findings[0].reason)
    assert runs_of(tmp_path / "lake")[0]["status"] == "running"


def test_doing_it_again_or_twice_at_once_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    running_in(root, "timeout")

    def meanwhile(arguments: Sequence[str]) -> str:
        found_in(root, "timeout")  # another does the same while Slurm is asked
        return str(answer("timeout")(arguments))

    reconcile(root, sacct=meanwhile, clock=lambda: LATER)
    files = sorted(path.name for path in (root / "runs" / "run-a").iterdir())
    assert len(files) == 2
    assert found_in(root, "timeout").findings == []
    assert sorted(path.name for path in (root / "runs" / "run-a").iterdir()) == files


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    running_in(tmp_path / "lake", "cancelled")
    said = found_in(tmp_path / "lake", "cancelled", is_dry_run=True)
    assert runs_of(tmp_path / "lake")[0]["status"] == "running"
    assert said == found_in(tmp_path / "lake", "cancelled")


def test_an_end_that_the_run_writes_itself_meanwhile_stays(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    running_in(root, "complete")
    journal = Journal(root, "run-a", 1)

    def meanwhile(arguments: Sequence[str]) -> str:
        journal.log({RUNS: [run_row(status="complete", started_at=first_start("complete"), finished_at=LATER)]})
        return str(answer("complete")(arguments))

    assert reconcile(root, sacct=meanwhile, clock=lambda: LATER).findings == []
    journal.seal()
    assert [row["status"] for row in runs_of(root)] == ["complete"]


def test_where_both_ends_were_written_complete_counts(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    running_in(root, "complete")
    found_in(root, "complete")
    early = first_start("complete")
    row = run_row(status="complete", started_at=early, finished_at=early)
    append(root, RUNS, "run-a", part_name(1, "ended"), [row])
    assert [row["status"] for row in runs_of(root)] == ["complete"]


def test_a_job_that_has_just_ended_is_left_for_the_next_time(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    running_in(root, "timeout")
    soon = first_start("timeout") + timedelta(seconds=70)
    found = reconcile(root, sacct=answer("timeout"), clock=lambda: soon)
    assert not found.changed
    assert "may be on its way" in found.findings[0].reason
    assert reconcile(root, sacct=answer("timeout"), clock=lambda: soon + timedelta(seconds=90)).changed


def test_a_job_of_the_same_number_at_another_time_is_not_the_runs(tmp_path: Path) -> None:
    running_in(tmp_path / "lake", "failed", started_at=first_start("failed") - timedelta(days=400))
    found = found_in(tmp_path / "lake", "failed")
    assert not found.changed
    assert "is another one" in found.findings[0].reason


def test_a_requeued_run_that_began_again_ends_in_its_last_attempt(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    running_in(root, "requeued, complete")
    again = first_start("requeued, complete") + timedelta(seconds=11)
    running_in(root, "requeued, complete", attempt=2, started_at=again)
    (finding,) = found_in(root, "requeued, complete").changed
    assert finding.attempt == 2
    assert query(root, "SELECT attempt, status FROM run_events ORDER BY ALL").to_pylist() == [
        {"attempt": 1, "status": "running"},
        {"attempt": 2, "status": "failed"},
        {"attempt": 2, "status": "running"},
    ]


def test_each_cluster_is_asked_for_its_own_jobs_at_once(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    for number in range(3):
        running_in(root, "timeout", f"run-{number}", slurm_job_id=str(100 + number), slurm_cluster="owens")
    running_in(root, "timeout", "run-x", slurm_cluster=None)
    asked: list[list[str]] = []

    def record(arguments: Sequence[str]) -> str:
        asked.append(list(arguments))
        return ""

    assert len(reconcile(root, sacct=record).findings) == 4
    options = ["-n", "-P", "-D", "-j"]
    fields = ["-o", ",".join(FIELDS)]
    assert sorted(asked) == [["-M", "owens", *options, "100,101,102", *fields], [*options, "1", *fields]]


def test_many_jobs_are_asked_for_in_batches() -> None:
    asked: list[int] = []

    def record(arguments: Sequence[str]) -> str:
        asked.append(len(arguments[arguments.index("-j") + 1].split(",")))
        return ""

    ask_sacct([str(number) for number in range(1001)], None, record)
    assert asked == [400, 400, 201]


def test_a_sacct_that_fails_is_told_and_changes_nothing_of_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "lake"
    running_in(root, "timeout")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sacct").write_text("#!/bin/sh\necho 'sacct: error: slurmdbd: Connection refused' >&2\nexit 1\n")
    (programs / "sacct").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert main(["--lake", str(root), "reconcile", "--format", "json"]) == 1
    told = capsys.readouterr()
    assert "1 run of test not looked at: sacct fails: sacct: error: slurmdbd: Connection refused" in told.err
    assert json.loads(told.out)["runs"] == []
    assert runs_of(root)[0]["status"] == "running"


def test_without_sacct_it_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LakeError, match=r"sacct is not on PATH.*login node"):
        run_sacct(["--version"])


def test_lines_of_another_shape_are_refused() -> None:
    with pytest.raises(LakeError, match="not 7 fields"):
        read_records(["1|RUNNING|0:0"])


def test_a_process_that_is_gone_was_interrupted(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    with child("pass") as process:
        process.wait()
    now = datetime.now(UTC)
    append(root, RUNS, "run-a", "a001-x", [run_row(host="here", process_id=process.pid, started_at=now)])
    (finding,) = reconcile(root, host="here").changed
    (row,) = runs_of(root)
    assert (row["status"], row["finished_at"]) == ("interrupted", None)
    assert row["reason"] == finding.reason
    assert f"process {process.pid} on here is gone" in row["reason"]
    assert reconcile(root, host="here").findings == []


LONG_AGO = datetime.now(UTC) - timedelta(days=30)
WRITES = """
import os, socket, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from lake.journal import Journal
from lake.schema import RUNS
from tests.lake.rows import run_row
about = {"host": socket.gethostname(), "process_id": os.getpid()}
journal = Journal(Path(sys.argv[1]), "run-a")
journal.log({RUNS: [run_row(started_at=datetime.now(UTC) - timedelta(days=float(sys.argv[2])), **about)]})
print("logged", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("days", [1, 0, -1])
def test_a_process_that_holds_its_journal_runs_whatever_the_clock_said(tmp_path: Path, days: float) -> None:
    """As where the clock was set after a start: the process then seems to have begun after its own run."""
    with child(WRITES, str(tmp_path / "lake"), str(days)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        (finding,) = reconcile(tmp_path / "lake").findings
        assert finding.status is None
        assert f"process {process.pid} is running" in finding.reason
        process.kill()
    (finding,) = reconcile(tmp_path / "lake").changed
    assert finding.status == "interrupted"


def killed_with_our_number(root: Path) -> Path:
    """A run that was killed long ago, and whose number this process has by now."""
    row = run_row(host=socket.gethostname(), process_id=os.getpid(), started_at=LONG_AGO)
    journal = Journal(root, "run-a")
    journal.log({RUNS: [row]})
    journal.close()
    os.utime(journal.path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    return journal.path


@pytest.mark.parametrize("is_put_away", [False, True])
def test_a_number_that_is_another_process_by_now_is_gone_too(tmp_path: Path, is_put_away: bool) -> None:
    path = killed_with_our_number(tmp_path / "lake")
    if is_put_away:
        recover(tmp_path / "lake")
        assert not path.exists()
    (finding,) = reconcile(tmp_path / "lake").changed
    assert finding.status == "interrupted"


def test_without_a_journal_to_ask_a_number_that_may_be_another_process_is_left_and_said(tmp_path: Path) -> None:
    killed_with_our_number(tmp_path / "lake")
    recover(tmp_path / "lake")
    for path in (tmp_path / "lake" / "journals").iterdir():
        path.unlink()  # as gc does in time
    (finding,) = reconcile(tmp_path / "lake").findings
    assert finding.status is None
    assert f"process {os.getpid()} began after the run, by this machine's clock" in finding.reason
    assert runs_of(tmp_path / "lake")[0]["status"] == "running"


@pytest.mark.parametrize(("hours", "is_said"), [(-24, False), (0.5, False), (2, True), (24, True)])
def test_a_start_that_the_clock_has_yet_to_reach_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, hours: float, is_said: bool
) -> None:
    now = datetime.now(UTC)
    row = run_row(host="elsewhere", process_id=7, started_at=now + timedelta(hours=hours))
    append(tmp_path / "lake", RUNS, "run-a", "a001-x", [row])
    reconcile(tmp_path / "lake", host="here", clock=lambda: now)
    assert ("run-a began at" in caplog.text) == is_said


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"host": "here", "process_id": os.getpid()}, "is running"),
        ({"host": "elsewhere", "process_id": 1}, "runs on elsewhere"),
        ({}, "neither its job nor its process was recorded"),
    ],
)
def test_a_process_that_runs_or_cannot_be_seen_is_left(tmp_path: Path, about: dict[str, Any], words: str) -> None:
    row = run_row(started_at=datetime.now(UTC), **about)
    append(tmp_path / "lake", RUNS, "run-a", "a001-x", [row])
    found = reconcile(tmp_path / "lake", host="here")
    assert not found.changed
    assert words in found.findings[0].reason


def test_the_command_tells_what_it_wrote_and_what_it_left(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    append(root, RUNS, "run-a", "a001-x", [run_row(host="elsewhere", process_id=7, started_at=LATER)])
    command = [sys.executable, "-m", "lake", "--lake", str(root), "reconcile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "process 7 runs on elsewhere" in done.stdout
    assert "0 ends written, 1 left as they are" in done.stderr
    assert "run-a began at 2100-01-01 00:00 UTC, which this machine's clock" in done.stderr
