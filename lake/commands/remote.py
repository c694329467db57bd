"""`push | pull | status`: the lake and its copy in a bucket, which others share."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lake.remote.address import FORMS
from lake.remote.commits import Signed
from lake.remote.opening import open_store
from lake.remote.settings import publisher

if TYPE_CHECKING:
    from lake.remote.deep import Looked
    from lake.remote.status import Status

_REMOTE = f"{FORMS}. Keys come from the environment or an AWS profile, the endpoint from KDGAT_S3_ENDPOINT."


def add_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    push = _verb(verbs, "push", "publish the lake as a remote's newest snapshot", _push)
    push.add_argument("--message", default="", metavar="TEXT", help="what is new; others read it")
    push.add_argument("--tag", metavar="NAME", help="a name for this commit that stays with it, as paper-v1")
    push.add_argument("--rebase", action="store_true", help="pull first where the remote has moved on")
    about = "read all that is there, replace what is wrong; exit 1 if a fault is left"
    push.add_argument("--repair", action="store_true", help=about)
    pull = _verb(verbs, "pull", "take over the runs of a remote that the lake lacks", _pull)
    which = pull.add_mutually_exclusive_group()
    which.add_argument("--snapshot", metavar="ID", help="the runs of this snapshot, in place of the newest")
    which.add_argument("--tag", metavar="NAME", help="the runs of the snapshot with this name")
    which.add_argument("--repair", action="store_true", help="only bring back files that this lake lost or that rotted")
    status = _verb(verbs, "status", "what the lake and a remote have of each other", _status)
    status.add_argument("--deep", action="store_true", help="read every byte the remote stands on; exit 1 on a fault")


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    about: str,
    verb: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=about, description=f"REMOTE: {_REMOTE}")
    parser.add_argument("remote", metavar="REMOTE")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(verb=verb)
    return parser


def _push(options: argparse.Namespace) -> int:
    from lake.remote.progress import shown
    from lake.remote.push import push

    signed = Signed(publisher(), datetime.now(UTC).isoformat(timespec="seconds"), options.message)
    done = push(
        options.lake, open_store(options.remote), signed,
        rebase=options.rebase, repair=options.repair, tag=options.tag, moving=shown,
    )  # fmt: skip
    what = f"commit {done.sequence} of {options.remote}: snapshot {done.snapshot_id}"
    sent = f"{done.objects_sent} objects sent, {done.bytes_sent} bytes"
    lines = [what if done.is_new else f"nothing new; {what}", sent]
    lines += [f"{options.tag} names it for good"] if options.tag else []
    if done.lacking:
        what = f"{len(done.lacking)} faults are left, which this lake cannot mend. Push with --repair from one that can"
        lines += [*done.lacking, f"{what}, as of who published them, or restore the files from a copy of the remote."]
    _print(options, asdict(done), lines)
    return 1 if done.lacking else 0


def _pull(options: argparse.Namespace) -> int:
    from lake.remote.progress import shown
    from lake.remote.pull import pull

    if options.repair:
        return _restore(options)
    done = pull(
        options.lake, open_store(options.remote), snapshot_id=options.snapshot, tag=options.tag, moving=shown
    )  # fmt: skip
    what = f"commit {done.sequence} of {options.remote}: snapshot {done.snapshot_id}"
    fetched = f"{len(done.new_runs)} new runs; {done.objects_fetched} objects fetched, {done.bytes_fetched} bytes"
    _print(options, asdict(done), [what, fetched])
    return 0


def _restore(options: argparse.Namespace) -> int:
    from lake.remote.progress import shown
    from lake.remote.restore import restore

    done = restore(options.lake, open_store(options.remote), shown)
    lines = [f"{len(done.files)} files came back, {done.bytes} bytes"]
    lines += [f"{path} is lost or altered here, and {options.remote} does not have it" for path in done.missing]
    _print(options, asdict(done), lines)
    return 1 if done.missing else 0


def _status(options: argparse.Namespace) -> int:
    from lake.remote.deep import look_deep
    from lake.remote.progress import shown
    from lake.remote.status import status

    store = open_store(options.remote)
    looked = look_deep(store, shown) if options.deep else None
    if looked and looked.faults:  # a comparison with what is damaged would say little
        mend = f"./run lake push {options.remote} --repair, from a lake that has what is wrong, mends it."
        said = f"{len(looked.faults)} faults in {_read(looked)}. {mend}"
        _print(options, {"deep": asdict(looked)}, [*looked.faults, said])
        return 1
    found = status(options.lake, store)
    value, lines = _plain(found), _lines(found, options.remote)
    if found.as_of:
        since = f"compared is its snapshot of {found.as_of}; what it got since is not counted"
        lines.append(f"{options.lake} cannot be written: {since}")
    if looked:
        value["deep"] = asdict(looked)
        lines.append(f"sound: {_read(looked)}")
    _print(options, value, lines)
    return 0


def _read(looked: "Looked") -> str:
    return f"{looked.objects} objects of {looked.snapshots} snapshots in {looked.commits} commits, each read once"


def _plain(found: "Status") -> dict[str, Any]:
    return {
        "state": found.state,
        "sequence": found.head.sequence if found.head else 0,
        "newest": asdict(found.newest) if found.newest else None,
        "snapshot_id": found.snapshot_id,
        "as_of": found.as_of,
        "runs": {name: sorted(runs) for name, runs in asdict(found.runs).items()},
        "to_send": asdict(found.to_send),
        "to_fetch": asdict(found.to_fetch),
    }


def _lines(found: "Status", remote: str) -> list[str]:
    if found.newest is None:
        return [f"{remote} has no commit yet. Push to it: ./run lake push {remote}"]
    lines = [f"{found.state}; newest is {found.newest.told}"]
    for runs, amount, what in (
        (found.runs.only_here, found.to_send, "to push"),
        (found.runs.only_there, found.to_fetch, "to pull"),
    ):
        if runs or amount.objects:
            lines.append(f"{what}: {len(runs)} runs, {amount.objects} objects, {amount.bytes} bytes")
    if found.runs.changed:
        lines.append(f"with other rows here and there: {', '.join(sorted(found.runs.changed)[:5])}")
    return lines


def _print(options: argparse.Namespace, value: dict[str, Any], lines: list[str]) -> None:
    print(json.dumps(value) if options.format == "json" else "\n".join(lines))
