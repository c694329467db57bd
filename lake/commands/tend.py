"""`recover | compact | tag | forget | diff | gc | set-aside | schema`: what keeps a lake small, named and known."""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from lake.commands.given import given, given_number, given_path
from lake.commands.shown import Rows, print_rows
from lake.compact import compact
from lake.diff import Difference, diff_snapshots
from lake.errors import LakeError
from lake.gc import GRACE, collect
from lake.journals import list_journals
from lake.recover import recover
from lake.rescue import rescue
from lake.salvage import salvage
from lake.schema import TABLES
from lake.schema_doc import schema_page
from lake.set_aside import set_aside
from lake.snapshot import Snapshot, latest_snapshot
from lake.tags import find_snapshot, forget_snapshot, put_tag, tag_history, tags

_MOST_LINES = 20
_FEWEST = 6  # characters of an id that is given up: a slip of the keyboard must not find one


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    again = verbs.add_parser("recover", help="turn the journals of killed runs into parts")
    again.add_argument(
        "--from", dest="source", type=given_path, metavar="FILE", help="a journal that was put elsewhere"
    )
    again.add_argument("--salvage", action="store_true", help="of damaged journals take the lines that are whole")
    again.set_defaults(verb=_recover)
    verbs.add_parser("compact", help="merge small parts into a few large files").set_defaults(verb=_compact)
    tag = verbs.add_parser("tag", help="name a snapshot, as paper-v1; without a name lists them")
    tag.add_argument("name", nargs="?", type=given, metavar="NAME")
    tag.add_argument("snapshot", nargs="?", type=given, metavar="ID|NAME", help="default: the latest")
    tag.add_argument("--remove", action="store_true", help="take the name away")
    tag.add_argument("--history", action="store_true", help="who gave it, when and why")
    tag.add_argument("--force", action="store_true", help="move or remove a name that is taken; needs --reason")
    tag.add_argument("--reason", type=given, metavar="WHY")
    tag.add_argument("--format", choices=("table", "json"), default="table")
    tag.set_defaults(verb=_tag)
    forget = verbs.add_parser("forget", help="give up a snapshot that has no name")
    forget.add_argument("snapshot", type=given, metavar="ID")
    forget.set_defaults(verb=_forget)
    diff = verbs.add_parser("diff", help="what changed between two snapshots")
    diff.add_argument("before", type=given, metavar="A")
    diff.add_argument("after", type=given, metavar="B")
    diff.add_argument("--format", choices=("table", "json"), default="table")
    diff.set_defaults(verb=_diff)
    gc = verbs.add_parser("gc", help="free what no snapshot or generation names")
    gc.add_argument(
        "--grace-days", type=_days, default=GRACE / timedelta(days=1), metavar="N", help="default: %(default)g"
    )
    gc.add_argument("--dry-run", action="store_true", help="only say what would be freed")
    gc.add_argument("--format", choices=("table", "json"), default="table")
    gc.set_defaults(verb=_gc)
    aside = verbs.add_parser("set-aside", help="take a part out that contradicts another; it is kept")
    aside.add_argument("part", type=given, metavar="PART", help="as ./run lake verify names it")
    aside.add_argument("--reason", type=given, required=True, metavar="WHY")
    aside.set_defaults(verb=_set_aside)
    verbs.add_parser("schema", help="every table and column, as docs/schema.md").set_defaults(verb=_schema)


def _days(text: str) -> float:
    return given_number(text, "days")


def _recover(options: argparse.Namespace) -> int:
    parts = rescue(options.lake, options.source) if options.source else []
    found, lost = salvage(options.lake) if options.salvage else (recover(options.lake), 0)
    left = len([one for one in list_journals(options.lake) if not one.is_done])
    said = [f"{len({*parts, *found})} parts hold what journals held"]
    said += [f"{left} journals are being written"] if left else []
    said += [f"{lost} records or more were damaged and are LOST"] if lost else []
    print("; ".join(said))
    return 0


def _compact(options: argparse.Namespace) -> int:
    generation = compact(options.lake)
    rows = sum(pack.rows for pack in generation.packs)
    print(f"generation {generation.number}: {rows:,} rows in {len(generation.packs)} files")
    return 0


def _tag(options: argparse.Namespace) -> int:
    _refuse_odd(options)
    if options.name and not options.history:
        if options.remove:
            if options.name not in tags(options.lake):
                raise LakeError(_unknown(options.lake, options.name))
            put_tag(options.lake, options.name, None, options.reason, options.force)
            print(f"{options.name} names no snapshot any more", file=sys.stderr)
        else:
            chosen = (
                find_snapshot(options.lake, options.snapshot) if options.snapshot else latest_snapshot(options.lake)
            )
            put_tag(options.lake, options.name, chosen, options.reason, options.force)
            _say_named(options.name, chosen, options.format)
    if options.history and options.name:
        events = tag_history(options.lake, options.name)
        if not events:
            raise LakeError(_unknown(options.lake, options.name, "ever had"))
        names = ("number", "snapshot_id", "by", "at", "reason")
        print_rows(Rows(names, [[getattr(event, name) for name in names] for event in events]), options.format)
    else:
        print_rows(Rows(("name", "snapshot_id"), sorted(tags(options.lake).items())), options.format)
    return 0


def _refuse_odd(options: argparse.Namespace) -> None:
    """What asks for two things, or for one without saying of what."""
    changes = [word for word in ("remove", "force", "reason") if getattr(options, word)]
    if changes and not options.name:
        raise LakeError(f"--{changes[0]} needs the NAME it is about: ./run lake tag NAME --{changes[0]} …")
    if options.history and (changes or options.snapshot):
        other = f"--{changes[0]}" if changes else "a snapshot"
        raise LakeError(f"--history only shows, and {other} changes a name: give one of the two.")
    if options.remove and options.snapshot:
        raise LakeError(f"--remove takes {options.name} away, whatever it names: give no snapshot with it.")


def _unknown(lake: Path, name: str, has: str = "has") -> str:
    return f"no snapshot {has} the name {name}. Names: {', '.join(tags(lake)) or 'none yet'}."


def _say_named(name: str, snapshot: Snapshot, form: str) -> None:
    """What the name means from now on, as the latest snapshot need not be the one that was thought of."""
    rows = ", ".join(f"{TABLES[table].view} {count}" for table, count in snapshot.rows.items() if count)
    text = f"{name} names snapshot {snapshot.snapshot_id}\ntaken at {snapshot.created_at}; rows: {rows}"
    print(text, file=sys.stderr if form == "json" else sys.stdout)


def _forget(options: argparse.Namespace) -> int:
    if len(options.snapshot) < _FEWEST and options.snapshot not in tags(options.lake):
        raise LakeError(
            f"{options.snapshot!r} is too short to give up a snapshot by. Give {_FEWEST} characters of its id or more."
        )
    snapshot_id = forget_snapshot(options.lake, options.snapshot)
    print(f"snapshot {snapshot_id} is forgotten; ./run lake gc frees what only it named, after a week")
    return 0


def _diff(options: argparse.Namespace) -> int:
    before, after = (find_snapshot(options.lake, name) for name in (options.before, options.after))
    found = diff_snapshots(options.lake, before, after)
    if options.format == "json":
        changes = [{**asdict(one), "kind": one.kind} for one in found.changes]
        print(json.dumps({**asdict(found), "changes": changes}))
    else:
        _show_diff(found)
    return 0


def _show_diff(found: Difference) -> None:
    if not found.changes:
        print("the same rows")
        return
    for one in found.changes:
        print(f"{one.kind:8} {one.table:22} {one.owner}  rows {one.rows_before} -> {one.rows_after}")
    for metric in found.metrics:
        where = " ".join(str(part) for part in (metric.split, metric.capture, metric.protocol) if part)
        print(f"{metric.metric} of {metric.model_run_id} ({where}): {metric.before} -> {metric.after}")


def _gc(options: argparse.Namespace) -> int:
    freed = collect(options.lake, timedelta(days=options.grace_days), options.dry_run)
    if options.format == "json":
        print(json.dumps([asdict(one) for one in freed]))
        return 0
    for one in freed[:_MOST_LINES]:
        print(f"{one.path}  {one.size_bytes:,} bytes: {one.reason}")
    if len(freed) > _MOST_LINES:
        print(f"… and {len(freed) - _MOST_LINES:,} more; --format json lists them all")
    words = "would be freed" if options.dry_run else "freed"
    print(f"{len(freed)} files, {sum(one.size_bytes for one in freed):,} bytes {words}")
    return 0


def _set_aside(options: argparse.Namespace) -> int:
    print(set_aside(options.lake, options.part, options.reason))
    return 0


def _schema(_: argparse.Namespace) -> int:
    print(schema_page(), end="")
    return 0
