"""`./run lake sql | snapshot | verify`: one question, one frozen view, one check of everything."""

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from lake.check import verify
from lake.errors import LakeError
from lake.read import query
from lake.schema import TABLES
from lake.settings import lake_root
from lake.snapshot import load_snapshot, take_snapshot

_ANY_WIDTH = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb(options))
    except LakeError as error:
        print(f"lake: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run lake", description=__doc__)
    parser.add_argument("--lake", type=Path, default=lake_root(), metavar="DIR", help="lake to use (KDGAT_LAKE)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
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
    return parser


def _sql(options: argparse.Namespace) -> int:
    snapshot = load_snapshot(options.lake, options.snapshot) if options.snapshot else None
    _print_rows(query(options.lake, options.query, snapshot), options.format)
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


def _print_rows(rows: pa.Table, form: str) -> None:
    if form == "json":
        print(json.dumps(_plain(rows.to_pylist()), default=str))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(rows.column_names)
        writer.writerows(row.values() for row in rows.to_pylist())
    else:
        _print_table(rows.to_pylist(), rows.column_names)


def _plain(value: Any) -> Any:
    """For JSON: decimals, which are what DuckDB's sums are, as numbers; NaN and infinity, unknown there, as null."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print_table(rows: list[dict[str, Any]], names: list[str]) -> None:
    from rich import box  # slow to import, and only people need it
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in names:
        table.add_column(Text(name), no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))  # a str would be read as markup
    console = Console()
    width = Measurement.get(console, console.options.update_width(_ANY_WIDTH), table).maximum
    if console.is_terminal and width > console.width:
        _print_records(rows)  # columns of four letters each tell nobody anything
    else:
        Console(width=max(width, 1)).print(table if names else "no columns")
    print(f"{len(rows)} rows", file=sys.stderr)


def _print_records(rows: list[dict[str, Any]]) -> None:
    """A line a value, for rows that are wider than the terminal."""
    for number, row in enumerate(rows, 1):
        print(f"row {number}")
        for name, value in row.items():
            print(f"  {name:20} {_cell(value)}")


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
