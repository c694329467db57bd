"""A file from its publisher: resumed where it was cut off, checked, and under its name only once it is whole."""

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from pipeline.errors import CaptureError

TIMEOUT_S = 60
_TRIES = 5
_CHUNK = 2**20


@dataclass(frozen=True)
class Remote:
    """A file to fetch: where it lies below the dataset's folder, its address, and what is known of its bytes."""

    path: str
    address: str
    digest: str = ""  # 'md5:…' or 'sha256:…'; empty where the publisher states none
    size_bytes: int | None = None


def is_whole(path: Path, remote: Remote) -> bool:
    """Whether the file is here and is the one published, by its digest, else by its size."""
    if not path.is_file():
        return False
    if remote.digest:
        return _digest_of(path, remote.digest.partition(":")[0]) == remote.digest
    return remote.size_bytes in (None, path.stat().st_size)


def download(remote: Remote, path: Path, say: Callable[[str], None], pause_s: float) -> None:
    """The file beside its place, as often as it takes, then under its name."""
    beside = path.with_name(path.name + ".part")
    for attempt in range(1, _TRIES + 1):
        try:
            if _take(remote, beside, say):
                break
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise CaptureError(
                    f"{remote.address} answers {error.code} {error.reason}. The file may have moved: look at the "
                    "dataset's page, and mend its source in pipeline/configs/datasets.toml."
                ) from error
            reason = f"{error.code} {error.reason}"
        except (OSError, HTTPException) as error:
            reason = str(error)
        if attempt == _TRIES:
            raise CaptureError(
                f"{remote.address} was not fetched whole after {_TRIES} tries ({reason}). What arrived is kept in "
                f"{beside.name}; the same command goes on from there."
            )
        say(f"{remote.path}: {reason}; going on")
        time.sleep(pause_s * attempt)
    found = _digest_of(beside, remote.digest.partition(":")[0]) if remote.digest else ""
    if found != remote.digest:
        beside.unlink()
        raise CaptureError(
            f"{remote.address} is not the file that was published: {found}, not {remote.digest}. It was removed; "
            "fetch again, and if that does not help, ask the publisher."
        )
    beside.replace(path)
    say(f"{remote.path}: {path.stat().st_size:,} bytes")


def _take(remote: Remote, beside: Path, say: Callable[[str], None]) -> bool:
    """Appends what is missing; whether the file is complete then."""
    have = beside.stat().st_size if beside.exists() else 0
    if have and have == remote.size_bytes:
        return True
    request = urllib.request.Request(remote.address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing lies behind what we have: it is whole, or another file
            if remote.digest and _digest_of(beside, remote.digest.partition(":")[0]) == remote.digest:
                return True
            beside.unlink()
            return False
        raise
    with answer:
        goes_on = answer.status == 206
        if have and goes_on:
            say(f"{remote.path}: resumed at {have:,} bytes")
        expected = answer.headers.get("Content-Length")
        n = 0
        beside.parent.mkdir(parents=True, exist_ok=True)  # only now: an empty folder would look like a dataset
        with beside.open("ab" if goes_on else "wb") as file:
            while block := answer.read(_CHUNK):
                file.write(block)
                n += len(block)
    return expected is None or n == int(expected)


def _digest_of(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
