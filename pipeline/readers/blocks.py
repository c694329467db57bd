"""A capture file as blocks of whole lines, unpacked on the way, so that no file is too large to read."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from pipeline.errors import CaptureError

BLOCK_BYTES = 4 * 2**20
_LONGEST_LINE = 2**16


def text_blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Blocks of about `size` bytes that end where a line ends; at least one.

    Raises:
        CaptureError: the file is missing, empty, unreadable, damaged, cut off, or no text.
    """
    with opened(path) as file:
        is_first = True
        while block := file.read(size):
            if block[-1:] != b"\n":
                tail = file.readline(_LONGEST_LINE)
                if len(tail) == _LONGEST_LINE:
                    raise CaptureError(
                        f"{path} has a line of more than {_LONGEST_LINE} bytes, so it is no text log. "
                        "Check the dataset's reader in the catalogue."
                    )
                block += tail
            if is_first and b"\0" in first_line(block):
                raise _no_text(path, block)
            is_first = False
            yield block
        if is_first:
            raise CaptureError(f"{path} is empty. Fetch it again, or leave it out of the dataset.")


def first_bytes(path: Path, size: int = 4096) -> bytes:
    """The beginning of a capture file, unpacked.

    Raises:
        CaptureError: the file is missing, empty, unreadable or damaged.
    """
    with opened(path) as file:
        head = file.read(size)
    if not head:
        raise CaptureError(f"{path} is empty. Fetch it again, or leave it out of the dataset.")
    return head


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The content of a capture file, unpacked where it is gzip or a zip of one member; says what fails meanwhile."""
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
            file.seek(0)
            if path.suffix == ".gz" and not is_empty:
                with gzip.open(file) as unpacked:
                    yield cast(IO[bytes], unpacked)
            elif path.suffix == ".zip" and not is_empty:
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as unpacked:
                    yield unpacked
            else:
                yield file
    except FileNotFoundError as error:
        raise CaptureError(f"{path} does not exist. Check KDGAT_DATA and the dataset's folder.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise CaptureError(f"{path}: the archive is damaged or cut off ({error}). Fetch it again.") from error
    except OSError as error:
        raise CaptureError(
            f"{path} cannot be read: {error.strerror or error}. Check who may read it, or leave it out of the dataset."
        ) from error


def shown(line: bytes) -> str:
    """A line's beginning as it may stand in a message."""
    return repr(line[:80].decode("utf-8", errors="replace"))


def first_line(block: bytes) -> bytes:
    """The first line without its end, blanks around it or a byte order mark."""
    return block[:_LONGEST_LINE].split(b"\n", 1)[0].strip().removeprefix(b"\xef\xbb\xbf")


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if len(names) != 1:
        raise CaptureError(f"{path} holds {len(names)} files, not one log. Unpack it and name the log itself.")
    return names[0]


def _no_text(path: Path, block: bytes) -> CaptureError:
    return CaptureError(
        f"{path} is no text log: the first line is {shown(first_line(block))}. "
        "It is binary or packed; check the dataset's reader in the catalogue."
    )
