"""A publication and the newest of them: what each says, and how it is read from bytes that anyone may have written."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from lake.files import json_bytes
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import LATEST, TAG_NAME, commit_key
from lake.remote.patience import patiently
from lake.remote.store import Store

_COMMIT = "kd-gat-lake-commit"
_POINTER = "kd-gat-lake-latest"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Commit:
    """One publication. Its id is the SHA-256 of its bytes, and its nonce makes it like no other.

    It has the digest of the snapshot's file, which has those of the objects: the pointer vouches for every byte.
    No two pointers ever hold the same bytes then, so a mark that has changed never comes back, and a request that
    arrives late cannot put an old pointer over a newer one.
    """

    sequence: int  # 1 for the first, then its parent's + 1: no number is missing and none is there twice
    parent: str | None
    snapshot_id: str
    snapshot_sha256: str
    nonce: str
    by: str
    at: str
    message: str
    tags: Mapping[str, str] = field(default_factory=dict)  # every name given until then, and its snapshot's id

    @property
    def told(self) -> str:
        """Who published it, when, and what they say, as one printable line: anyone may have written them."""
        said = f", “{self.message[:200]}”" if self.message else ""
        return printable(f"commit {self.sequence}, by {self.by[:100]} at {self.at[:40]}{said}")

    @property
    def data(self) -> bytes:
        value = {"format": _COMMIT, **asdict(self)}
        if not self.tags:
            del value["tags"]  # commits had none once, and the id is of these bytes
        return json_bytes(value)

    @property
    def commit_id(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Head:
    """What `latest.json` says, and the mark it had then."""

    commit_id: str
    sequence: int
    snapshot_id: str
    etag: str


@dataclass(frozen=True)
class Signed:
    """Who publishes, when, and what they say of it."""

    by: str
    at: str
    message: str = ""


def printable(text: str) -> str:
    """Without what could move a terminal's cursor or change its colours."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def next_commit(
    base: Head | None, snapshot_id: str, snapshot_sha256: str, signed: Signed, tags: Mapping[str, str] | None = None
) -> Commit:
    """A commit that comes after `base`."""
    sequence, parent = (base.sequence + 1, base.commit_id) if base else (1, None)
    return Commit(sequence, parent, snapshot_id, snapshot_sha256, uuid4().hex, **asdict(signed), tags=tags or {})


def pointer_bytes(commit: Commit) -> bytes:
    """`latest.json` naming `commit`."""
    value = {"commit": commit.commit_id, "sequence": commit.sequence, "snapshot_id": commit.snapshot_id}
    return json_bytes({"format": _POINTER, **value})


def read_head(store: Store) -> Head | None:
    """The newest commit's pointer; None before the first push.

    Raises:
        RemoteError: it is not one of ours.
    """
    try:
        stored = patiently(lambda: store.get(LATEST))
    except MissingError:
        return None
    value = _read(store, LATEST, stored.data, _POINTER)
    try:
        return Head(_digest(value["commit"]), _count(value["sequence"]), _digest(value["snapshot_id"]), stored.etag)
    except (KeyError, ValueError) as error:
        raise _altered(store, LATEST, str(error)) from error


def read_commit(store: Store, commit_id: str) -> Commit:
    """A commit whose bytes are what its id says.

    Raises:
        RemoteError: it is lost or altered.
    """
    key = commit_key(commit_id)
    try:
        data = patiently(lambda: store.get(key)).data
    except MissingError as error:
        raise RemoteError(f"{store.name}/{key} is lost: a later commit names it. Restore it from a copy.") from error
    if hashlib.sha256(data).hexdigest() != commit_id:
        raise _altered(store, key, "its bytes have another digest")
    value = _read(store, key, data, _COMMIT)
    try:
        sequence, parent = _count(value["sequence"]), value["parent"]
        nonce, by, at, message = (str(value[name]) for name in ("nonce", "by", "at", "message"))
        digests = _digest(value["snapshot_id"]), _digest(value["snapshot_sha256"])
        tags = _tags(value.get("tags", {}))
        return Commit(sequence, parent and _digest(parent), *digests, nonce, by, at, message, tags)
    except (KeyError, ValueError) as error:
        raise _altered(store, key, str(error)) from error


def history(store: Store, commit_id: str, down_to: int = 1) -> Iterator[tuple[str, Commit]]:
    """Id and content of a commit, of its parent and so on, to the one with the sequence `down_to`.

    Raises:
        RemoteError: one is lost or altered, or a number is missing.
    """
    name: str | None = commit_id
    expected: int | None = None
    while name is not None:
        commit = read_commit(store, name)
        if commit.sequence != (expected or commit.sequence) or (commit.sequence == 1) != (commit.parent is None):
            raise _altered(store, commit_key(name), f"its number {commit.sequence} does not follow its parent's")
        if commit.sequence < down_to:
            return
        yield name, commit
        expected, name = commit.sequence - 1, commit.parent


def _read(store: Store, key: str, data: bytes, form: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _altered(store, key, "it is no JSON") from error
    if not isinstance(value, dict) or value.get("format") != form:
        raise _altered(store, key, f"it is no {form}")
    return value


def _altered(store: Store, key: str, why: str) -> RemoteError:
    return RemoteError(f"{store.name}/{key} was altered: {why}. Restore it from a copy.")


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"{value!r} is no digest")
    return value


def _tags(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(TAG_NAME.fullmatch(name) for name in value):
        raise ValueError(f"{str(value)[:100]!r} are no tags")
    return {name: _digest(snapshot_id) for name, snapshot_id in value.items()}


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is no sequence number")
    return value
