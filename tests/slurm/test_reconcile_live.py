"""`./run lake reconcile` beside a real Slurm: what it says of jobs that were ended in its own ways."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake.read import query
from tests.slurm.private import Slurm, wait_for

pytestmark = pytest.mark.slurm
REPOSITORY = Path(__file__).resolve().parents[2]
# A run as the pipeline keeps it: its first row at once, its last where it gets so far. The third argument is what it
# does in between; a requeued job goes on in the same run.
RUN = """
import os, sys, time
from pathlib import Path
from pipeline.runs import RunFolder, recorded, run_statuses
from tests.lake.rows import run_row
root, run_id = Path(sys.argv[1]), sys.argv[2]
attempt = run_statuses(root / "lake", [run_id]).get(run_id, ("", 0))[1] + 1
job = {"slurm_job_id": os.environ["SLURM_JOB_ID"], "slurm_cluster": os.environ["SLURM_CLUSTER_NAME"]}
with recorded(root / "lake", RunFolder(root / "runs", run_id), {**run_row(), **job}, attempt):
    exec(sys.argv[3])
"""
SLEEP = "time.sleep(300)"
GREEDY = "held = [bytearray(4 << 20) for _ in range(400)]"

Start = Callable[..., str]


@pytest.fixture
def start(slurm: Slurm, tmp_path: Path) -> Start:
    """Submits a run, waits until it says running, and gives its job's id."""

    def submit(run_id: str, what: str, *options: str) -> str:
        words = [sys.executable, "-c", RUN, str(tmp_path), run_id, what]
        job_id = slurm.submit(f"cd {REPOSITORY} && exec {shlex.join(words)}", *options)
        wait_for(lambda: run_id in statuses(tmp_path), f"the first row of {run_id}")
        return job_id

    return submit


def statuses(root: Path) -> dict[str, str]:
    if not (root / "lake" / "lake.json").exists():
        return {}
    return {row["run_id"]: row["status"] for row in query(root / "lake", "SELECT run_id, status FROM runs").to_pylist()}


def reconcile(slurm: Slurm, root: Path) -> dict[str, dict[str, Any]]:
    command = [
        sys.executable,
        "-m",
        "lake",
        "--lake",
        str(root / "lake"),
        "reconcile",
        "--grace",
        "0",
        "--format",
        "json",
    ]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=dict(slurm.environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {row["run_id"]: row for row in json.loads(done.stdout)["runs"]}


def test_runs_end_as_slurm_ended_their_jobs(slurm: Slurm, start: Start, tmp_path: Path) -> None:
    memory = start("eats", GREEDY, "--mem=400M")
    killed = start("killed", "os.kill(os.getpid(), 9)")
    cancelled = start("cancelled", SLEEP)
    lost = start("lost", SLEEP, "--partition=gpu", "--nodelist=g1", "--no-requeue")
    running = start("running", SLEEP)
    assert {row["status"] for row in reconcile(slurm, tmp_path).values()} <= {"running", "out_of_memory", "failed"}
    slurm.command("scancel", "--signal=KILL", "--full", cancelled)  # at once: the run has no time to say so itself
    slurm.command("scontrol", "update", "nodename=g1", "state=down", "reason=test")
    for job_id in (memory, killed, cancelled, lost):
        slurm.wait(job_id, "OUT_OF_MEMORY", "FAILED", "CANCELLED", "NODE_FAIL")
    wait_for(lambda: slurm.command("sinfo", "-hN", "-n", "g1", "-o", "%T").startswith("idle"), "g1 to come back")
    reconcile(slurm, tmp_path)
    found = statuses(tmp_path)
    assert found["running"] == "running"
    assert found["eats"] == "out_of_memory"
    assert found["killed"] == "failed"
    assert found["cancelled"] in ("cancelled", "failed")  # a kill of all its processes may count as their failure
    assert found["lost"] == "node_fail"
    slurm.command("scancel", running)


def test_a_requeued_run_is_left_and_goes_on(slurm: Slurm, start: Start, tmp_path: Path) -> None:
    once = "time.sleep(0 if os.environ.get('SLURM_RESTART_COUNT') else 300)"
    job_id = start("again", once)
    slurm.command("scontrol", "requeue", job_id)
    wait_for(lambda: slurm.state(job_id) == "PENDING", f"job {job_id} queued again")
    row = reconcile(slurm, tmp_path).get("again")
    assert row is None or row["status"] == "running"  # or it had the time to say that it was interrupted
    wait_for(lambda: statuses(tmp_path)["again"] == "complete", "the second attempt")
    assert reconcile(slurm, tmp_path) == {}
    (last,) = query(tmp_path / "lake", "SELECT attempt, status FROM runs").to_pylist()
    assert last == {"attempt": 2, "status": "complete"}


@pytest.mark.slow
def test_a_run_at_its_time_limit_timed_out(slurm: Slurm, start: Start, tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
    slurm.wait(start("late", deaf, "--time=1"), "TIMEOUT")
    row = reconcile(slurm, tmp_path)["late"]
    assert row["status"] == "timeout"
    assert "ended as TIMEOUT" in row["reason"]
