"""W&B's own file of a run: records in LevelDB's log format, read without W&B so far as the frame goes.

A block of 32 KiB holds records of checksum, length and type; a record may stretch over blocks. What a torn or
altered record leaves unreadable ends at the next block at the latest, and the bytes lost are counted.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.legacy.errors import MigrateError

_BLOCK = 32 * 1024
_HEADER = struct.Struct("<IHB")  # checksum, length, type
_FILE_HEADER = struct.Struct("<4sHB")
_IDENT, _MAGIC = b":W&B", 0xBEE1
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


@dataclass
class Losses:
    """What of a file could not be read: where, and how many bytes."""

    at: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(size for _, size in self.at)


def read_records(path: Path, losses: Losses) -> Iterator[bytes]:
    """Every record that is whole, in order; what is not is added to `losses`.

    Raises:
        MigrateError: it is no file of W&B's.
    """
    data = path.read_bytes()
    if len(data) < _FILE_HEADER.size or _FILE_HEADER.unpack_from(data)[:2] != (_IDENT, _MAGIC):
        raise MigrateError(f"{path} is no W&B run file: it does not begin with {_IDENT.decode()}. Give a whole copy.")
    place, pieces = _FILE_HEADER.size, list[bytes]()
    while place < len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER.size:  # too little for a record: padding
            place += left
            continue
        record = _record(data, place)
        if record is None:
            lost = min(left, len(data) - place)
            losses.at.append((place, lost + sum(map(len, pieces))))
            place, pieces = place + lost, []
            continue
        kind, body = record
        place += _HEADER.size + len(body)
        if kind in (_FULL, _FIRST):
            pieces = []
        elif not pieces:
            losses.at.append((place - len(body), len(body)))  # the rest of a record whose beginning is lost
            continue
        pieces.append(body)
        if kind in (_FULL, _LAST):
            yield b"".join(pieces)
            pieces = []
    if pieces:
        losses.at.append((len(data), sum(map(len, pieces))))


def _record(data: bytes, place: int) -> tuple[int, bytes] | None:
    """Type and body of the record at `place`, or None where it is cut off or altered."""
    if place + _HEADER.size > len(data):
        return None
    checksum, length, kind = _HEADER.unpack_from(data, place)
    body = data[place + _HEADER.size : place + _HEADER.size + length]
    if len(body) < length or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
        return None
    return (kind, body) if zlib.crc32(bytes([kind]) + body) == checksum else None
