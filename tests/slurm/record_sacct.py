"""Writes tests/data/sacct.json anew: what a real sacct says of jobs that ended in each of the ways there are.

    python -m tests.slurm.record_sacct      as root, with Slurm installed (tests/slurm/cluster.sh); two minutes

Each case has the id asked for, as the job itself sees it in SLURM_JOB_ID, and the lines that came back.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from lake.sacct import FIELDS
from tests.slurm.private import Slurm, private_slurm

PLACE = Path(__file__).resolve().parents[1] / "data" / "sacct.json"
GREEDY = """exec python3 -c 'import time
held = []
for _ in range(60):
    held.append(bytearray(4 << 20)); time.sleep(0.1)'"""
ONCE = "sleep 3; [ ${{SLURM_RESTART_COUNT:-0}} = 0 ] && {{ scontrol {} $SLURM_JOB_ID; sleep 30; }}; exit 0"
SLEEP = "sleep 300"
FIRST = "--nodelist=c1"  # so that nothing lasting stands in the way of those that take the whole of c2


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kdgat-slurm-") as place:
        with private_slurm(Path(place) / "cgroup") as slurm:
            version = slurm.command("sbatch", "--version")
            cases = _by_states(slurm)
        with private_slurm(Path(place) / "poll", memory="poll") as slurm:
            cases |= _by_polling(slurm)
    PLACE.write_text(json.dumps({"slurm": version, "fields": FIELDS, "cases": cases}, indent=1) + "\n")
    print(PLACE, file=sys.stderr)


def _by_states(slurm: Slurm) -> dict[str, object]:
    jobs = {
        "timeout": slurm.submit(SLEEP, "--time=1", FIRST),
        "complete": slurm.submit("sleep 1"),
        "failed": slurm.submit("sleep 1; exit 3"),
        "killed": slurm.submit("sleep 1; kill -9 $$"),
        "cancelled": slurm.submit(SLEEP, FIRST),
        "out of memory": slurm.submit(GREEDY, "--mem=40M"),
        "preempted": slurm.submit(SLEEP, "--partition=scavenge"),
        "node failed": slurm.submit(SLEEP, "--partition=gpu", "--nodelist=g1", "--no-requeue"),
        "requeued, complete": slurm.submit(ONCE.format("requeue")),
        "requeued, held": slurm.submit(ONCE.format("requeuehold")),
        "running": slurm.submit(SLEEP, FIRST),
    }
    # of an array each task has an id of its own, which the task alone can tell
    array = slurm.submit(f"echo $SLURM_JOB_ID >{slurm.folder}/task-$SLURM_ARRAY_TASK_ID; exit $SLURM_ARRAY_TASK_ID",
                         "--array=0-2")  # fmt: skip
    for name in ("cancelled", "preempted", "node failed", "running"):
        slurm.wait(jobs[name], "RUNNING")
    slurm.command("scancel", jobs["cancelled"])
    slurm.command("scontrol", "update", "nodename=g1", "state=down", "reason=test")
    urgent = slurm.submit("sleep 1", "--nodelist=c2", "--cpus-per-task=4")
    again = slurm.submit(SLEEP, "--partition=again")
    slurm.wait(again, "RUNNING")
    more_urgent = slurm.submit("sleep 20", "--nodelist=c2", "--cpus-per-task=4")
    slurm.wait(again, "PENDING")
    waiting = _ask(slurm, again)
    for job_id in (jobs["timeout"], jobs["requeued, complete"], urgent, more_urgent, array):
        slurm.wait(job_id, "TIMEOUT", "COMPLETED", "FAILED")
    time.sleep(1)
    for number in range(3):
        jobs[f"array, task {number}"] = (slurm.folder / f"task-{number}").read_text().strip()
    cases = {name: _ask(slurm, job_id) for name, job_id in jobs.items()}
    again_running = {"preempted, running again": _ask(slurm, again)}
    return {**cases, "preempted, waiting": waiting, **again_running, "unknown": _ask(slurm, "99999")}


def _by_polling(slurm: Slurm) -> dict[str, object]:
    jobs = {
        "out of memory, polled": slurm.submit(GREEDY, "--mem=40M"),
        "out of memory in a step, polled": slurm.submit(f"srun {GREEDY.removeprefix('exec ')}", "--mem=40M"),
        "killed, polled": slurm.submit("sleep 3; kill -9 $$", "--mem=40M"),
    }
    for job_id in jobs.values():
        slurm.wait(job_id, "FAILED")
    time.sleep(1)
    return {name: _ask(slurm, job_id) for name, job_id in jobs.items()}


def _ask(slurm: Slurm, job_id: str) -> dict[str, object]:
    words = ("env", "SLURM_TIME_FORMAT=%s", "sacct", "-n", "-P", "-D", "-j", job_id, "-o", ",".join(FIELDS))
    return {"job_id": job_id, "lines": slurm.command(*words).splitlines()}


if __name__ == "__main__":
    main()
