"""An SQLite store of somebody else's: read as it stands, never written to, not even to its lock.

A writer's rows that lie in `-wal` or must be rolled back from `-journal` would be missed or half seen in the file
alone; where one of those lies beside it, the files are copied away and SQLite puts the copy in order.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from lake.files import sha256_of
from pipeline.legacy.errors import MigrateError

HEADER = b"SQLite format 3\x00"
_BESIDE = ("-wal", "-journal")


def is_sqlite(path: Path) -> bool:
    """By its first bytes; of a file cut off within them too."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(len(HEADER))
    return bool(head) and head == HEADER[: len(head)]


@contextmanager
def open_store(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads; nothing at `path` changes.

    Raises:
        MigrateError: it is damaged or cut off, or somebody wrote to it meanwhile.
    """
    before = _state(path)
    with TemporaryDirectory() as scratch:
        copied = before != {"": before[""]}
        if copied:
            for ending in before:
                shutil.copyfile(f"{path}{ending}", Path(scratch) / f"store.db{ending}")
        place = Path(scratch) / "store.db" if copied else path
        options = "" if copied else "?mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(f"file:{quote(str(place))}{options}", uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                _check(path, connection)
                yield connection
        except sqlite3.DatabaseError as error:
            raise MigrateError(
                f"{path} cannot be read as an SQLite store ({error}): it is damaged or cut off "
                f"({path.stat().st_size:,} bytes). Give a whole copy."
            ) from error
    if _state(path) != before:
        raise MigrateError(
            f"{path} was written to while it was read. Stop what writes to it, then run the same command again."
        )


def _state(path: Path) -> dict[str, str]:
    """Digest of the store, and of what a writer has beside it."""
    beside = {ending: Path(f"{path}{ending}") for ending in _BESIDE}
    return {"": sha256_of(path)} | {
        ending: sha256_of(file) for ending, file in beside.items() if file.exists() and file.stat().st_size
    }


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise MigrateError(f"{path} is a damaged SQLite store: {answer}. Give a whole copy.")


def tables_of(path: Path) -> dict[str, set[str]]:
    """Columns of every table.

    Raises:
        MigrateError: as `open_store`.
    """
    with open_store(path) as connection:
        names = [row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: {row["name"] for row in connection.execute(f'PRAGMA table_info("{name}")')} for name in names}


def has_tables(have: Mapping[str, set[str]], need: Mapping[str, Sequence[str]]) -> bool:
    return all(set(columns) <= have.get(table, set()) for table, columns in need.items())
