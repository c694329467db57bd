"""Moving a folder so that at every instant all of it is in one place or the other."""

import os
import shutil
from pathlib import Path

from lake.files import sha256_of
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.found import Move
from pipeline.legacy.layout import files_of


def plan_move(old: Path, new: Path) -> Move:
    files = files_of(old)
    return Move(old, new, len(files), size_of(old), _device(old) != _device(new))


def move_folder(move: Move) -> None:
    """Rename; on another file system copy, compare, give the name, and only then delete.

    Raises:
        MigrateError: it cannot be moved; the old folder is whole.
    """
    try:
        move.new.parent.mkdir(parents=True, exist_ok=True)
        if not move.copies:
            os.rename(move.old, move.new)
            return
        if not move.new.exists():
            _copy(move)
        if not is_copy_of(move.new, move.old):
            raise MigrateError(f"{move.new} is there with other files than {move.old}. Rename one of them.")
        shutil.rmtree(move.old)
    except OSError as error:
        raise MigrateError(
            f"{move.old} could not be moved to {move.new} ({error.strerror or error}). "
            "What was moved before stays moved; the same command goes on."
        ) from error


def _copy(move: Move) -> None:
    staged = move.new.with_name(f".{move.new.name}.moving")
    shutil.rmtree(staged, ignore_errors=True)  # of a copy that was killed
    shutil.copytree(move.old, staged, symlinks=True)
    if not is_copy_of(staged, move.old):
        shutil.rmtree(staged)
        raise MigrateError(
            f"the copy of {move.old} differs from it: something writes to it. Stop that, then try again."
        )
    os.sync()  # the old folder is deleted next
    os.rename(staged, move.new)


def is_copy_of(copy: Path, folder: Path) -> bool:
    """Whether every file of the folder is in the copy with the same bytes."""
    return all(_same(copy / path.relative_to(folder), path) for path in files_of(folder))


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and os.readlink(one) == os.readlink(other)
    return one.is_file() and sha256_of(one) == sha256_of(other)


def remove_empty(folder: Path) -> None:
    """Remove folders that hold nothing, from the innermost; one that holds something stays."""
    for path in sorted([*folder.rglob("*"), folder], reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in files_of(folder))


def _device(path: Path) -> int:
    """Of the file system that the path is on, or would be."""
    while not path.exists():
        path = path.parent
    return path.stat().st_dev
