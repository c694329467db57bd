"""`sql | snapshot | verify`: one question, one frozen view, one check of everything."""

import argparse
import json

from lake.check import verify
from lake.commands.shown import print_rows
from lake.read import query
from lake.schema import TABLES
from lake.snapshot import load_snapshot, take_snapshot


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sql = verbs.add_parser("sql", help="answer one SELECT", description=f"Tables: {', '.join(TABLES)}.")
    sql.add_argument("query", metavar="SELECT")
    sql.add_argument("--format", choices=("table", "json", "csv"), default="table")
    sql.add_argument("--snapshot", metavar="ID", help="ask one snapshot instead of the whole lake")
    sql.set_defaults(verb=_sql)
    snapshot = verbs.add_parser("snapshot", help="freeze the lake as it stands; prints the id")
    snapshot.add_argument("--format", choices=("table", "json"), default="table")
    snapshot.set_defaults(verb=_snapshot)
    check = verbs.add_parser("verify", help="re-read every byte and look for faults")
    check.add_argument("--snapshot", metavar="ID", help="check the files of one snapshot only")
    check.add_argument("--format", choices=("table", "json"), default="table")
    check.set_defaults(verb=_verify)


def _sql(options: argparse.Namespace) -> int:
    snapshot = load_snapshot(options.lake, options.snapshot) if options.snapshot else None
    print_rows(query(options.lake, options.query, snapshot), options.format)
    return 0


def _snapshot(options: argparse.Namespace) -> int:
    snapshot = take_snapshot(options.lake)
    if options.format == "json":
        summary = {
            "snapshot_id": snapshot.snapshot_id,
            "created_at": snapshot.created_at,
            "rows": snapshot.rows,
        }
        print(json.dumps({**summary, "files": len(snapshot.files)}))
    else:
        rows = ", ".join(f"{TABLES[name].view} {count}" for name, count in snapshot.rows.items() if count)
        print(f"snapshot {snapshot.snapshot_id}\n{len(snapshot.files)} files; rows: {rows}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    snapshot = load_snapshot(options.lake, options.snapshot) if options.snapshot else None
    faults = verify(options.lake, snapshot)
    if options.format == "json":
        print(json.dumps({"faults": faults}))
    else:
        print("\n".join(faults) or f"{options.lake}: sound")
    return 1 if faults else 0
