"""`./run analytics | site | results | serve`: questions, and the pages of a snapshot of the lake."""

import argparse
import sys
from collections.abc import Sequence

from lake.commands.ending import until_the_reader_goes
from lake.errors import LakeError
from loaders.analytics.verbs import add_verbs as add_analytics
from loaders.errors import SiteError
from loaders.pages import add_verbs as add_pages


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        with until_the_reader_goes():
            return int(options.verb(options))
    except (LakeError, SiteError) as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{options.name}: stopped", file=sys.stderr)
        return 130
    return 0  # the reader has gone away


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="name")
    add_pages(verbs)
    analytics = verbs.add_parser("analytics", help="leaderboard, comparisons, sweeps and lineage, with statistics")
    add_analytics(analytics.add_subparsers(required=True, metavar="QUESTION"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
