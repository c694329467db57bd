"""Numbered files, of which each number is given once however many processes ask for it at the same moment."""

from collections.abc import Callable
from pathlib import Path

from lake.errors import LakeError
from lake.files import staged_file, visible

_DIGITS = 6  # so that names sort as their numbers do; a larger number has as many as it needs


def put_numbered(folder: Path, number: int, data: bytes, suffix: str = ".json") -> bool:
    """Write `data` as the file of `number`, whole and on the disk; False, and nothing done, where the number is taken.

    A hard link is made only where its name is free, in one step on a local disk and on NFS, Lustre and GPFS alike,
    and the bytes are on the disk before they have the name: a kill at any instant leaves the whole file or none.

    Raises:
        LakeError: the folder cannot be written, the disk is full, or the file system knows no hard links.
    """
    path = numbered_path(folder, number, suffix)
    try:
        with staged_file(folder, path.name) as staged:
            staged.write(data)
            return staged.give_free_name(path)
    except OSError as error:
        raise LakeError(
            f"{path} was not written: {(error.strerror or str(error)).lower()}. Make room or make the folder writable, "
            "look at what is there, and run the same command again; a lake needs a file system with hard links."
        ) from error


def put_next(folder: Path, data_of: Callable[[int], bytes], suffix: str = ".json") -> int:
    """Write the file of the next free number and give that number; `data_of` is asked anew for each number tried."""
    number = last_number(folder, suffix) + 1
    while not put_numbered(folder, number, data_of(number), suffix):
        number += 1  # not from a new listing: that of a network file system may be seconds old
    return number


def numbers(folder: Path, suffix: str = ".json") -> list[int]:
    """The numbers given so far, ascending; none where there is no folder.

    Raises:
        LakeError: the folder cannot be listed, so that a number given might look free.
    """
    stems = [entry.name.removesuffix(suffix) for entry in visible(folder) if entry.name.endswith(suffix)]
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdecimal() and len(stem) >= _DIGITS)


def last_number(folder: Path, suffix: str = ".json") -> int:
    """The highest number given so far, 0 before the first."""
    return max(numbers(folder, suffix), default=0)


def numbered_path(folder: Path, number: int, suffix: str = ".json") -> Path:
    return folder / f"{number:0{_DIGITS}d}{suffix}"
