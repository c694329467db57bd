"""A commit with a name that stays: `paper-v1` is the same snapshot next year."""

import json
import re

from lake.files import json_bytes
from lake.remote.commits import Commit, read_commit
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import TAGS, tag_key
from lake.remote.patience import patiently
from lake.remote.store import Store

_FORMAT = "kd-gat-lake-tag"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> str:
    """Raises RemoteError where `name` cannot name a tag."""
    if not _NAME.fullmatch(name):
        raise RemoteError(f"{name!r} cannot name a tag: use up to 100 letters, digits, '.', '_' and '-'.")
    return name


def put_tag(store: Store, name: str, commit_id: str, commit: Commit) -> None:
    """Give a published commit a name. A tag never moves; of the same snapshot it may be put again.

    Raises:
        RemoteError: the name is of another snapshot.
    """
    value = {"format": _FORMAT, "name": check_name(name), "commit": commit_id, "snapshot_id": commit.snapshot_id}
    if patiently(lambda: store.put_if_absent(tag_key(name), json_bytes(value))):
        return
    there = read_tag(store, name)[1]
    if there.snapshot_id != commit.snapshot_id:
        raise RemoteError(
            f"{store.name} has a tag {name!r} of the snapshot {there.snapshot_id[:12]}, and tags do not move. "
            "Choose another name."
        )


def read_tag(store: Store, name: str) -> tuple[str, Commit]:
    """Id and content of the commit that has that name.

    Raises:
        RemoteError: there is no such tag, or it was altered.
    """
    try:
        data = patiently(lambda: store.get(tag_key(check_name(name)))).data
    except MissingError as error:
        raise RemoteError(f"{store.name} has no tag {name!r}. {_known(store)}") from error
    try:
        value = json.loads(data)
        commit_id, snapshot_id = value["commit"], value["snapshot_id"]
        is_ours = value["format"] == _FORMAT and value["name"] == name and re.fullmatch("[0-9a-f]{64}", commit_id)
    except (ValueError, KeyError, TypeError, RecursionError):
        is_ours = None
    if not is_ours:
        raise RemoteError(f"{store.name}/{tag_key(name)} was altered: it is no tag {name!r}. Restore it from a copy.")
    commit = read_commit(store, commit_id)
    if commit.snapshot_id != snapshot_id:
        raise RemoteError(f"{store.name}/{tag_key(name)} was altered: its commit has another snapshot. Restore it.")
    return commit_id, commit


def tag_names(store: Store) -> list[str]:
    """The names of all tags."""
    keys = patiently(lambda: [key for key, _ in store.list(TAGS)])
    names = (key.removeprefix(f"{TAGS}/").removesuffix(".json") for key in keys)
    return sorted(name for name in names if _NAME.fullmatch(name))


def _known(store: Store) -> str:
    try:
        return f"Tags: {', '.join(tag_names(store)) or 'none yet'}."
    except RemoteError:  # a web server lists nothing
        return "Check its name."
