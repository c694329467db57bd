"""A frozen view of the lake: its files, their digests and row counts, and one id over all of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lake.errors import LakeError
from lake.files import sha256_of, write_json
from lake.parts import check_part, part_files
from lake.root import check_lake
from lake.schema import SCHEMA_VERSION, TABLES

FOLDER = "snapshots"


@dataclass(frozen=True)
class SnapshotFile:
    """One part: its table, its path below the lake's root, its bytes' digest and its row count."""

    table: str
    path: str
    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True)
class Snapshot:
    """`snapshot_id` is the SHA-256 over tables, paths and digests: the same parts give the same id."""

    snapshot_id: str
    created_at: str
    schema: int
    files: tuple[SnapshotFile, ...]

    def part_files(self, root: Path) -> Mapping[str, list[Path]]:
        """The snapshot's parts by table.

        Raises:
            LakeError: a part is no longer in the lake.
        """
        parts: dict[str, list[Path]] = {name: [] for name in TABLES}
        for file in self.files:
            path = root / file.path
            if not path.exists():
                raise LakeError(
                    f"snapshot {self.snapshot_id[:12]} names {file.path}, which is gone from {root}. "
                    "Restore the part from a copy; a snapshot is never patched."
                )
            parts[file.table].append(path)
        return parts

    @property
    def rows(self) -> dict[str, int]:
        return {name: sum(file.rows for file in self.files if file.table == name) for name in TABLES}


def take_snapshot(root: Path, now: datetime | None = None) -> Snapshot:
    """Freeze the lake as it stands; a lake that has not changed keeps its id and its first date.

    Raises:
        LakeError: `root` is no lake, or a part cannot be read.
    """
    check_lake(root)
    files = []
    for name, paths in part_files(root).items():
        for path in paths:
            rows = check_part(path, TABLES[name]).num_rows
            files.append(
                SnapshotFile(name, path.relative_to(root).as_posix(), sha256_of(path), path.stat().st_size, rows)
            )
    if not files:
        raise LakeError(f"{root} holds no rows yet. Train first: ./run train sample")
    snapshot_id = _id_of(tuple(files), SCHEMA_VERSION)
    path = _path(root, snapshot_id)
    if not path.exists():
        stamp = (now or datetime.now(UTC)).isoformat(timespec="microseconds")
        write_json(path, asdict(Snapshot(snapshot_id, stamp, SCHEMA_VERSION, tuple(files))))
    return load_snapshot(root, snapshot_id)


def load_snapshot(root: Path, id_or_prefix: str) -> Snapshot:
    """The snapshot with that id, or the only one whose id begins so.

    Raises:
        LakeError: none or several fit, or the file's content does not give its id.
    """
    matches = sorted((root / FOLDER).glob("[!.]*.json"))
    chosen = [path for path in matches if path.stem.startswith(id_or_prefix)]
    if len(chosen) != 1:
        known = ", ".join(path.stem[:12] for path in matches) or "none yet (./run lake snapshot makes one)"
        problem = "no snapshot" if not chosen else "more than one snapshot"
        raise LakeError(f"{problem} of {root} begins with {id_or_prefix!r}. Snapshots: {known}.")
    try:
        read = json.loads(chosen[0].read_text())
        files = tuple(SnapshotFile(**file) for file in read.pop("files"))
        snapshot = Snapshot(files=files, **read)
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{chosen[0]} cannot be read as a snapshot ({error}). Take a new one.") from error
    found = _id_of(files, snapshot.schema)  # the schema it was taken with, which may be older than ours
    if not snapshot.snapshot_id == chosen[0].stem == found:
        raise LakeError(f"{chosen[0]} was altered: its files give the id {found[:12]}. Take a new one.")
    return snapshot


def latest_snapshot(root: Path) -> Snapshot:
    """The newest snapshot of the lake.

    Raises:
        LakeError: there is none.
    """
    check_lake(root)
    paths = list((root / FOLDER).glob("[!.]*.json"))
    if not paths:
        raise LakeError(f"{root} has no snapshot yet. Make one: ./run lake snapshot")
    return max((load_snapshot(root, path.stem) for path in paths), key=lambda one: one.created_at)


def _id_of(files: tuple[SnapshotFile, ...], schema: int) -> str:
    lines = sorted(f"{file.table}\t{file.path}\t{file.sha256}" for file in files)
    return hashlib.sha256("\n".join([f"schema {schema}", *lines]).encode()).hexdigest()


def _path(root: Path, snapshot_id: str) -> Path:
    return root / FOLDER / f"{snapshot_id}.json"
