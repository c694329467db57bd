"""The verbs of `./run analytics`. What a verb needs is imported when it runs: a leaderboard is there at once."""

import argparse
import sys
from typing import Any

from lake.commands.given import given, given_lake
from lake.commands.shown import FORMATS
from lake.errors import LakeError
from lake.settings import lake_root

_MODEL = "name, name/variant, either with #configuration, or run id; the last is the reference"
_DEFAULTS: dict[str, Any] = {"metric": "f1", "split": "test", "origin": "own", "captures": "main", "top": 20}


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    common, filters = _common(), _filters()

    def verb(name: str, about: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        parser = verbs.add_parser(name, help=about, description=about, parents=[common, *parents])
        parser.set_defaults(verb=run, ask=_VERBS[name])
        return parser

    board = verb("leaderboard", "model configurations by a metric, seeds grouped, with intervals", filters, _metric())
    _captures(board)
    _top(board)
    compared = verb("compare", "models against the one named last: paired, corrected, with a verdict", filters)
    compared.add_argument("models", type=given, nargs="+", metavar="MODEL", help=_MODEL)
    compared.add_argument("--metric", type=given, action="append", metavar="NAME", help="may be repeated (default: f1)")
    differing = verb("diff", "two runs: what differs in config, code, data, environment and metrics")
    differing.add_argument("a", type=given, metavar="RUN")
    differing.add_argument("b", type=given, metavar="RUN")
    differing.add_argument(
        "--metric", type=given, metavar="NAME", help="the metric shown (default: f1, auroc, fpr; JSON has all)"
    )
    swept = verb("sweep", "how a metric moves with a setting, such as window.size", filters)
    swept.add_argument("parameter", type=given, metavar="PARAM", help="dotted key of the config")
    swept.add_argument("metric", type=given, metavar="METRIC")
    _captures(swept)
    read = verb("dataset", "what a dataset holds as it was read, and the best models on it", filters, _metric())
    read.add_argument("name", type=given, metavar="NAME")
    _captures(read)
    _top(read)
    chain = verb("lineage", "what a run came from and what came from it, down to data and commit")
    chain.add_argument("run", type=given, metavar="RUN")
    plain = verb("query", "one read-only SELECT")
    plain.add_argument("sql", type=given, metavar="SELECT")


def run(options: argparse.Namespace) -> int:
    """Asks and prints.

    Raises:
        LakeError: the lake cannot answer; the message says what to do.
    """
    from loaders.analytics.report import print_report

    snapshot = None
    if options.snapshot:
        from lake.tags import find_snapshot

        snapshot = find_snapshot(options.lake, options.snapshot)
    report = options.ask(options, snapshot)
    if report is not None:
        source = {"lake": str(options.lake), "snapshot": snapshot.snapshot_id if snapshot else None}
        print_report(report, options.format, source)
    return 0


def _leaderboard(options: argparse.Namespace, snapshot: Any) -> Any:
    from loaders.analytics import leaderboard
    from loaders.ask import open_for

    with open_for(options.lake, snapshot, leaderboard.QUERY) as lake:
        return leaderboard.leaderboard(lake, {**_asked(options), "top": options.top or sys.maxsize})


def _compare(options: argparse.Namespace, snapshot: Any) -> Any:
    from loaders.analytics import compare
    from loaders.ask import open_for

    if len(options.models) < 2:
        raise LakeError("compare needs two models, the reference last: ./run analytics compare MODEL REFERENCE")
    asked = {**_asked(options), "protocol": options.protocol or "all"}
    with open_for(options.lake, snapshot, "models", "paired_values") as lake:
        return compare.compare_models(lake, asked, options.models, options.metric or compare.METRICS)


def _diff(options: argparse.Namespace, snapshot: Any) -> Any:
    from loaders.analytics import diff
    from loaders.ask import open_for

    with open_for(options.lake, snapshot, *diff.QUERIES) as lake:
        return diff.diff_runs(lake, options.a, options.b, options.metric)


def _sweep(options: argparse.Namespace, snapshot: Any) -> Any:
    from loaders.analytics import sweep
    from loaders.ask import open_for

    with open_for(options.lake, snapshot, "sweep") as lake:
        return sweep.sweep(lake, {**_asked(options), "parameter": options.parameter})


def _dataset(options: argparse.Namespace, snapshot: Any) -> Any:
    from loaders.analytics import dataset
    from loaders.ask import open_for

    if options.dataset not in (None, options.name):
        raise LakeError(f"it is asked about {options.name}: leave --dataset {options.dataset} away, or name that one.")
    with open_for(options.lake, snapshot, "dataset_captures", "dataset_splits", "leaderboard") as lake:
        asked = {**_asked(options), "dataset": options.name, "top": options.top or sys.maxsize}
        return dataset.dataset(lake, asked)


def _lineage(options: argparse.Namespace, snapshot: Any) -> Any:
    from loaders.analytics import lineage
    from loaders.ask import open_for

    with open_for(options.lake, snapshot, *lineage.QUERIES) as lake:
        return lineage.lineage(lake, options.run)


def _query(options: argparse.Namespace, snapshot: Any) -> None:
    from lake.commands.shown import print_rows
    from lake.read import query

    print_rows(query(options.lake, options.sql, snapshot), options.format)


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say of the variables that every query of results has."""
    names = ("metric", "split", "captures", "origin", "dataset", "experiment", "protocol")
    given = {name: getattr(options, name, None) for name in names}
    return {
        name: _DEFAULTS.get(name) if value is None or isinstance(value, list) else value
        for name, value in given.items()
    }


_VERBS = {
    "leaderboard": _leaderboard, "compare": _compare, "diff": _diff, "sweep": _sweep, "dataset": _dataset,
    "lineage": _lineage, "query": _query,
}  # fmt: skip


def _common() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--lake", type=given_lake, default=str(lake_root()), metavar="DIR", help="lake to ask (KDGAT_LAKE)"
    )
    parser.add_argument(
        "--snapshot", type=given, metavar="ID|NAME", help="one snapshot, by id or tag, instead of the lake as it stands"
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="(default: table)")
    return parser


def _filters() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--dataset", type=given, metavar="NAME", help="of this dataset or collection only")
    parser.add_argument("--experiment", type=given, metavar="NAME", help="of this experiment only")
    parser.add_argument(
        "--protocol", type=given, metavar="NAME", help="such as 'zero-shot' or 'calibrated, 10 s'; 'all' for each"
    )
    parser.add_argument("--split", type=given, default="test", metavar="NAME", help="(default: test)")
    parser.add_argument(
        "--origin", choices=("own", "legacy", "all"), default="own", help="own runs, imported ones, or both apart"
    )
    return parser


def _metric() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--metric", type=given, default="f1", metavar="NAME", help="(default: f1)")
    return parser


def _captures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--captures", type=given, default="main", metavar="WHICH",
        help="main: the protocol's pool (default); pooled: every pool; each: every capture; or one's name",
    )  # fmt: skip


def _top(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--top", type=_count, default=20, metavar="N", help="rows a table; 0 for all (default: 20)")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows: give 0 for all, or 1 and more")
    return int(text)
