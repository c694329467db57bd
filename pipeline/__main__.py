"""`./run train`, `data`, `submit`, `score`, `release` …: what can be asked for, and how an error is told."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from lake.errors import LakeError
from pipeline.errors import KdGatError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; 1 for what a person can put right, 130 where it was stopped."""
    options = argparse.Namespace(command="run")  # until it is known which
    try:
        signal.signal(signal.SIGTERM, _as_interrupt)
        _parser().parse_args(arguments, options)
        return int(options.verb(options))
    except (KdGatError, LakeError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print(f"{options.command}: stopped. What was complete is kept; the same command goes on.", file=sys.stderr)
        return 130


def _as_interrupt(number: int, _: FrameType | None) -> None:
    # a batch job's signal may come from the script and once more from a wrapper; the run is recorded meanwhile
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _parser() -> argparse.ArgumentParser:
    # not above: a Ctrl-C while they are loaded has an ending too
    from pipeline import data_verbs, verbs
    from pipeline.legacy.verb import add_migrate
    from pipeline.settings import share_processors

    share_processors()
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="VERB", dest="command")
    train = commands.add_parser("train", help="run the missing stages of an experiment")
    _add_experiment(train)
    train.add_argument("--stage", metavar="S", help="only this stage; those it needs must be complete")
    train.add_argument(
        "--no-wandb", action="append_const", const="tracking.wandb=off", dest="overrides", help="leave W&B out"
    )
    train.add_argument("--format", choices=("table", "json"), default="table")
    train.set_defaults(verb=verbs.train)
    submit = commands.add_parser("submit", help="hand the same stages to Slurm, a job or an array each")
    _add_experiment(submit)
    submit.add_argument("--cluster", metavar="NAME", default="generic", help="row of pipeline/configs/clusters.toml")
    submit.add_argument("--dry-run", action="store_true", help="print the batch scripts, write and submit nothing")
    submit.set_defaults(verb=verbs.submit)
    data = commands.add_parser("data", help="list the datasets of the catalogue; look into captures, index, fetch them")
    data.add_argument("--format", choices=("table", "json"), default="table")
    data.set_defaults(verb=data_verbs.list_datasets)
    _add_data_commands(data.add_subparsers(metavar="inspect | index | fetch"))
    for name, help_text in (
        ("score", "score any recording: one row a window, labels not needed"),
        ("evaluate", "score recordings, then measure against their labels"),
    ):
        verb = commands.add_parser(name, help=help_text)
        verb.add_argument(
            "model", metavar="MODEL",
            help="a fusion run, a registered one (NAME:VERSION, NAME@ALIAS), a detector's folder, or reference",
        )  # fmt: skip
        verb.add_argument("captures", metavar="CAPTURE", nargs="+", type=Path, help="recordings in any format we read")
        verb.add_argument("--calibrate", metavar="SECONDS", type=float, help="its beginning is free of attacks")
        verb.add_argument("--vehicle", metavar="NAME", help="a vehicle the model knows, instead of recognising it")
        verb.add_argument("--reader", metavar="NAME", help="read captures as this format instead of recognising it")
        verb.add_argument("--format", choices=("table", "json"), default="table")
    commands.choices["score"].add_argument(
        "--out", metavar="FILE", type=Path, help=".parquet or .csv; else CSV on stdout"
    )
    commands.choices["score"].set_defaults(verb=verbs.score)
    commands.choices["evaluate"].set_defaults(verb=verbs.evaluate)
    keep = commands.add_parser("keep", help="an experiment's rows and best detector, small enough for a repository")
    _add_experiment(keep)
    keep.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make; it may not exist yet")
    keep.set_defaults(verb=verbs.keep)
    release = commands.add_parser("release", help="export a fusion run's detector to ONNX, with its model card")
    release.add_argument("run_id", metavar="RUN", help="a complete fusion run, or a registered one")
    release.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make; it may not exist yet")
    release.set_defaults(verb=verbs.release)
    add_migrate(commands)
    return parser


def _add_data_commands(commands: Any) -> None:
    from pipeline import data_verbs

    inspect = commands.add_parser("inspect", help="format, frames, IDs, defects and doubts of one capture")
    inspect.add_argument("path", metavar="PATH", type=Path, help="a capture file in any format we read")
    inspect.add_argument("--reader", metavar="NAME", help="read it as this format instead of recognising one")
    inspect.set_defaults(verb=data_verbs.inspect)
    index = commands.add_parser("index", help="read every capture that is here; what is in it, and what is there twice")
    index.add_argument("names", metavar="NAME", nargs="*", help="datasets or collections; without, all that are here")
    index.set_defaults(verb=data_verbs.index)
    fetch = commands.add_parser("fetch", help="download a dataset where its publisher allows it, else say how to ask")
    fetch.add_argument("name", metavar="NAME", help="a dataset of the catalogue")
    fetch.add_argument("--to", metavar="DIR", type=Path, help="instead of the dataset's folder below KDGAT_DATA")
    fetch.set_defaults(verb=data_verbs.fetch)
    for command in (inspect, index, fetch):
        command.add_argument("--format", choices=("table", "json"), default="table")


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="name in pipeline/configs/experiments, or a .toml file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="e.g. train.epochs=5",
    )


if __name__ == "__main__":
    sys.exit(main())
