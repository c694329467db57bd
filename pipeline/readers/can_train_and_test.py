"""can-train-and-test CSV (Lampe and Meng, Computers & Security 140, 2024), plain or gzip.

Header `timestamp,arbitration_id,data_field,attack`: seconds, a hex ID without 0x, a hex payload of up to
8 bytes without separators, 0 or 1; a recording of one's own may leave the last column away. What the
published files hold besides is handled on purpose:
IDs have 3 digits or more; a payload may be empty (an attack frame of no bytes, not a missing value);
a payload or an ID may carry stray white space, which is trimmed and counted; timestamps may step back by
milliseconds, and rows then keep their order, which is the order of the bus.
"""

from pathlib import Path

import polars as pl

from pipeline.errors import CaptureError
from pipeline.readers.blocks import first_line, shown
from pipeline.readers.frames import Format, Part, to_part
from pipeline.readers.stream import Parse
from pipeline.readers.tables import read_columns

COLUMNS = {
    "timestamp": pl.Float64,
    "arbitration_id": pl.String,
    "data_field": pl.String,
    "attack": pl.UInt8,
}
_HEADER = ",".join(COLUMNS).encode()
_WITHOUT_LABELS = _HEADER.removesuffix(b",attack")


def start(path: Path, block: bytes) -> tuple[int, Parse]:
    """Raises CaptureError where the first line is another header."""
    header = first_line(block)
    if header not in (_HEADER, _WITHOUT_LABELS):
        raise CaptureError(
            f"{path}: the first line is {shown(header)}, not {_HEADER.decode()}. "
            "This is not a can-train-and-test CSV; check the dataset's reader in the catalogue."
        )
    is_labelled = header == _HEADER
    columns = {name: kind for name, kind in COLUMNS.items() if is_labelled or name != "attack"}
    form = Format(is_labelled=is_labelled)

    def parse(rows_of: bytes) -> Part:
        rows = read_columns(rows_of, columns)
        table = rows.rename({"data_field": "payload"})
        if not is_labelled:
            table = table.with_columns(attack=pl.lit(0, dtype=pl.UInt8))
        return to_part(path, rows, table, form)

    return _end_of_line(block), parse


def _end_of_line(block: bytes) -> int:
    return block.find(b"\n") + 1 or len(block)
