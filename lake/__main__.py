"""`./run lake VERB`: ask, freeze, check and share every kept result."""

import argparse
from collections.abc import Sequence

from lake.commands.ending import ended
from lake.commands.stopping import leave


def main(arguments: Sequence[str] | None = None) -> int:
    return ended(lambda: "lake", lambda: _answer(arguments))


def _answer(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    return int(options.verb(options))


def _parser() -> argparse.ArgumentParser:
    # not above: a Ctrl-C while the query engine is loaded has an ending too
    from lake.commands import ask, reconcile, registry, remote, tend
    from lake.commands.given import given_lake
    from lake.settings import lake_root

    parser = argparse.ArgumentParser(prog="./run lake", description=__doc__)
    parser.add_argument(
        "--lake", type=given_lake, default=str(lake_root()), metavar="DIR", help="lake to use (KDGAT_LAKE)"
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    # each has `add_verbs(verbs)`; a verb is a function of the parsed options that gives the exit status
    for command in (ask, tend, remote, reconcile, registry):
        command.add_verbs(verbs)
    return parser


if __name__ == "__main__":
    leave(main())
