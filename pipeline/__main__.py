"""`./run train`, `data`, `submit`, `release`: parses, calls one function, prints where the result lies."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from lake.errors import LakeError
from pipeline.config_file import load_config
from pipeline.errors import KdGatError
from pipeline.settings import load_settings, share_processors


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; 1 for what a person can put right, 130 where it was stopped."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    share_processors()
    try:
        return int(options.verb(options))
    except (KdGatError, LakeError) as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print(f"{options.name}: stopped. What was complete is kept; the same command goes on.", file=sys.stderr)
        return 130


def _as_interrupt(number: int, _: FrameType | None) -> None:
    # a batch job's signal may come from the script and once more from a wrapper; the run is recorded meanwhile
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="name")
    train = verbs.add_parser("train", help="run the missing stages of an experiment")
    _add_experiment(train)
    train.add_argument("--stage", metavar="S", help="only this stage; those it needs must be complete")
    train.add_argument(
        "--no-wandb", action="append_const", const="tracking.wandb=off", dest="overrides", help="leave W&B out"
    )
    train.add_argument("--format", choices=("table", "json"), default="table")
    train.set_defaults(verb=_train)
    submit = verbs.add_parser("submit", help="hand the same stages to Slurm, a job or an array each")
    _add_experiment(submit)
    submit.add_argument("--cluster", metavar="NAME", default="generic", help="row of pipeline/configs/clusters.toml")
    submit.add_argument("--dry-run", action="store_true", help="print the batch scripts, write and submit nothing")
    submit.set_defaults(verb=_submit)
    data = verbs.add_parser("data", help="list the datasets of the catalogue; look into captures, index, fetch them")
    data.add_argument("--format", choices=("table", "json"), default="table")
    data.set_defaults(verb=_data)
    _add_data_verbs(data.add_subparsers(metavar="inspect | index | fetch"))
    for name, help_text in (
        ("score", "score any recording: one row a window, labels not needed"),
        ("evaluate", "score recordings, then measure against their labels"),
    ):
        verb = verbs.add_parser(name, help=help_text)
        verb.add_argument("model", metavar="MODEL", help="a fusion run, a folder a detector was kept in, or reference")
        verb.add_argument("captures", metavar="CAPTURE", nargs="+", type=Path, help="recordings in any format we read")
        verb.add_argument("--calibrate", metavar="SECONDS", type=float, help="its beginning is free of attacks")
        verb.add_argument("--vehicle", metavar="NAME", help="a vehicle the model knows, instead of recognising it")
        verb.add_argument("--reader", metavar="NAME", help="read captures as this format instead of recognising it")
        verb.add_argument("--format", choices=("table", "json"), default="table")
    verbs.choices["score"].add_argument("--out", metavar="FILE", type=Path, help=".parquet or .csv; else CSV on stdout")
    verbs.choices["score"].set_defaults(verb=_score)
    verbs.choices["evaluate"].set_defaults(verb=_evaluate)
    keep = verbs.add_parser("keep", help="an experiment's rows and best detector, small enough for a repository")
    _add_experiment(keep)
    keep.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make; it may not exist yet")
    keep.set_defaults(verb=_keep)
    release = verbs.add_parser("release", help="export a fusion run's detector to ONNX, with its model card")
    release.add_argument("run_id", metavar="RUN", help="a complete fusion run; ./run lake sql lists them")
    release.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make; it may not exist yet")
    release.set_defaults(verb=_release)
    return parser


def _add_data_verbs(verbs: Any) -> None:
    inspect = verbs.add_parser("inspect", help="format, frames, IDs, defects and doubts of one capture")
    inspect.add_argument("path", metavar="PATH", type=Path, help="a capture file in any format we read")
    inspect.add_argument("--reader", metavar="NAME", help="read it as this format instead of recognising one")
    inspect.set_defaults(verb=_inspect)
    index = verbs.add_parser("index", help="read every capture that is here; what is in it, and what is there twice")
    index.add_argument("names", metavar="NAME", nargs="*", help="datasets or collections; without, all that are here")
    index.set_defaults(verb=_index)
    fetch = verbs.add_parser("fetch", help="download a dataset where its publisher allows it, else say how to ask")
    fetch.add_argument("name", metavar="NAME", help="a dataset of the catalogue")
    fetch.add_argument("--to", metavar="DIR", type=Path, help="instead of the dataset's folder below KDGAT_DATA")
    fetch.set_defaults(verb=_fetch)
    for verb in (inspect, index, fetch):
        verb.add_argument("--format", choices=("table", "json"), default="table")


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


def _train(options: argparse.Namespace) -> int:
    from pipeline.execute import run_stages
    from pipeline.progress import say

    config, settings = load_config(options.config, options.overrides), load_settings()
    runs = run_stages(config, settings, say, options.stage)
    if options.format == "json":
        print(json.dumps([{"stage": run.stage.name, "seed": run.seed, "run_id": run.run_id} for run in runs]))
    else:
        for run in runs:
            print(f"{run.stage.name:13} {run.run_id}")
    return 0


def _submit(options: argparse.Namespace) -> int:
    from pipeline.clusters import find_cluster
    from pipeline.slurm import dry_run, submit

    config, settings = load_config(options.config, options.overrides), load_settings()
    cluster = find_cluster(options.cluster)
    if options.dry_run:
        print("\n".join(f"# {job.path}\n{job.script}" for job in dry_run(config, settings, cluster)), end="")
        return 0
    for job in submit(config, settings, cluster):
        print(f"{job.stage.name:13} {job.job_id:10} {job.path}")
    return 0


def _data(options: argparse.Namespace) -> int:
    from pipeline.datasets import list_catalogue

    rows = list_catalogue(load_settings())
    if options.format == "json":
        print(json.dumps(rows))
        return 0
    for row in rows:
        if row["members"]:
            print(f"{row['dataset']:19} {row['title']}: {', '.join(row['members'])}")
        else:
            missing = "" if row["is_here"] else " (not here)"
            print(f"{row['dataset']:19} {row['title']} ({row['licence']})\n{'':19} {row['folder']}{missing}")
    return 0


def _score(options: argparse.Namespace) -> int:
    from pipeline.detector_folder import find_detector
    from pipeline.progress import say
    from pipeline.score import score_capture
    from pipeline.score_files import alarm_summary, score_file

    kept = find_detector(options.model, load_settings())
    summaries = {}
    with score_file(options.out) as sink:
        for path in options.captures:
            pieces = score_capture(kept, path, options.calibrate, options.vehicle, options.reader, say)
            summaries[str(path)] = alarm_summary(pieces, sink)
    if options.out is None:
        return 0
    if options.format == "json":
        print(json.dumps({"out": str(options.out), "captures": summaries}))
    else:
        for name, one in summaries.items():
            where = f"({one['protocol']}, {one['vehicle']})"
            print(f"{name}: {one['alarms']:,} alarms in {one['windows']:,} windows {where}")
        print(options.out)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from pipeline.detector_folder import find_detector
    from pipeline.evaluate_captures import evaluate_captures
    from pipeline.progress import say

    kept = find_detector(options.model, load_settings())
    rows = evaluate_captures(kept, options.captures, options.calibrate, options.vehicle, options.reader, say)
    if options.format == "json":
        print(json.dumps(rows))
    else:
        for capture in dict.fromkeys(str(row["capture"]) for row in rows):
            own = [row for row in rows if row["capture"] == capture]
            counts = f"{own[0]['n']:,} windows, {own[0]['n_attack']:,} attack"
            print(f"{capture} ({own[0]['protocol']}, {own[0]['vehicle']}; {counts})")
            for row in own:
                value = "not applicable" if row["value"] is None else format(row["value"], ".6g")
                print(f"  {row['metric']:42} {value}")
    return 0


def _keep(options: argparse.Namespace) -> int:
    from pipeline.keep import keep
    from pipeline.progress import say

    keep(load_config(options.config, options.overrides), load_settings(), options.out, say)
    print(options.out)
    return 0


def _release(options: argparse.Namespace) -> int:
    from pipeline.progress import say
    from pipeline.release.bundle import release

    print(release(options.run_id, options.out, load_settings(), say).folder)
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from pipeline.inspect import inspect_capture

    facts = inspect_capture(options.path, options.reader)
    if options.format == "json":
        print(json.dumps(facts))
    else:
        for name, value in facts.items():
            text = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
            text = " ".join(text) if isinstance(text, list) else text
            print(f"{name:22} {'not known' if value is None else text if text != '' else 'none'}")
    return 0


def _index(options: argparse.Namespace) -> int:
    from pipeline.data_index import index_datasets, indexed_rows
    from pipeline.progress import say

    settings = load_settings()
    run_id = index_datasets(options.names, settings, say)
    rows = indexed_rows(run_id, settings)
    if options.format == "json":
        print(json.dumps({"run_id": run_id, "captures": rows}))
        return 0
    for row in rows:
        print(f"{row['frames']:>11,} {row['attack_frames']:>9,}  {row['usage']:9} {row['capture']}")
        if row["duplicate_of"]:
            print(f"{'':34}the same rows as {row['duplicate_of']}")
        elif row["shared_with"]:
            print(f"{'':34}{row['shared_frames']:,} frames are also elsewhere, most in {row['shared_with']}")
        if row["same_recording_as"] and row["shared_frames"] < row["frames"] / 10:
            print(f"{'':34}the same recording, at other times, as {row['same_recording_as']}")
    print(f"{run_id} holds these {len(rows)} captures; ./run lake sql asks for more of them.")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from pipeline.data_fetch import fetch_dataset
    from pipeline.progress import say

    settings = load_settings()
    fetched = fetch_dataset(options.name, settings, say, options.to)
    if options.format == "json":
        print(json.dumps(fetched))
    else:
        print("\n".join([*(f"{one['sha256']}  {one['path']}" for one in fetched["files"]), fetched["next"]]).strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
