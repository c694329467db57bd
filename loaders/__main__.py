"""`./run analytics | site | results | serve`: questions, and the pages of a snapshot of the lake."""

import argparse
from collections.abc import Sequence

from lake.commands.ending import ended
from lake.commands.stopping import leave
from lake.errors import LakeError
from loaders.errors import SiteError


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.Namespace(command="run")  # until it is known which
    return ended(lambda: str(options.command), lambda: _answer(arguments, options), (LakeError, SiteError))


def _answer(arguments: Sequence[str] | None, options: argparse.Namespace) -> int:
    _parser().parse_args(arguments, options)
    return int(options.verb(options))


def _parser() -> argparse.ArgumentParser:
    # not above: a Ctrl-C while the query engine is loaded has an ending too
    from loaders.analytics.verbs import add_verbs as add_analytics
    from loaders.pages import add_verbs as add_pages

    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    # no argument of a verb may be called `command`: it would stand in errors in place of the verb
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="command")
    add_pages(verbs)
    analytics = verbs.add_parser("analytics", help="leaderboard, comparisons, sweeps and lineage, with statistics")
    add_analytics(analytics.add_subparsers(required=True, metavar="QUESTION"))
    return parser


if __name__ == "__main__":
    leave(main())
