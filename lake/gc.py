"""Frees what nothing names any more: parts that are in packs, packs that were merged into others, left-overs of
processes that were killed.

A file goes only when the generation that holds, every snapshot and every name are done with it, and it was needed no
more a while ago already: a reader that opened the lake, or a snapshot since forgotten, before may still hold it,
however old it is. Ages are told by the file system's own clock, so that a machine whose clock is a day off frees
nothing early.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4

from lake.errors import LakeError
from lake.files import remove, rename
from lake.generation import FOLDER as GENERATIONS
from lake.generation import Generation, current_generation, read_index
from lake.held import generation_at, held, is_older
from lake.numbered import numbered_path, numbers
from lake.parts import MERGED, list_packs, list_parts
from lake.results import FOLDER as RESULTS
from lake.root import check_lake
from lake.schema import TABLES
from lake.snapshot import FOLDER as SNAPSHOTS
from lake.snapshot import Snapshot, forgotten_path, load_snapshot, read_snapshot, snapshot_files
from lake.spent_journals import spent_journals

GRACE = timedelta(days=7)
_UNNAMED = "no generation or snapshot names it"


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
        if not dry_run and not _free(root, path, reason, before):
            continue
        freed.append(Freed(name, about.st_size, reason))
    if not dry_run:
        _remove_empty_folders(root)
    return freed


def _free(root: Path, path: Path, reason: str, before: float) -> bool:
    """Remove a file; False where another process has just made it anew.

    A pack is known by its bytes: a compaction may give the name of one that nothing named again at any moment.
    """
    if reason != _UNNAMED:
        remove(path)
        return True
    away = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        rename(path, away)
    except FileNotFoundError:
        return False
    if away.stat().st_mtime > before or path.relative_to(root).as_posix() in _named(current_generation(root)):
        rename(away, path)
        return False
    remove(away)
    return True


def _needed(root: Path, before: float) -> set[str]:
    """Paths that a snapshot needs, or a reader who opens the lake now, or one who opened it as it was then."""
    needed: set[str] = set()
    for seen in (held(root), held(root, before=before)):
        needed |= {part.path for parts in seen.parts.values() for part in parts} | _named(seen.generation)
    for snapshot in chain(_snapshots(root), _forgotten(root, before), _snapshots(root)):  # one may be given back
        needed |= _named(snapshot)
    return needed


def _snapshots(root: Path) -> Iterator[Snapshot]:
    return (load_snapshot(root, path.stem) for path in snapshot_files(root))


def _forgotten(root: Path, before: float) -> Iterator[Snapshot]:
    """Those that were given up since, which somebody may have open; what a damaged one named nobody knows."""
    for path in (root / SNAPSHOTS).glob(forgotten_path(root, "*").name):
        if not is_older(path, before):
            with suppress(LakeError, OSError, ValueError, KeyError, TypeError):
                yield read_snapshot(path.read_bytes())


def _named(one: Generation | Snapshot) -> set[str]:
    files = one.packs if isinstance(one, Generation) else one.files
    if isinstance(one, Generation) and one.results:
        return {file.path for file in files} | {one.results.path} | ({one.index_path} if one.index_path else set())
    return {file.path for file in files} | ({one.index_path} if one.index_path else set())


def _candidates(root: Path, before: float) -> Iterator[tuple[Path, str]]:
    """Every file that could be one to free, and why it would be."""
    generation = current_generation(root)
    index = read_index(root, generation, list(TABLES))
    packed = {(one.table, one.owner, name) for one in index for name in one.parts}
    for path in list_packs(root):
        yield path, _UNNAMED
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
        yield path, _UNNAMED
    for path in (root / SNAPSHOTS).glob(forgotten_path(root, "*").name):
        yield path, "its snapshot was forgotten"
    yield from spent_journals(root, index)
    for path in root.rglob(".*.tmp"):
        yield path, "its writer was killed"


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
