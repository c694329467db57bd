"""What Slurm's accounting says of jobs: asks `sacct`, reads its lines, and says what became of a job."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lake.errors import LakeError

Runner = Callable[[Sequence[str]], str]  # arguments of sacct -> what it prints

FIELDS = ("JobIDRaw", "State", "ExitCode", "Start", "End", "ReqMem", "MaxRSS")
_AT_ONCE = 400  # job ids in one question: a command line has an end
_PATIENCE_S = 300  # of its own accord sacct tries for a minute to find its configuration
_CLOCKS_DIFFER = timedelta(days=1)  # by no more, between a cluster's controller and who wrote the run

# What a run became, by the state its job ended in; what is not here has not ended, or is not known to have.
_ENDS: Mapping[str, str] = {
    "TIMEOUT": "timeout",
    "DEADLINE": "timeout",
    "OUT_OF_MEMORY": "out_of_memory",
    "PREEMPTED": "preempted",
    "NODE_FAIL": "node_fail",
    "BOOT_FAIL": "node_fail",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
    "COMPLETED": "failed",
}
_NEVER = datetime.max.replace(tzinfo=UTC)
_KILLED = "0:9"  # a step that ended by SIGKILL
_SIZE = re.compile(r"([\d.]+)([KMGT]?)n?")  # 4Gn: a node, as releases before 21.08 have it
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True)
class JobRecord:
    """One execution of a job, or its place in the queue; a requeued job has several, the latest last.

    Attributes:
        over_memory: what a step used of what the job had asked for, where it was killed with no less than that:
            clusters that watch memory by polling say FAILED, and only so is it told from another kill.
    """

    job_id: str
    state: str
    exit_code: str
    start: datetime | None
    end: datetime | None
    over_memory: str | None = None


@dataclass(frozen=True)
class JobEnd:
    """How a job's end reads in `runs`."""

    status: str
    reason: str
    finished_at: datetime


def ask_sacct(job_ids: Sequence[str], cluster: str | None, run: Runner) -> dict[str, list[JobRecord]]:
    """The records of these jobs; those that Slurm does not know are left out.

    Args:
        cluster: name of the cluster that ran them, where it is known.

    Raises:
        LakeError: there is no sacct, or it fails.
    """
    records: dict[str, list[JobRecord]] = {}
    for first in range(0, len(job_ids), _AT_ONCE):
        asked = ",".join(job_ids[first : first + _AT_ONCE])
        of_cluster = ["-M", cluster] if cluster else []
        lines = run([*of_cluster, "-n", "-P", "-D", "-j", asked, "-o", ",".join(FIELDS)]).splitlines()
        records |= read_records(lines)
    return {job_id: records[job_id] for job_id in job_ids if job_id in records}  # asked for one task, it gives them all


def run_sacct(arguments: Sequence[str]) -> str:
    """What sacct prints, times in seconds since 1970.

    Raises:
        LakeError: with sacct's own words.
    """
    command = ["env", "SLURM_TIME_FORMAT=%s", "sacct", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise LakeError(
            f"sacct gave no answer in {_PATIENCE_S} s. Slurm's accounting may be down; nothing was changed, try later."
        ) from error
    if done.returncode == 127:
        raise LakeError(
            "sacct is not on PATH, so Slurm cannot be asked what became of its jobs. "
            "Run this on a login node of the cluster that ran them."
        )
    if done.returncode:
        said = done.stderr.strip() or f"status {done.returncode}"
        raise LakeError(f"sacct fails: {said}\nNothing was changed; run this again where sacct works.")
    return done.stdout


def read_records(lines: Iterable[str]) -> dict[str, list[JobRecord]]:
    """Jobs by their id, each with its records in the order they began to be.

    Raises:
        LakeError: a line is none of ours.
    """
    rows: dict[str, list[Sequence[str]]] = defaultdict(list)
    for line in lines:
        cells = line.split("|")
        if len(cells) != len(FIELDS):
            raise LakeError(f"sacct answers {line!r}, not {len(FIELDS)} fields. Look at `sacct --helpformat`.")
        rows[cells[0].split(".")[0]].append(cells)
    return {job_id: _records(job_id, of_job) for job_id, of_job in rows.items()}


def end_of(records: Sequence[JobRecord]) -> JobEnd | None:
    """How the job ended, or None where it has not: it runs, waits, or waits to run again."""
    last = records[-1]
    status = _ENDS.get(last.state)
    if status is None or last.end is None:
        return None
    reason = f"Slurm job {last.job_id} ended as {last.state} at {last.end:%Y-%m-%d %H:%M:%S} UTC, {_exit(last)}"
    if last.state == "COMPLETED":
        reason = f"the job ended without writing the run's end: {reason}"
    if last.state == "FAILED" and last.over_memory:
        status, reason = "out_of_memory", f"{reason}; killed while a step used {last.over_memory} asked for"
    return JobEnd(status, reason, last.end)


def was_running(records: Sequence[JobRecord], moment: datetime) -> bool:
    """Whether one of the records spans the moment, as far as clocks agree: ids are used again after a long time."""
    return any(
        one.start is not None
        and one.start - _CLOCKS_DIFFER <= moment
        and (one.end is None or moment <= one.end + _CLOCKS_DIFFER)
        for one in records
    )


def _exit(record: JobRecord) -> str:
    code, _, signal = record.exit_code.partition(":")
    return f"exit code {code}" if signal in ("", "0") else f"exit code {code}, signal {signal}"


def _records(job_id: str, rows: Sequence[Sequence[str]]) -> list[JobRecord]:
    steps = [row for row in rows if "." in row[0]]
    records = [_record(row, steps) for row in rows if row[0] == job_id]
    return sorted(records, key=lambda one: one.start or _NEVER)  # what waits has no start yet


def _record(row: Sequence[str], steps: Sequence[Sequence[str]]) -> JobRecord:
    job_id, state, exit_code, start, end, asked, _ = row
    began, limit = _instant(start), _size(asked)
    over = None
    for _, _, step_exit, step_start, _, _, used in steps:
        is_of_this = began is not None and (_instant(step_start) or began) >= began
        if is_of_this and step_exit == _KILLED and limit and (_size(used) or 0) >= limit:
            over = f"{used} of the {asked}"
    return JobRecord(job_id, state.split()[0], exit_code, began, _instant(end), over)


def _instant(seconds: str) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() else None


def _size(text: str) -> float | None:
    """Bytes; None where sacct gives none, or one of each processor."""
    found = _SIZE.fullmatch(text)
    return float(found[1]) * _UNITS[found[2]] if found else None
