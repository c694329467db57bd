"""Which file of a lake has given bytes, under whatever name."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from lake.errors import LakeError
from lake.files import sha256_of
from lake.generation import FOLDER as GENERATIONS
from lake.parts import DIGITS
from lake.remote.contents import Item, items_of
from lake.snapshot import load_snapshot, snapshot_files


def find_held(root: Path, items: Iterable[Item]) -> dict[str, Path]:
    """Of these items, by digest, the files of the lake that have their bytes now.

    Looked at are the files that its snapshots name, then those whose own name has the digest, as packs and parts have.
    """
    wanted = {item.sha256 for item in items}
    held: dict[str, Path] = {}
    if not wanted:
        return held
    for sha256, path in chain(_by_snapshots(root, wanted), _by_name(root, wanted)):
        if sha256 not in held and is_whole(path, sha256):
            held[sha256] = path
            if len(held) == len(wanted):
                break
    return held


def is_whole(path: Path, sha256: str) -> bool:
    """Whether the file is there and has these bytes."""
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def _by_snapshots(root: Path, wanted: set[str]) -> Iterator[tuple[str, Path]]:
    for path in snapshot_files(root):
        try:
            named = items_of(load_snapshot(root, path.stem))
        except LakeError:
            continue  # `verify` says what is wrong with it
        yield from ((item.sha256, root / item.path) for item in named if item.sha256 in wanted)


def _by_name(root: Path, wanted: set[str]) -> Iterator[tuple[str, Path]]:
    digests = {sha256[:DIGITS]: sha256 for sha256 in wanted}
    for pattern in ("[!.]*/[!.]*/[!.]*.parquet", f"{GENERATIONS}/[!.]*.parquet"):
        for path in root.glob(pattern):
            if sha256 := digests.get(path.stem[-DIGITS:]):
                yield sha256, path
