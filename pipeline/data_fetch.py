"""`./run data fetch`: a dataset's files from its publisher, whole and checked, or the steps to ask for them."""

import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin

from lake.files import sha256_of
from pipeline.data_catalogue import Dataset, find_dataset
from pipeline.errors import CaptureError, ConfigError
from pipeline.settings import Settings

# Where a repository's record of that number says what files it has.
RECORDS: Mapping[str, str] = {
    "zenodo": "https://zenodo.org/api/records/{record}",
    "figshare": "https://api.figshare.com/v2/articles/{record}",
}
_TRIES = 5
_TIMEOUT_S = 60
_CHUNK = 2**20


@dataclass(frozen=True)
class Remote:
    """A file to fetch: where it lies below the dataset's folder, its address, and what is known of its bytes."""

    path: str
    address: str
    digest: str = ""  # 'md5:…' or 'sha256:…'; empty where the publisher states none
    size_bytes: int | None = None


def fetch_dataset(
    name: str, settings: Settings, say: Callable[[str], None], to: Path | None = None,
    records: Mapping[str, str] = RECORDS, pause_s: float = 1.0,
) -> dict[str, Any]:  # fmt: skip
    """Fetches what the catalogue lists, each file resumed where it was cut off; what is here and whole stays.

    Args:
        to: the folder, where it is not the dataset's own.
        records: addresses of the repositories' records.
        pause_s: how long to wait before the second try; longer each time.

    Returns:
        the folder, the files with their SHA-256, and what is left for a person to do.

    Raises:
        ConfigError: no such dataset, it is a collection or bundled, or only a person can get it.
        CaptureError: a file could not be fetched, or is not the one that was published.
    """
    dataset = find_dataset(name)
    folder = to or dataset.folder(settings)
    files = []
    for remote in _remotes(name, dataset, records):
        path = folder / remote.path
        if _is_whole(path, remote):
            say(f"{remote.path}: here and whole")
        else:
            _download(remote, path, say, pause_s)
        files.append({"path": str(path), "sha256": sha256_of(path), "was_checked": bool(remote.digest)})
    unchecked = [file for file in files if not file["was_checked"]]
    following = dataset.source.steps if dataset.source else ""
    if unchecked:
        following += (
            f" The publisher states no checksum of {len(unchecked)} files: keep the SHA-256 above, "
            "and compare it with those of others who use the data."
        )
    return {"dataset": name, "folder": str(folder), "files": files, "next": following.strip()}


def _remotes(name: str, dataset: Dataset, records: Mapping[str, str]) -> list[Remote]:
    if dataset.members:
        raise ConfigError(f"{name} is a collection. Fetch its members: {', '.join(dataset.members)}.")
    if dataset.bundled:
        raise ConfigError(f"{name} is bundled with the checkout; there is nothing to fetch.")
    source = dataset.source
    if source is None or source.kind == "ask":
        steps = source.steps if source else f"See {dataset.address}."
        raise ConfigError(f"{name} is not for download by a command ({dataset.licence}). {steps}")
    if source.kind == "files":
        return [
            Remote(path, urljoin(source.address, quote(path)), _sha256(source.sha256.get(path)))
            for path in source.files
        ]
    listed = _record(records[source.kind].format(record=source.record), dataset)
    return (_zenodo_files if source.kind == "zenodo" else _figshare_files)(listed, dataset)


def _zenodo_files(record: Mapping[str, Any], dataset: Dataset) -> list[Remote]:
    return [
        Remote(_safe(file["key"], dataset), file["links"]["self"], file.get("checksum", ""), file.get("size"))
        for file in record["files"]
    ]


def _figshare_files(record: Mapping[str, Any], dataset: Dataset) -> list[Remote]:
    return [
        Remote(_safe(file["name"], dataset), file["download_url"], _md5(file.get("computed_md5")), file.get("size"))
        for file in record["files"]
    ]


def _record(address: str, dataset: Dataset) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
            found = json.load(answer)
        if not isinstance(found, dict) or not isinstance(found.get("files"), list):
            raise ValueError("it lists no files")
        return found
    except (OSError, HTTPException, ValueError) as error:
        raise CaptureError(
            f"{address} does not say which files there are ({error}). Try again later, or fetch them by hand from "
            f"{dataset.address} into the dataset's folder."
        ) from error


def _safe(name: str, dataset: Dataset) -> str:
    """A file's name, which may not lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise CaptureError(f"{dataset.address} names a file {name!r}, which lies outside the dataset's folder.")
    return name


def _sha256(digest: str | None) -> str:
    return f"sha256:{digest}" if digest else ""


def _md5(digest: str | None) -> str:
    return f"md5:{digest}" if digest else ""


def _is_whole(path: Path, remote: Remote) -> bool:
    if not path.is_file():
        return False
    if remote.digest:
        return _digest_of(path, remote.digest.partition(":")[0]) == remote.digest
    return remote.size_bytes in (None, path.stat().st_size)


def _download(remote: Remote, path: Path, say: Callable[[str], None], pause_s: float) -> None:
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
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
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
