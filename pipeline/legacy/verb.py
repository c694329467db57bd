"""`./run migrate SOURCE`: what can be asked for; what does it is imported when it is run."""

import argparse
import json
from typing import Any

from lake.commands.ending import ended
from lake.commands.given import given, given_path
from lake.errors import LakeError
from lake.parts import is_safe_name
from lake.schema import SPLITS, STAGES
from pipeline.errors import KdGatError

_TOLD = (KdGatError, LakeError)


def add_migrate(commands: Any) -> None:
    """The verb, among those of `./run`."""
    migrate = commands.add_parser(
        "migrate",
        help="import the results of an earlier tracker; without --execute only say what would be done",
        description="Imports an SQLite tracker, its export, an MLflow store, W&B offline runs, Lightning CSV logs, "
        "or experiment folders of 7 levels, as runs that carry their origin and known defects (docs/migrate.md).",
    )
    migrate.add_argument("source", metavar="SOURCE", type=given_path, help="a store, or a folder with stores in it")
    how = migrate.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing (this is the default)")
    how.add_argument("--execute", action="store_true", help="do it, then look at the source again: nothing may be left")
    migrate.add_argument(
        "--as", dest="as_name", type=given, metavar="NAME", help="in the run ids, where another source has them"
    )
    migrate.add_argument("--dataset", type=_dataset, metavar="NAME", help="of runs that do not say theirs")
    migrate.add_argument("--stage", choices=STAGES, metavar="S", help=f"likewise; one of {', '.join(STAGES)}")
    migrate.add_argument(
        "--split", choices=SPLITS, metavar="S", help="of numbers whose names say neither train, val nor test"
    )
    migrate.add_argument(
        "--to", metavar="DIR", type=given_path, help="where experiment folders are moved, in place of SOURCE"
    )
    migrate.add_argument("--format", choices=("table", "json"), default="table")
    migrate.set_defaults(verb=lambda options: ended(lambda: "migrate", lambda: _migrate(options), _TOLD))


def _dataset(text: str) -> str:
    if not is_safe_name(given(text)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no dataset's name: use up to 160 letters, digits, '.', '_' and '-'"
        )
    return text


def _migrate(options: argparse.Namespace) -> int:
    from pipeline.legacy.execute import execute
    from pipeline.legacy.found import Wishes
    from pipeline.legacy.plan import make_plan
    from pipeline.legacy.shown import as_json, lines_of, summary_of
    from pipeline.progress import say
    from pipeline.settings import load_settings

    lake = load_settings().lake
    wishes = Wishes(options.as_name, options.dataset, options.stage, options.split, options.to)
    plan = make_plan(options.source, lake, wishes)
    if options.execute and not (plan.conflicts or plan.is_done):
        execute(plan, lake, wishes, say)
    if options.format == "json":
        print(json.dumps(as_json(plan, options.execute), default=str))
    else:
        print("\n".join([*lines_of(plan), summary_of(plan)]))
        if not plan.is_done and not plan.conflicts:
            print(f"Done, and compared with {lake}." if options.execute else "Nothing was done; --execute does it.")
    return 1 if plan.conflicts or plan.is_futile else 0
