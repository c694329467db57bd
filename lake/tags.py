"""Names for snapshots, as `paper-v1`: what a name means never changes unnoticed, and what it names is never freed.

`tags/<name>/<number>.json` are the name's events, the highest of which holds: a snapshot it was given to, or its
removal. A name that is taken moves, or goes, only by force and with a reason, and the events stay. They count from 1
without a gap, each says its name, its number and the digest of the one before it: what was renamed, altered or taken
out of the middle is refused. That the newest is gone, or all of a name, nothing here can tell.
"""

import hashlib
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lake.errors import LakeError
from lake.files import flush, rename, sha256_of, visible, write_whole
from lake.manifest_file import manifest_bytes, read_manifest
from lake.numbered import numbered_path, numbers, put_numbered
from lake.parts import is_safe_name
from lake.snapshot import Snapshot, forgotten_path, load_snapshot, snapshot_files, snapshot_path
from lake.who import user_name

FOLDER = "tags"


@dataclass(frozen=True)
class TagEvent:
    """What was done with a name; without a snapshot it was removed.

    Attributes:
        previous: SHA-256 of the file of the event before it; null in the first, and in those older than this field.
    """

    name: str
    number: int
    snapshot_id: str | None
    by: str
    at: str
    reason: str | None
    previous: str | None = None


def put_tag(
    root: Path, name: str, snapshot: Snapshot | None, reason: str | None = None, force: bool = False
) -> TagEvent:  # fmt: skip
    """Give a snapshot the name, or without a snapshot take the name away; the same again changes nothing.

    Raises:
        LakeError: the name cannot be a file's, is taken and not forced with a reason, its events are not as they were
            written, or another process was first or has freed the snapshot.
    """
    if not is_safe_name(name):
        raise LakeError(f"{name!r} cannot name a snapshot: use letters, digits, '.', '_' and '-'.")
    reason = (reason or "").strip() or None
    last = last_event(root, name)
    held = last.snapshot_id if last else None
    wanted = snapshot.snapshot_id if snapshot else None
    if last and held == wanted:
        return last
    if held and not (force and reason):
        raise LakeError(
            f"{name} names the snapshot {held[:12]}, and what is cited must not change. "
            "Take another name, or say --force --reason WHY."
        )
    if not last and not wanted:
        raise LakeError(f"no snapshot has the name {name}. Names: {', '.join(sorted(tags(root))) or 'none yet'}.")
    folder, number = root / FOLDER / name, last.number + 1 if last else 1
    previous = sha256_of(numbered_path(folder, last.number)) if last else None
    by = f"{user_name()}@{socket.gethostname()}"
    event = TagEvent(name, number, wanted, by, datetime.now(UTC).isoformat(), reason, previous)
    if not put_numbered(folder, number, manifest_bytes(asdict(event))):
        raise LakeError(f"another process has just changed {name}. Look at it (./run lake tag), then try again.")
    if wanted and not _give_back(root, wanted):  # it may have been forgotten since it was chosen
        raise LakeError(
            f"snapshot {wanted[:12]} is gone, which was just given the name {name}. Restore it from a copy "
            f"(./run lake pull REMOTE), or take the name away: ./run lake tag {name} --remove --force --reason WHY"
        )
    return event


def last_event(root: Path, name: str) -> TagEvent | None:
    """The one that holds. Raises LakeError as `tag_history`."""
    events = tag_history(root, name)
    return events[-1] if events else None


def tag_history(root: Path, name: str) -> list[TagEvent]:
    """Every event of a name, in order.

    Raises:
        LakeError: one is missing, cannot be read, stands under another name or number, or follows another than the one
            before it.
    """
    folder = root / FOLDER / name
    found = numbers(folder)
    if found != list(range(1, len(found) + 1)):
        listed = ", ".join(map(str, found))
        raise LakeError(f"{folder} has the events {listed}, and they count from 1 without a gap. {_restore(name)}")
    events: list[TagEvent] = []
    before = None
    for number in found:
        path = numbered_path(folder, number)
        event, digest = _load(path)
        if (event.name, event.number) != (name, number):
            raise LakeError(f"{path} is event {event.number} of {event.name}, put under another name. {_restore(name)}")
        if event.previous not in (None, before):
            raise LakeError(f"{path} follows another event {number - 1} than the one that is there. {_restore(name)}")
        events.append(event)
        before = digest
    return events


def tags(root: Path) -> dict[str, str]:
    """Each name that is given, and its snapshot's id."""
    names = [entry.name for entry in visible(root / FOLDER) if is_safe_name(entry.name)]
    events = [event for name in names if (event := last_event(root, name))]
    return {event.name: event.snapshot_id for event in events if event.snapshot_id}


def tag_faults(root: Path) -> list[str]:
    """Names whose events are not as they were written, or that name a snapshot which is not there."""
    faults = []
    for path in (Path(entry.path) for entry in visible(root / FOLDER)):
        try:
            events = tag_history(root, path.name)
        except LakeError as error:
            faults.append(str(error))
            continue
        held = events[-1].snapshot_id if events else None
        if held and not snapshot_path(root, held).exists():
            faults.append(f"{path.name} names the snapshot {held[:12]}, which is missing. Restore it from a copy.")
        faults += _strays(path, len(events))
    return faults


def find_snapshot(root: Path, name_or_id: str) -> Snapshot:
    """The snapshot of that name, or whose id begins so.

    Raises:
        LakeError: there is none, or several.
    """
    named = last_event(root, name_or_id) if is_safe_name(name_or_id) else None
    return load_snapshot(root, (named and named.snapshot_id) or name_or_id)


def forget_snapshot(root: Path, name_or_id: str) -> str:
    """Give up a snapshot that has no name, be it damaged; its files are `gc`'s after a while. Gives its id.

    Raises:
        LakeError: there is none, or several, or it has a name.
    """
    wanted = tags(root).get(name_or_id, name_or_id)
    matches = [path for path in snapshot_files(root) if path.stem.startswith(wanted)]
    if len(matches) != 1:
        return find_snapshot(root, name_or_id).snapshot_id  # which says what is wrong with the name
    (path,) = matches
    _refuse_named(root, path.stem)
    try:
        os.utime(path)
        flush(path)
    except PermissionError:  # another user's file tells that moment only where it is written anew
        write_whole(path, path.read_bytes())
    rename(path, forgotten_path(root, path.stem))
    try:
        _refuse_named(root, path.stem)  # another process may have named it just now
    except LakeError:
        _give_back(root, path.stem)
        raise
    return path.stem


def _refuse_named(root: Path, snapshot_id: str) -> None:
    if names := [name for name, named in tags(root).items() if named == snapshot_id]:
        raise LakeError(
            f"snapshot {snapshot_id[:12]} is protected: {', '.join(names)} names it. "
            "Take the name away first: ./run lake tag --remove NAME --force --reason WHY"
        )


def _give_back(root: Path, snapshot_id: str) -> bool:
    """Take back that a snapshot was forgotten; whether it is there."""
    path = snapshot_path(root, snapshot_id)
    if not path.exists():
        with suppress(FileNotFoundError):  # it was freed, or the other process gave it back
            rename(forgotten_path(root, snapshot_id), path)
    return path.exists()


def _strays(folder: Path, count: int) -> list[str]:
    """Files beside a name's events; those being written have hidden names."""
    events = {numbered_path(folder, number) for number in range(1, count + 1)}
    strays = [path for entry in visible(folder) if (path := Path(entry.path)) not in events]
    return [
        f"{path} is no event of {folder.name}, and no reader sees it. Name it as it was, or move it out."
        for path in strays
    ]


def _load(path: Path) -> tuple[TagEvent, str]:
    """The event, and the digest of its file."""
    try:
        data = path.read_bytes()
        return TagEvent(**read_manifest(data)), hashlib.sha256(data).hexdigest()
    except (OSError, ValueError, TypeError) as error:
        raise LakeError(f"{path} cannot be read as a tag's event ({error}). Restore it from a copy.") from error


def _restore(name: str) -> str:
    return f"Restore {FOLDER}/{name} from a copy."
