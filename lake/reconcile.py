"""Runs that still say `running` though nothing runs them: asks Slurm, or this machine, and writes how they ended."""

import logging
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lake.append import append
from lake.errors import LakeError
from lake.journal_writer import writer_of
from lake.journals import journal_files, journal_name
from lake.parts import part_name
from lake.processes import is_gone, is_there
from lake.read import open_lake
from lake.recover import RECONCILED
from lake.sacct import JobRecord, Runner, ask_sacct, end_of, run_sacct, was_running
from lake.schema import RUNS
from lake.table import Row

# A job's last row may be on its way for so long, over a network file system that shows each machine its own past.
GRACE_S = 60.0
_AHEAD = timedelta(hours=1)  # how far clocks may differ before it is said
_LOG = logging.getLogger("kdgat.lake")
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Finding:
    """What became of one run; `status` is None where it stays as it is, and `reason` says why."""

    run_id: str
    attempt: int
    status: str | None
    reason: str
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Reconciled:
    """What was found, run by run, and which questions found no answer."""

    findings: Sequence[Finding]
    faults: Sequence[str] = field(default_factory=list)

    @property
    def changed(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.status]


def reconcile(
    root: Path, is_dry_run: bool = False, grace_s: float = GRACE_S, sacct: Runner = run_sacct,
    host: str | None = None, clock: Clock = lambda: datetime.now(UTC),
) -> Reconciled:  # fmt: skip
    """Find out what became of the runs that say `running`, and write it, as the last row of their attempt.

    A run is looked at once more after its job or process was found to have ended, so that an end that it wrote
    itself stays; and where both were written all the same, `complete` counts. The same findings again are the same
    rows, so doing this twice, or twice at once, changes nothing.

    Args:
        grace_s: a job that ended so little ago is left for the next time.
        sacct: asks Slurm.
        host: this machine's name.

    Raises:
        LakeError: `root` is no lake, or a row cannot be written.
    """
    running = _running(root)
    _say_ahead(running, clock())
    findings, faults = _of_jobs([run for run in running if run["slurm_job_id"]], sacct, clock, grace_s)
    here = host or socket.gethostname()
    findings += [_of_process(root, run, here) for run in running if not run["slurm_job_id"]]
    if any(one.status for one in findings):
        still = {(run["run_id"], run["attempt"]): run for run in _running(root)}
        findings = [one for one in findings if (one.run_id, one.attempt) in still]
        for one in findings if not is_dry_run else ():
            if one.status:
                _write(root, still[one.run_id, one.attempt], one)
    return Reconciled(sorted(findings, key=lambda one: one.run_id), faults)


def _running(root: Path) -> list[Row]:
    with open_lake(root, tables=["runs"]) as lake:
        rows: list[Row] = lake.sql("SELECT * FROM runs WHERE status = 'running'").to_arrow_table().to_pylist()
    return rows


def _write(root: Path, run: Row, finding: Finding) -> None:
    ended = {"status": finding.status, "reason": finding.reason, "finished_at": finding.finished_at}
    append(root, RUNS, finding.run_id, part_name(finding.attempt, RECONCILED), [{**run, **ended}])


def _of_jobs(
    runs: Sequence[Row], sacct: Runner, clock: Clock, grace_s: float
) -> tuple[list[Finding], list[str]]:  # fmt: skip
    """Findings by what Slurm says, a question a cluster; a cluster that gives no answer is a fault."""
    by_cluster: dict[str | None, list[Row]] = defaultdict(list)
    for run in runs:
        by_cluster[run["slurm_cluster"]].append(run)
    findings: list[Finding] = []
    faults: list[str] = []
    for cluster, of_cluster in by_cluster.items():
        try:
            jobs = ask_sacct(sorted({run["slurm_job_id"] for run in of_cluster}), cluster, sacct)
        except LakeError as error:
            count = f"{len(of_cluster)} run{'s' if len(of_cluster) > 1 else ''} of {cluster or 'Slurm'}"
            faults.append(f"{count} not looked at: {error}")
            continue
        findings += [_of_job(run, jobs, clock(), timedelta(seconds=grace_s)) for run in of_cluster]
    return findings, faults


def _of_job(run: Row, jobs: Mapping[str, Sequence[JobRecord]], now: datetime, grace: timedelta) -> Finding:
    job_id = run["slurm_job_id"]
    records = jobs.get(job_id)
    if not records:
        where = f"the cluster {run['slurm_cluster']}" if run["slurm_cluster"] else "this cluster"
        return _left(run, f"Slurm knows no job {job_id} on {where}: it forgot the job, or another cluster ran it")
    if not was_running(records, run["started_at"]):
        return _left(
            run,
            f"Slurm's job {job_id} is another one: it did not run at {run['started_at']:%Y-%m-%d %H:%M} UTC, "
            "when the run began",
        )
    end = end_of(records)
    if end is None:
        return _left(run, f"Slurm job {job_id} is {records[-1].state}")
    if abs(now - end.finished_at) < grace:
        return _left(run, f"{end.reason}: so little ago that the run's own last row may be on its way")
    return Finding(run["run_id"], run["attempt"], end.status, end.reason, end.finished_at)


def _say_ahead(runs: Sequence[Row], now: datetime) -> None:
    for run in runs:
        if run["started_at"] > now + _AHEAD:
            _LOG.warning(
                "%s began at %s, which this machine's clock (%s) has yet to reach: one of the two was wrong.",
                run["run_id"], f"{run['started_at']:%Y-%m-%d %H:%M} UTC", f"{now:%Y-%m-%d %H:%M} UTC",
            )  # fmt: skip


def _of_process(root: Path, run: Row, here: str) -> Finding:
    """Gone is a process whose number no process has, or another one has. The latter is known only where the run's
    journals say so too: the kernel's time of a process's start moves with the clock."""
    host, process_id = run["host"], run["process_id"]
    if host is None or process_id is None:
        return _left(run, "neither its job nor its process was recorded")
    if host != here:
        return _left(run, f"process {process_id} runs on {host}; only there can be seen whether it is gone")
    if is_there(process_id) and not is_gone(process_id, run["started_at"]):
        return _left(run, f"process {process_id} is running")
    writers = _writers(root, run["run_id"])
    if "alive" in writers:
        return _left(run, f"process {process_id} is running: the run's journal is being written, whatever clocks say")
    if is_there(process_id) and writers != {"gone"}:
        return _left(
            run,
            f"process {process_id} began after the run, by this machine's clock: the number is another one's by now, "
            "or a clock was wrong. No journal of the run is here to tell",
        )
    reason = f"process {process_id} on {host} is gone and wrote no end: killed, or the machine went down"
    return Finding(run["run_id"], run["attempt"], "interrupted", reason)


def _writers(root: Path, run_id: str) -> set[str]:
    """What is known of those who write, or wrote, the run's journals."""
    found: set[str] = set()
    for path in journal_files(root):
        name = journal_name(path)
        if name and name.run_id == run_id:
            with suppress(FileNotFoundError):  # sealed meanwhile, by its own process
                found.add(writer_of(name))
    return found


def _left(run: Row, reason: str) -> Finding:
    return Finding(run["run_id"], run["attempt"], None, reason)
