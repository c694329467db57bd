"""`./run lake VERB`: ask, freeze, check and share every kept result."""

import argparse
import sys
from collections.abc import Sequence

from lake.commands import ask, reconcile, registry, remote, tend
from lake.commands.ending import until_the_reader_goes
from lake.commands.given import given_path
from lake.errors import LakeError
from lake.settings import lake_root

# Each has `add_verbs(verbs)`; a verb is a function of the parsed options that gives the exit status.
COMMANDS = (ask, tend, remote, reconcile, registry)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        with until_the_reader_goes():
            return int(options.verb(options))
    except LakeError as error:
        print(f"lake: {error}", file=sys.stderr)
        return 1
    return 0  # the reader has gone away


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run lake", description=__doc__)
    parser.add_argument("--lake", type=given_path, default=lake_root(), metavar="DIR", help="lake to use (KDGAT_LAKE)")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for command in COMMANDS:
        command.add_verbs(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
