"""`sql | snapshot | verify`: one question, one frozen view, one check of everything."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lake.check import verify
from lake.commands.given import given
from lake.commands.shown import print_rows
from lake.read import query
from lake.schema import TABLES
from lake.snapshot import take_snapshot
from lake.tags import find_snapshot, put_tag


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sql = verbs.add_parser("sql", help="answer one SELECT", description=f"Tables: {', '.join(TABLES)}.")
    sql.add_argument("query", type=given, metavar="SELECT")
    sql.add_argument("--format", choices=("table", "json", "csv"), default="table")
    sql.add_argument("--snapshot", type=given, metavar="ID|NAME", help="ask one snapshot instead of the whole lake")
    sql.set_defaults(verb=_sql)
    snapshot = verbs.add_parser("snapshot", help="freeze the lake as it stands; prints the id")
    snapshot.add_argument("--tag", type=given, metavar="NAME", help="give it a name, as paper-v1, that protects it")
    snapshot.add_argument("--format", choices=("table", "json"), default="table")
    snapshot.set_defaults(verb=_snapshot)
    check = verbs.add_parser("verify", help="re-read every byte and look for faults")
    check.add_argument("--snapshot", type=given, metavar="ID|NAME", help="check the files of one snapshot only")
    check.add_argument("--rows", action="store_true", help="also every value against its contract, and every key")
    check.add_argument("--format", choices=("table", "json"), default="table")
    check.set_defaults(verb=_verify)


def _sql(options: argparse.Namespace) -> int:
    snapshot = find_snapshot(options.lake, options.snapshot) if options.snapshot else None
    print_rows(query(options.lake, options.query, snapshot), options.format)
    return 0


def _snapshot(options: argparse.Namespace) -> int:
    snapshot = take_snapshot(options.lake)
    if options.tag:
        put_tag(options.lake, options.tag, snapshot)
    if options.format == "json":
        summary = {
            "snapshot_id": snapshot.snapshot_id,
            "created_at": snapshot.created_at,
            "rows": snapshot.rows,
        }
        named = {"tag": options.tag} if options.tag else {}
        print(json.dumps({**summary, "files": len(snapshot.files), **named}))
    else:
        rows = ", ".join(f"{TABLES[name].view} {count}" for name, count in snapshot.rows.items() if count)
        print(f"snapshot {snapshot.snapshot_id}\n{len(snapshot.files)} files; rows: {rows}")
        if options.tag:
            print(f"{options.tag} names it")
    return 0


def _verify(options: argparse.Namespace) -> int:
    snapshot = find_snapshot(options.lake, options.snapshot) if options.snapshot else None
    with _progress(options.lake) as tick:
        faults = verify(options.lake, snapshot, options.rows, tick)
    if options.format == "json":
        print(json.dumps({"faults": faults}))
    else:
        print("\n".join(faults) or f"{options.lake}: sound")
    return 1 if faults else 0


@contextmanager
def _progress(root: Path) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on a terminal's stderr; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    total = sum(path.stat().st_size for path in root.rglob("*.parquet"))
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda size: progress.advance(task, size)
