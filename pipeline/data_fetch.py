"""`./run data fetch`: a dataset's files from its publisher, whole and checked, or the steps to ask for them."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin

from lake.files import sha256_of
from pipeline.data_catalogue import Dataset, find_dataset
from pipeline.download import TIMEOUT_S, Remote, download, is_whole
from pipeline.errors import CaptureError, ConfigError
from pipeline.settings import Settings

# Where a repository's record of that number says what files it has.
RECORDS: Mapping[str, str] = {
    "zenodo": "https://zenodo.org/api/records/{record}",
    "figshare": "https://api.figshare.com/v2/articles/{record}",
}


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
        if is_whole(path, remote):
            say(f"{remote.path}: here and whole")
        else:
            download(remote, path, say, pause_s)
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
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
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
