"""What makes a folder a lake: `lake.json`, written before the first part."""

import json
import logging
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

from lake.errors import LakeError
from lake.files import staged_file, write_whole
from lake.manifest_file import manifest_bytes, read_manifest
from lake.version import SCHEMA_VERSION

MARKER = "lake.json"
FORMAT = "kd-gat-lake"
_LOG = logging.getLogger("kdgat.lake")


def create_lake(root: Path) -> Path:
    """Make `root` a lake and say so; one that is a lake already stays as it is.

    Raises:
        LakeError: the folder holds something else, so that nothing foreign gets mixed with results.
    """
    if (root / MARKER).exists():
        return check_lake(root)
    is_foreign = root.exists() and (not root.is_dir() or any(p for p in root.iterdir() if not p.name.startswith(".")))
    if (root / MARKER).exists():  # another process made it a lake since the first look
        return check_lake(root)
    if is_foreign:
        raise LakeError(
            f"{root} is not a lake: it has no {MARKER} and is not an empty folder. "
            "Point KDGAT_LAKE at a lake, or at a folder that does not exist yet."
        )
    with staged_file(root, MARKER) as staged:
        staged.write(manifest_bytes({"format": FORMAT, "schema": SCHEMA_VERSION, "id": uuid4().hex}))
        if staged.give_free_name(root / MARKER):  # of two at once the first gives the id
            _LOG.warning("made a new lake at %s. Should there be one already, see whether its disk is mounted.", root)
    return check_lake(root)


def check_lake(root: Path) -> Path:
    """`root`, once it is known to be a lake this version reads.

    Raises:
        LakeError: there is no lake, its schema is newer than this code, or something in it is a link.
    """
    _read_marker(root)
    with os.scandir(root) as entries:
        for entry in entries:
            refuse_link(entry)
    return root


def refuse_link(path: "Path | os.DirEntry[str]") -> None:
    """Raises LakeError where a path is a link, which could lead out of the lake."""
    if path.is_symlink():
        raise LakeError(f"{os.fspath(path)} is a link, which could lead out of the lake. Copy what it points to.")


def known_generation(root: Path) -> int:
    """The number of a generation that is known to have been: a lower one is not what holds.

    Raises:
        LakeError: as `check_lake`.
    """
    return int(_read_marker(root).get("generation", 0))


def lake_id(root: Path) -> str | None:
    """What tells this lake from any other; None in one that was made before lakes had that.

    Raises:
        LakeError: as `check_lake`.
    """
    return _read_marker(root).get("id")


def note_generation(root: Path, number: int) -> None:
    """Remember that there is a generation of that number, so that its loss is noticed."""
    marker = _read_marker(root)
    if int(marker.get("generation", 0)) < number:
        write_whole(root / MARKER, manifest_bytes({**marker, "schema": SCHEMA_VERSION, "generation": number}))


def _read_marker(root: Path) -> dict[str, Any]:
    marker = root / MARKER
    if not marker.exists():
        if (root / "runs").is_dir():
            text = json.dumps({"format": FORMAT, "schema": SCHEMA_VERSION})
            raise LakeError(f"{marker} is gone, which makes {root} a lake. Restore it from a copy, or write it: {text}")
        what = "does not exist" if not root.exists() else f"is not a lake: it has no {MARKER}"
        raise LakeError(f"{root} {what}. Train first (./run train sample), or set KDGAT_LAKE to a lake.")
    try:
        data = marker.read_bytes()
        found = json.loads(data)
        if "checksum" in found:
            found = read_manifest(data)
        fits = found["format"] == FORMAT
        version = found["schema"]
        if type(version) is not int or type(found.get("generation", 0)) is not int:
            raise ValueError("its schema is no number")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{marker} cannot be read as a lake's marker ({error}). Restore it from a copy.") from error
    if not fits:
        raise LakeError(f"{root} is a {found['format']}, not a {FORMAT}. Set KDGAT_LAKE to a lake.")
    if version > SCHEMA_VERSION:
        raise LakeError(
            f"{root} was written with schema {version}; this code knows up to {SCHEMA_VERSION}. Update kd-gat."
        )
    return dict(found)
