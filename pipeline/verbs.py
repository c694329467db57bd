"""The verbs of `./run` but those of `data`: each calls one function and prints where the result lies.

What a verb needs is imported when it is run: `--help` and a login node wait for no torch.
"""

import argparse
import json

from pipeline.config_file import load_config
from pipeline.settings import load_settings


def train(options: argparse.Namespace) -> int:
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


def submit(options: argparse.Namespace) -> int:
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


def score(options: argparse.Namespace) -> int:
    from pipeline.detector_folder import find_detector
    from pipeline.progress import say
    from pipeline.score import score_capture
    from pipeline.score_files import alarm_summary, doubt_of, score_file

    kept = find_detector(options.model, load_settings())
    summaries = {}
    with score_file(options.out) as sink:
        for path in options.captures:
            pieces = score_capture(kept, path, options.calibrate, options.vehicle, options.reader, say)
            summaries[str(path)] = alarm_summary(pieces, sink)
            if (doubt := doubt_of(summaries[str(path)])) is not None:
                say(f"{path.name}: {doubt}")
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


def evaluate(options: argparse.Namespace) -> int:
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


def keep(options: argparse.Namespace) -> int:
    from pipeline.keep import keep
    from pipeline.progress import say

    keep(load_config(options.config, options.overrides), load_settings(), options.out, say)
    print(options.out)
    return 0


def release(options: argparse.Namespace) -> int:
    from pipeline.progress import say
    from pipeline.release.bundle import release

    print(release(options.run_id, options.out, load_settings(), say).folder)
    return 0
