"""The digest of an owner's rows in a table: of what they say, not of the files they stand in.

The same rows give the same digest on any machine, on any day, before and after any compaction: SHA-256 over the
number of rows and, column by column in the schema's order and row by row in the key's, which values are there and
what they are (numbers as eight bytes, little-endian; times as microseconds since 1970; texts by length and UTF-8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa


def owner_digests(table: Table, data: pa.Table) -> Iterator[tuple[str, int, str]]:
    """Owner, number of rows and digest, for rows in key order of whole owners."""
    import numpy as np

    if len(data) == 0:
        return
    owners = _dictionary(data[table.owner])
    changes = np.flatnonzero(owners[1:] != owners[:-1]) + 1
    starts, stops = [0, *changes.tolist()], [*changes.tolist(), len(data)]
    buffers = [_Buffers(name, data[name]) for name in table.columns]
    names = data[table.owner]
    for start, stop in zip(starts, stops, strict=True):
        digest = hashlib.sha256(f"{table.name} {stop - start}\n".encode())
        for buffer in buffers:
            buffer.add_to(digest, start, stop)
        yield names[start].as_py(), stop - start, digest.hexdigest()


def _dictionary(values: pa.ChunkedArray) -> Any:
    return values.combine_chunks().dictionary_encode().indices.to_numpy()


class _Buffers:
    """A column's bytes, cut at rows without a copy."""

    def __init__(self, name: str, column: pa.ChunkedArray) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        values = column.combine_chunks()
        self.label = f"{name} {values.type}\n".encode()
        self.valid = pc.is_valid(values).cast(pa.uint8()).to_numpy()
        self.text: memoryview | None = None
        if pa.types.is_string(values.type):
            filled = pc.fill_null(values, "").cast(pa.large_string())
            offsets = np.frombuffer(filled.buffers()[1], np.int64)[filled.offset : filled.offset + len(filled) + 1]
            self.offsets = offsets
            self.text = memoryview(filled.buffers()[2] or b"")
            self.fixed = np.diff(offsets)
        elif pa.types.is_boolean(values.type):
            self.fixed = pc.fill_null(values, False).cast(pa.int64()).to_numpy()
        elif pa.types.is_timestamp(values.type):
            self.fixed = pc.fill_null(values.cast(pa.int64()), 0).to_numpy()
        else:
            self.fixed = pc.fill_null(values, 0).to_numpy()

    def add_to(self, digest: Any, start: int, stop: int) -> None:
        digest.update(self.label)
        digest.update(self.valid[start:stop])
        digest.update(self.fixed[start:stop])
        if self.text is not None:
            digest.update(self.text[self.offsets[start] : self.offsets[stop]])
