"""A commit with a name that stays: `paper-v1` is the same snapshot next year.

A name is given by a commit, which every later one repeats: the pointer vouches for it, and of two who take a name at
once one is told. The tag's file says where to look.
"""

import json
import re
from collections.abc import Mapping

from lake.files import json_bytes
from lake.remote.commits import Commit, read_commit
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import TAG_NAME, TAGS, tag_key
from lake.remote.patience import patiently
from lake.remote.store import Store

_FORMAT = "kd-gat-lake-tag"


def check_name(name: str) -> str:
    """Raises RemoteError where `name` cannot name a tag."""
    if not TAG_NAME.fullmatch(name):
        raise RemoteError(f"{name!r} cannot name a tag: use up to 100 letters, digits, '.', '_' and '-'.")
    return name


def check_free(store: Store, name: str, snapshot_id: str, given: Mapping[str, str]) -> None:
    """Make sure that a name is nobody's yet, or that snapshot's.

    Args:
        given: the names that the newest commit knows.

    Raises:
        RemoteError: it is another's, or its file was altered.
    """
    there = given.get(check_name(name))
    if there is None and patiently(lambda: store.head(tag_key(name))) is not None:
        there = read_tag(store, name)[1].snapshot_id  # given by an older version, which records none
    if there not in (None, snapshot_id):
        raise RemoteError(
            f"{store.name} has a tag {name!r} of the snapshot {there[:12]}, and tags do not move. "
            "Nothing was published. Choose another name."
        )


def put_tag(store: Store, name: str, commit_id: str, commit: Commit) -> None:
    """Put the file of a tag that a published commit gives. It never moves; of the same snapshot it may be put again.

    Raises:
        RemoteError: the name has become another snapshot's.
    """
    data = _tag_bytes(name, commit_id, commit)
    if patiently(lambda: store.put_if_absent(tag_key(name), data)):
        return
    there = read_tag(store, name)[1]
    if there.snapshot_id != commit.snapshot_id:
        raise RemoteError(
            f"commit {commit.sequence} of {store.name} was published, but not as {name!r}: somebody has put that name "
            f"on the snapshot {there.snapshot_id[:12]}. Agree with them on it: push --repair makes it this commit's, "
            "push --tag OTHER gives this one another name."
        )


def replace_tag(store: Store, name: str, commit_id: str, commit: Commit) -> None:
    """Put the file of a tag over one that is not what the commit that gave it says."""
    data = _tag_bytes(name, commit_id, commit)
    patiently(lambda: store.put(tag_key(name), data))


def _tag_bytes(name: str, commit_id: str, commit: Commit) -> bytes:
    value = {"format": _FORMAT, "name": check_name(name), "commit": commit_id, "snapshot_id": commit.snapshot_id}
    return json_bytes(value)


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
    return sorted(name for name in names if TAG_NAME.fullmatch(name))


def _known(store: Store) -> str:
    try:
        return f"Tags: {', '.join(tag_names(store)) or 'none yet'}."
    except RemoteError:  # a web server lists nothing
        return "Check its name."
