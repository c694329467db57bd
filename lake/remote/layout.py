"""The names in a remote, how long each may be cached, and what makes a place a remote of ours."""

import json
import re
from collections.abc import Mapping
from typing import Any

from lake.files import json_bytes
from lake.remote.errors import MissingError, RemoteError
from lake.remote.patience import FIRST_PAUSES_S, patiently
from lake.remote.store import Store

FORMAT = "kd-gat-lake-remote"
PROJECT = "kd-gat"
LAYOUT = 1
MARKER = "lake.json"
LATEST = "latest.json"
OBJECTS, SNAPSHOTS, COMMITS, TAGS = "objects", "snapshots", "commits", "tags"
TAG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

MEND = "./run lake push REMOTE --repair, from a lake that has it, puts it right."

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"  # may be kept, must be asked about: a page then never shows an old pointer as the newest


def object_key(sha256: str) -> str:
    return f"{OBJECTS}/{sha256}.parquet"


def snapshot_key(snapshot_id: str) -> str:
    return f"{SNAPSHOTS}/{snapshot_id}.json"


def commit_key(commit_id: str) -> str:
    return f"{COMMITS}/{commit_id}.json"


def tag_key(name: str) -> str:
    return f"{TAGS}/{name}.json"


def headers(key: str) -> dict[str, str]:
    """What a browser is told with a file."""
    is_parquet = key.endswith(".parquet")
    is_immutable = key.startswith((f"{OBJECTS}/", f"{SNAPSHOTS}/", f"{COMMITS}/"))
    return {
        "Content-Type": "application/vnd.apache.parquet" if is_parquet else "application/json",
        "Cache-Control": _FOR_EVER if is_immutable else _ASK_FIRST,
    }


def check_remote(store: Store) -> None:
    """Make sure that `store` holds a remote of this project that this version knows.

    Raises:
        RemoteError: there is none, or it is another's.
    """
    if (marker := _marker(store)) is None:
        raise RemoteError(f"{store.name} holds no lake: it has no {MARKER}. Check the address, or push to it first.")
    _check(store, marker)


def create_remote(store: Store) -> None:
    """Make an empty place a remote; one that is a remote of this project already stays as it is.

    Raises:
        RemoteError: the place holds something else, which a push must not be mixed with.
    """
    if (marker := _marker(store)) is None:
        if found := patiently(lambda: next(iter(store.list()), None)):
            if _marker(store) is None:  # still: another publisher may have begun since the first look
                raise RemoteError(
                    f"{store.name} is not empty and holds no lake: it has {found[0]!r} but no {MARKER}. "
                    "Push to a prefix of its own, such as " + store.name + "/lake."
                )
        else:
            mine = {"format": FORMAT, "project": PROJECT, "layout": LAYOUT}
            patiently(lambda: store.put_if_absent(MARKER, json_bytes(mine)))
        marker = _marker(store)
    _check(store, marker or {})


def _marker(store: Store) -> Mapping[str, Any] | None:
    try:
        data = patiently(lambda: store.get(MARKER), FIRST_PAUSES_S).data
    except MissingError:
        return None
    try:
        marker = json.loads(data)
    except (ValueError, RecursionError):
        marker = None
    if not isinstance(marker, dict):
        raise RemoteError(f"{store.name}/{MARKER} is not what a remote has there: {data[:40]!r}. Check the address.")
    return marker


def _check(store: Store, marker: Mapping[str, Any]) -> None:
    found = marker.get("format"), marker.get("project")
    if found != (FORMAT, PROJECT):
        raise RemoteError(
            f"{store.name} belongs to another project: its {MARKER} says format {found[0]!r}, project {found[1]!r}; "
            f"ours says {FORMAT!r}, {PROJECT!r}. Check the address, or use another prefix."
        )
    layout = marker.get("layout")
    if not isinstance(layout, int) or isinstance(layout, bool) or layout > LAYOUT:
        raise RemoteError(f"{store.name} has layout {layout!r}, this code knows up to {LAYOUT}. Update kd-gat.")
