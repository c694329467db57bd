"""Files that appear whole or not at all."""

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

from lake.errors import LakeError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last: over the limit on a file's size


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file to write beside `path`; it takes the name once its bytes are on the disk.

    Raises:
        LakeError: the disk or the quota is full, or the folder may not be written; `path` is as before.
    """
    staged = path.with_name(f".{path.name}.{uuid4().hex}.tmp")  # same folder: the rename is atomic
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield staged
        _flush(staged)
        os.replace(staged, path)
        _flush(path.parent)  # the new name itself must survive a power cut
    except Exception as error:
        code = getattr(error, "errno", None)
        if code in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise LakeError(
                f"{path} was not written: {os.strerror(code).lower()}. "
                "Make the folder writable, or point KDGAT_LAKE and KDGAT_RUNS at one that is."
            ) from error
        if code in _NO_SPACE or _says_full(error) or _is_full(path.parent):
            raise LakeError(
                f"{path} was not written: the disk or your quota is full. "
                "Nothing half-written is left; free some space and run the same command again."
            ) from error
        raise
    finally:
        staged.unlink(missing_ok=True)


def _says_full(error: Exception) -> bool:
    """Whether its words are the system's: safetensors and polars give no error number."""
    return any(os.strerror(code) in str(error) for code in _NO_SPACE)


def _is_full(folder: Path) -> bool:
    """Whether a MiB more fails for want of space; numpy and torch report such a failure without its error
    number, and a quota does not show in the file system's own figures."""
    try:
        with NamedTemporaryFile(dir=folder, prefix=".", suffix=".tmp") as probe:
            probe.write(bytes(2**20))
            probe.flush()
    except OSError as error:
        return error.errno in _NO_SPACE
    return False


def write_whole(path: Path, data: bytes) -> None:
    with whole_file(path) as staged:
        staged.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    write_whole(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
