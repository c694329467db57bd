"""`reconcile`: the truth about runs that still say running."""

import argparse
import json
import sys
from dataclasses import asdict

from lake.commands.given import given_number
from lake.commands.shown import Rows, plain, print_rows
from lake.reconcile import GRACE_S, Finding, reconcile

_DESCRIPTION = (
    "Asks Slurm what became of the jobs, and this machine what became of the processes, of runs that still say "
    "running; writes timeout, out_of_memory, preempted, node_fail, cancelled, failed or interrupted with the reason. "
    "Runs whose job still runs or waits, or about which nobody here knows, stay as they are and are listed."
)


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = verbs.add_parser(
        "reconcile", help="find out how runs ended that still say running", description=_DESCRIPTION
    )
    verb.add_argument("--dry-run", action="store_true", help="say what would be written, write nothing")
    verb.add_argument(
        "--grace", type=_seconds, default=GRACE_S, metavar="SECONDS",
        help="leave jobs that ended so little ago for the next time (%(default)g)",
    )  # fmt: skip
    verb.add_argument("--format", choices=("table", "json"), default="table")
    verb.set_defaults(verb=_reconcile)


def _seconds(text: str) -> float:
    return given_number(text, "seconds", 1e9)


def _reconcile(options: argparse.Namespace) -> int:
    found = reconcile(options.lake, options.dry_run, options.grace)
    for fault in found.faults:
        print(f"lake: {fault}", file=sys.stderr)
    if options.format == "json":
        rows = [{**asdict(finding), "status": finding.status or "running"} for finding in found.findings]
        print(json.dumps(plain({"dry_run": options.dry_run, "runs": rows, "faults": found.faults}), default=str))
    else:
        print_rows(Rows(("run_id", "attempt", "status", "finished_at", "reason"), [_row(f) for f in found.findings]),
                   "table")  # fmt: skip
        done = "would be written" if options.dry_run else "written"
        left = len(found.findings) - len(found.changed)
        print(f"{len(found.changed)} ends {done}, {left} left as they are", file=sys.stderr)
    return 1 if found.faults else 0


def _row(finding: Finding) -> tuple[object, ...]:
    end = f"{finding.finished_at:%Y-%m-%d %H:%M:%S}" if finding.finished_at else None
    return finding.run_id, finding.attempt, finding.status or "running", end, finding.reason
