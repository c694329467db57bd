"""Frees what nothing names any more: parts that are in packs, packs that were merged into others, left-overs of
processes that were killed.

A file goes only when the generation that holds, every snapshot and every name are done with it, and it was needed no
more a while ago already: a reader that opened the lake before may still hold it, however old it is. Ages are told by
the file system's own clock, so that a machine whose clock is a day off frees nothing early.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from lake.errors import LakeError
from lake.files import remove
from lake.generation import FOLDER as GENERATIONS
from lake.generation import Generation, current_generation, read_index
from lake.held import generation_at, held
from lake.journal import FOLDER as JOURNALS
from lake.numbered import numbered_path, numbers
from lake.parts import MERGED, list_packs, list_parts
from lake.results import FOLDER as RESULTS
from lake.root import check_lake
from lake.schema import TABLES
from lake.snapshot import Snapshot, load_snapshot, snapshot_files

GRACE = timedelta(days=7)


@dataclass(frozen=True)
class Freed:
    """A file that is not needed: its path below the root, its size, and why."""

    path: str
    size_bytes: int
    reason: str


def collect(root: Path, grace: timedelta = GRACE, dry_run: bool = False) -> list[Freed]:
    """Remove what is not needed and older than `grace`; gives what was, or with `dry_run` what would be, removed.

    Raises:
        LakeError: the lake cannot be read or written, or a snapshot of it cannot be read: what it needs is then
            unknown, and nothing is removed.
    """
    check_lake(root)
    before = _now(root, dry_run) - grace.total_seconds()
    needed = _needed(root, before)
    freed = []
    for path, reason in _candidates(root, before):
        name = path.relative_to(root).as_posix()
        try:
            about = path.stat()
        except FileNotFoundError:
            continue
        if name in needed or about.st_mtime > before:
            continue
        freed.append(Freed(name, about.st_size, reason))
        if not dry_run:
            remove(path)
    if not dry_run:
        _remove_empty_folders(root)
    return freed


def _needed(root: Path, before: float) -> set[str]:
    """Paths that a snapshot needs, or a reader who opens the lake now, or one who opened it as it was then."""
    needed: set[str] = set()
    for seen in (held(root), held(root, before=before)):
        needed |= {part.path for parts in seen.parts.values() for part in parts} | _named(seen.generation)
    for path in snapshot_files(root):
        needed |= _named(load_snapshot(root, path.stem))
    return needed


def _named(one: Generation | Snapshot) -> set[str]:
    files = one.packs if isinstance(one, Generation) else one.files
    if isinstance(one, Generation) and one.results:
        return {file.path for file in files} | {one.results.path} | ({one.index_path} if one.index_path else set())
    return {file.path for file in files} | ({one.index_path} if one.index_path else set())


def _candidates(root: Path, before: float) -> Iterator[tuple[Path, str]]:
    """Every file that could be one to free, and why it would be."""
    generation = current_generation(root)
    packed = {(one.table, one.owner, name) for one in read_index(root, generation, list(TABLES)) for name in one.parts}
    for path in list_packs(root):
        yield path, "no generation or snapshot names it"
    for table, parts in list_parts(root).items():
        for part in parts:
            if (part.owner == MERGED and generation.number) or (table, part.owner, part.name) in packed:
                yield root / part.path, "its rows are in a pack"
            elif part.owner != MERGED:
                yield root / part.path, "a later part holds its rows"
    held_then = generation_at(root, before).number
    for number in numbers(root / GENERATIONS):
        if number < held_then:
            yield numbered_path(root / GENERATIONS, number), "a later generation holds"
    for path in [*(root / GENERATIONS).glob("index-*.parquet"), *(root / RESULTS).glob("[!.]*.parquet")]:
        yield path, "no generation or snapshot names it"
    for path in (root / JOURNALS).glob("*.done"):
        if path.stat().st_size <= int(path.stem.rsplit("~", 1)[1]):
            yield path, "its rows are in parts"
    for path in (root / JOURNALS).glob("*.journal"):
        if not _has_line(path):
            yield path, "its writer was killed before its first line was whole"
    for path in root.rglob(".*.tmp"):
        yield path, "its writer was killed"


def _has_line(path: Path) -> bool:
    """Whether its first line is whole; a journal that is gone was sealed."""
    try:
        with path.open("rb") as file:
            return file.readline().endswith(b"\n")
    except FileNotFoundError:
        return True


def _now(root: Path, dry_run: bool) -> float:
    """The time by the clock that stamps the lake's files; of a lake that cannot be written, by this machine's."""
    try:
        with NamedTemporaryFile(dir=root, prefix=".", suffix=".tmp") as probe:
            return Path(probe.name).stat().st_mtime
    except OSError as error:
        if dry_run:
            return time.time()
        raise LakeError(f"{root} cannot be written ({error.strerror}), so nothing can be freed there.") from error


def _remove_empty_folders(root: Path) -> None:
    """Folders of owners whose parts are gone; one that a writer has just made is made again by it."""
    for name in TABLES:
        for folder in (root / name).glob("*"):
            if folder.is_dir() and folder.name != MERGED and not any(folder.iterdir()):
                try:
                    folder.rmdir()
                except OSError:
                    continue  # a part has come into it meanwhile
