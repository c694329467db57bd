"""A remote in a folder: a shared disk, or a place to try things. It keeps the promises of a bucket without locks."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from lake.errors import NotWrittenError
from lake.files import listable, write_whole
from lake.numbered import last_number, numbered_path, put_numbered
from lake.remote.errors import MissingError, RemoteError
from lake.remote.layout import LATEST
from lake.remote.patience import wait
from lake.remote.store import Stored

_PIECE = 1 << 20
_VERSIONS = ".latest"  # the pointer's versions, numbered; a number is given once, which makes compare and set of it


class FolderStore:
    """A `Store` below `folder`. The pointer is its last numbered version; `latest.json` is a copy to be served.

    Where there is no version, as in a remote that was copied by hand, that copy is the pointer.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder

    def check_apart(self, root: Path) -> None:
        """Make sure that this folder and the lake `root` are apart, links followed.

        Raises:
            RemoteError: one lies in the other, or they are the same.
        """
        folder, lake = self._folder.resolve(), root.resolve()
        if folder == lake:
            how = "is"
        elif lake in folder.parents:
            how = "lies in"
        elif folder in lake.parents:
            how = "contains"
        else:
            return
        raise RemoteError(
            f"{self.name} {how} the lake {lake}: the files of the two would be mixed. Push to a folder apart from it."
        )

    def get(self, key: str) -> Stored:
        if key == LATEST:
            number = last_number(self._folder / _VERSIONS)
            data = self._read(numbered_path(Path(_VERSIONS), number).as_posix(), 0, -1) if number else None
            if data is None:
                data = self._read(LATEST, 0, -1)  # a copy of the remote that was made without hidden files
            return Stored(data, str(number))
        data = self._read(key, 0, -1)
        return Stored(data, hashlib.sha256(data).hexdigest())

    def read_range(self, key: str, start: int, length: int) -> bytes:
        return self._read(key, start, length)

    def stream(self, key: str, size_bytes: int) -> Iterator[bytes]:
        try:
            with (self._folder / key).open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise self._said(key, error) from error

    def head(self, key: str) -> int | None:
        try:
            return (self._folder / key).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._said(key, error) from error

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        if not (self._folder / prefix).exists():
            return
        try:
            for path in listable(self._folder / prefix).rglob("[!.]*"):
                if path.is_file() and not path.relative_to(self._folder).as_posix().startswith("."):
                    yield path.relative_to(self._folder).as_posix(), path.stat().st_size
        except OSError as error:
            raise self._said(prefix, error) from error

    def put(self, key: str, data: bytes) -> None:
        with self._written():
            write_whole(self._folder / key, data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        path = self._folder / key
        staged = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
        with self._written():
            write_whole(staged, data)
            try:
                os.link(staged, path)
            except FileExistsError:
                return False
            finally:
                staged.unlink()
        return True

    def put_if_match(self, key: str, data: bytes, etag: str | None) -> bool:
        if key != LATEST:
            raise RemoteError(f"{self.name}/{key}: in a folder only {LATEST} is compared and set.")
        with self._written():
            if not put_numbered(self._folder / _VERSIONS, int(etag or 0) + 1, data):
                return False
            self._copy_latest()
        return True

    def copy_fault(self) -> str | None:
        for pause_s in (0.2, 0.5, 0):  # a publisher may be between the pointer and its copy
            try:
                pointer = self.get(LATEST).data
            except MissingError:
                return None
            try:
                if self._read(LATEST, 0, -1) == pointer:
                    return None
            except MissingError:
                pass
            wait(pause_s)
        return f"{self.name}/{LATEST}, which pages read, is not the newest pointer. ./run lake push writes it again."

    def mend_copy(self) -> None:
        if self.copy_fault():
            with self._written():
                self._copy_latest()

    def _copy_latest(self) -> None:
        """Whoever writes the copy last has looked for a newer version after it, so that it ends as the newest."""
        written = 0
        while (number := last_number(self._folder / _VERSIONS)) != written:
            write_whole(self._folder / LATEST, numbered_path(self._folder / _VERSIONS, number).read_bytes())
            written = number

    def _read(self, key: str, start: int, length: int) -> bytes:
        try:
            with (self._folder / key).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise self._said(key, error) from error

    def _said(self, key: str, error: OSError) -> RemoteError:
        if isinstance(error, NotADirectoryError) and self._folder.exists() and not self._folder.is_dir():
            return RemoteError(f"{self.name} is a file, and a remote is a folder. Check the address.")
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return MissingError(f"{self.name}/{key} does not exist.")
        place, reason = error.filename or f"{self.name}/{key}", (error.strerror or str(error)).lower()
        return RemoteError(f"{place} cannot be read: {reason}. Make it readable, or check the address.")

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except (OSError, NotWrittenError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            reason = getattr(cause, "strerror", None) or str(error)
            raise RemoteError(
                f"{self.name} cannot be written: {reason.lower()}. Nothing half-written is left in it. "
                "Make room there or make the folder writable, or push to another one."
            ) from error
