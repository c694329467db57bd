"""`./run data` and its verbs `inspect`, `index` and `fetch`: each calls one function and prints what it found."""

import argparse
import json

from pipeline.settings import load_settings


def list_datasets(options: argparse.Namespace) -> int:
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


def inspect(options: argparse.Namespace) -> int:
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


def index(options: argparse.Namespace) -> int:
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


def fetch(options: argparse.Namespace) -> int:
    from pipeline.data_fetch import fetch_dataset
    from pipeline.progress import say

    settings = load_settings()
    fetched = fetch_dataset(options.name, settings, say, options.to)
    if options.format == "json":
        print(json.dumps(fetched))
    else:
        print("\n".join([*(f"{one['sha256']}  {one['path']}" for one in fetched["files"]), fetched["next"]]).strip())
    return 0
