"""`./run torture [NAME…]`: what the lake promises, tried as hard as we can; exits with 1 where a promise is broken."""

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.torture.figure import Figure

# name -> what is done; each is a module beside this one whose torture(folder, rounds, seed, tick) gives the figures,
# and whose ROUNDS says how many rounds are asked for
TORTURES = {
    "kill-storm": "8, 32 and 64 writers killed at random instants, while a reader polls",
    "crash-states": "every operation crashed everywhere, unsynced writes lost in any order",
    "schedules": "two operations at a time in every order of their steps, a reader between any two",
    "bit-rot": "a random bit in each of 1,000 files; each kind of file cut at every offset",
    "writers": "32 processes of 1,000 rows each, at once",
    "full-disk": "a training, and each operation, on a disk that is full",
    "remote": "32 publishers of one pointer; 10,000 commits while a tenth of all requests fails",
    "memory": "what compacting and verifying 8 million rows of 10,000 runs takes at most",
}
_MODULES = {"remote": "publishers"}  # `remote` has what it does


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./run torture", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(TORTURES)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="fewer or more than the full number, which differs")
    parser.add_argument("--seed", type=int, default=int(time.time()), metavar="N", help="default: the time")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in TORTURES]:
        print(f"torture: there is no {unknown[0]!r}. Tortures: {', '.join(TORTURES)}.", file=sys.stderr)
        return 1
    figures = [figure for name in options.names or TORTURES for figure in run(name, options.rounds, options.seed)]
    _show(figures, options.seed, options.format)
    return 1 if any(figure.held is False for figure in figures) else 0


def run(name: str, rounds: int | None, seed: int) -> list[Figure]:
    """One torture in a folder of its own."""
    module = importlib.import_module(f"tests.torture.{_MODULES.get(name, name).replace('-', '_')}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="kdgat-torture-") as place,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        wanted = rounds or module.ROUNDS
        task = progress.add_task(name, total=wanted)
        figures: list[Figure] = module.torture(Path(place), wanted, seed, lambda: progress.advance(task))
        progress.update(task, completed=wanted)
        return figures


def _show(figures: Sequence[Figure], seed: int, form: str) -> None:
    if form == "json":
        print(json.dumps({"seed": seed, "figures": [asdict(figure) for figure in figures]}))
        return
    table = Table("torture", "what", "figure", "bar", "", title=f"seed {seed}")
    for figure in figures:
        mark = {True: "holds", False: "BROKEN", None: ""}[figure.held]
        table.add_row(figure.torture, figure.what, str(figure.figure), figure.bar, mark)
    Console(markup=False, width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    sys.exit(main())
