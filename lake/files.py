"""Files that appear whole or not at all. Every change of a lake's files goes through this module.

A file is written beside its place, flushed, and renamed; then its folder is flushed, since the new name itself must
survive a power cut.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import uuid4

from lake.errors import LakeError, NotWrittenError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last: over the limit on a file's size
_CLOSED = (errno.EACCES, errno.EROFS, errno.EPERM)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write beside `path`; it takes the name once its bytes are on the disk.

    Raises:
        NotWrittenError: the disk or the quota is full, or the folder may not be written; `path` is as before.
    """
    staged = _beside(path)
    try:
        with explained(path):  # before the left-over goes, since that makes room
            make_folder(path.parent)
            yield staged
            flush(staged)
            os.replace(staged, path)
            flush(path.parent)
    finally:
        staged.unlink(missing_ok=True)


class StagedFile:
    """A file being written whose name is known only once its bytes are; it counts and digests them.

    A binary sink as pyarrow wants one: `write`, `flush`, `tell`, `close`, `closed`.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.path = _beside(folder / "staged")
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        write_all(self._descriptor, view)
        self._hash.update(view)
        self.size_bytes += len(view)
        return len(view)

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._hash.hexdigest()

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """For pyarrow, which closes what it wrote; `give_name` and `discard` end it."""

    def give_name(self, path: Path) -> None:
        """Make the bytes durable, then the file visible as `path` in the same folder."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self.closed = True
        os.replace(self.path, path)
        flush(path.parent)

    def give_free_name(self, path: Path) -> bool:
        """As `give_name`, but only where no file has that name; False where one has.

        A hard link is made only where its name is free, in one step on a local disk and on NFS, Lustre and GPFS.
        """
        os.fsync(self._descriptor)
        try:
            os.link(self.path, path)
        except OSError as error:
            # NFS repeats a request whose answer was lost, and is then refused by what it did itself
            if os.stat(self.path).st_nlink != 2:
                if isinstance(error, FileExistsError):
                    return False
                raise
        flush(path.parent)
        return True

    def discard(self) -> None:
        """Leave nothing behind; after `give_name` there is nothing to leave."""
        if not self.closed:
            os.close(self._descriptor)
            self.closed = True
            os.unlink(self.path)


@contextmanager
def staged_file(folder: Path, name: str = "a file") -> Iterator[StagedFile]:
    """A staged file in `folder`, gone again unless the block gives it a name; errors speak of `name`.

    Raises:
        NotWrittenError: the disk or the quota is full, or the folder may not be written; nothing is left.
    """
    with explained(folder / name):
        staged = StagedFile(folder)
        try:
            yield staged
        finally:
            staged.discard()


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` into the file `path`, replacing what it held.

    Raises:
        NotWrittenError: the disk or the quota is full, or the folder may not be written; `path` is as before.
    """
    with explained(path):
        staged = StagedFile(path.parent)
        try:
            staged.write(data)
            staged.give_name(path)
        finally:
            staged.discard()


def write_json(path: Path, value: Any) -> None:
    write_whole(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """The one way this project writes JSON files: sorted, so that equal values are equal bytes."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """A full disk may take a part of the bytes and refuse the rest."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def make_folder(folder: Path) -> None:
    """`folder` and those above it, each durable before a file in it may be."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        os.mkdir(folder)
    except FileExistsError:
        return  # another process made it, or something else has its name, which the write into it will say
    flush(folder.parent)


def visible(folder: Path) -> list["os.DirEntry[str]"]:
    """What is in a folder by name, hidden names left out, which are being written; nothing where there is no folder.

    Raises:
        LakeError: it cannot be listed; a glob would leave out what is in it and say nothing.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LakeError(
            f"{error.filename or folder} cannot be listed ({error.strerror}), so what is in it would be missing. "
            "Make it readable, or move it out of the lake."
        ) from error


def listable(folder: Path) -> Path:
    """`folder`, once every folder in it was listed: a glob passes over one that it may not list and says nothing.

    Raises:
        OSError: one cannot be listed; it names it.
    """

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # it is gone since its parent was listed, or never was
            raise error

    for _ in os.walk(folder, onerror=refuse):
        pass
    return folder


def rename(path: Path, target: Path) -> None:
    """Give a file another name in its folder, durably.

    Raises:
        NotWrittenError: the folder may not be written; the file has its name.
    """
    with explained(path, "renamed"):
        os.replace(path, target)
        flush(target.parent)


def remove(path: Path) -> None:
    """Remove a file that may be gone already, durably.

    Raises:
        NotWrittenError: the folder may not be written; the file is there.
    """
    with explained(path, "removed"):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        flush(path.parent)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")  # same folder: the rename is atomic


@contextmanager
def explained(path: Path, done: str = "written") -> Iterator[None]:
    """Says in words what a person can put right; anything else passes.

    Args:
        done: what was not done with `path`.

    Raises:
        NotWrittenError: the disk or the quota is full, or the folder may not be written.
    """
    try:
        yield
    except LakeError:
        raise
    except Exception as error:
        code = getattr(error, "errno", None)
        if code in _CLOSED:
            raise NotWrittenError(
                f"{path} was not {done}: {os.strerror(code).lower()}. "
                "Make the folder writable, or point KDGAT_LAKE and KDGAT_RUNS at one that is."
            ) from error
        if code in NO_SPACE or _says_full(error) or _is_full(path.parent):
            raise NotWrittenError(
                f"{path} was not {done}: the disk or your quota is full. "
                "Nothing half-written is left; free some space and run the same command again."
            ) from error
        raise


def _says_full(error: Exception) -> bool:
    """Whether its words are the system's: safetensors and polars give no error number."""
    return any(os.strerror(code) in str(error) for code in NO_SPACE)


def _is_full(folder: Path) -> bool:
    """Whether a MiB more fails for want of space; numpy and torch report such a failure without its error
    number, and a quota does not show in the file system's own figures."""
    try:
        with NamedTemporaryFile(dir=folder, prefix=".", suffix=".tmp") as probe:
            probe.write(bytes(2**20))
            probe.flush()
    except OSError as error:
        return error.errno in NO_SPACE
    return False
