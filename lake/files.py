"""Files that appear whole or not at all."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from lake.errors import LakeError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


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
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise LakeError(
                f"{path} was not written: the disk or your quota is full. "
                "Nothing half-written is left; free some space and run the same command again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise LakeError(
                f"{path} was not written: {os.strerror(error.errno).lower()}. "
                "Make the folder writable, or point KDGAT_LAKE and KDGAT_RUNS at one that is."
            ) from error
        raise
    finally:
        staged.unlink(missing_ok=True)


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
