"""`./run bench [NAME]`: one measurement, printed as JSON; without a name the list of what there is to measure."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from typing import Any

# name -> what it measures; each is a module beside this one whose main() gives the figures
BENCHES = {
    "read": "frames a second from a plain CSV, and the memory of a long one, beside polars and Python's csv",
    "graphs": "windows a second from frames to graphs, beside a plain Python loop",
    "collate": "graphs a second from flat arrays to batches, beside PyG's DataLoader",
    "score": "scoring with the released student on one processor: seconds a million frames beyond reading, memory",
    "train": "training the student: graphs a second, memory, time to a loss; beside PyG and Lightning",
    "log_call": "what a training waits for one log call, and what a kill costs; beside W&B, Trackio and MLflow",
    "lake": "32 writers at once, a run published, 1,000 pushed, 8 M rows compacted, frozen and verified",
    "leaderboard": "the leaderboard of 10,000 runs (8 M rows of epochs): the query, and the command",
    "site": "the site: build time, bytes and time to the first table and the first SQL answer",
    "demo": "./run demo from a fresh clone, and again: wall time, peak memory (takes many minutes)",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    if options.name is None:
        _list(options.format)
        return 0
    if options.name not in BENCHES:
        print(f"bench: there is no bench {options.name!r}. Benches: {', '.join(BENCHES)}.", file=sys.stderr)
        return 1
    if importlib.util.find_spec(f"tests.bench.{options.name}") is None:
        print(f"bench: tests/bench/{options.name}.py is missing from this checkout. Restore it.", file=sys.stderr)
        return 1
    figures: dict[str, Any] = importlib.import_module(f"tests.bench.{options.name}").main()
    print(json.dumps({"bench": options.name, **figures}, indent=None if options.format == "json" else 2))
    return 0


def _list(form: str) -> None:
    if form == "json":
        print(json.dumps(BENCHES))
    else:
        print("\n".join(f"{name:12} {about}" for name, about in BENCHES.items()))


if __name__ == "__main__":
    sys.exit(main())
