"""Which commit of a remote a lake last held whole: the common ground from which ahead and behind are told."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from lake.errors import LakeError
from lake.files import write_json
from lake.remote.errors import RemoteError

_FOLDER = ".remotes"  # hidden: no table, and of no snapshot


def last_common(root: Path, name: str) -> str | None:
    """The remote's commit that this lake last pushed or pulled; None where that was never, or is not known."""
    try:
        value = json.loads(_path(root, name).read_bytes())
        return str(value["commit"]) if value["remote"] == name else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RemoteError(
            f"{_path(root, name)} cannot be read ({error}). Delete it; the next pull makes it anew."
        ) from error


def remember(root: Path, name: str, commit_id: str) -> None:
    """Note that the lake holds all of that commit; a lake that cannot be written is compared by its rows next time."""
    if last_common(root, name) != commit_id:
        with suppress(LakeError):
            write_json(_path(root, name), {"remote": name, "commit": commit_id})


def _path(root: Path, name: str) -> Path:
    return root / _FOLDER / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
