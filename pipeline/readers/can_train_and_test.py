"""can-train-and-test CSV (Lampe and Meng, Computers & Security 140, 2024), plain or gzip.

Header `timestamp,arbitration_id,data_field,attack`: seconds, a hex ID without 0x, a hex payload of up to
8 bytes without separators, 0 or 1. What the published files hold besides is handled on purpose:
IDs have 3 digits or more; a payload may be empty (an attack frame of no bytes, not a missing value);
a payload or an ID may carry stray white space, which is trimmed and counted; timestamps may step back by
milliseconds, and rows then keep their order, which is the order of the bus.
"""

from pathlib import Path

import polars as pl

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers.frames import bytes_of, shown, to_can_log

COLUMNS = {
    "timestamp": pl.Float64,
    "arbitration_id": pl.String,
    "data_field": pl.String,
    "attack": pl.UInt8,
}
_HEADER = ",".join(COLUMNS).encode()


def read(path: Path) -> CanLog:
    """The frames of one capture.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    data = bytes_of(path)
    first_line = data[:1024].split(b"\n", 1)[0].strip().removeprefix(b"\xef\xbb\xbf")
    if first_line != _HEADER:
        raise CaptureError(
            f"{path}: the first line is {shown(first_line)}, not {_HEADER.decode()}. "
            "This is not a can-train-and-test CSV; check the dataset's reader in the catalogue."
        )
    try:
        rows = pl.read_csv(data, schema=COLUMNS, quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise CaptureError(
            f"{path}: a row does not fit the columns {_HEADER.decode()}: {str(error).splitlines()[0]} "
            "The file may be cut off or edited; fetch it again."
        ) from error
    if rows.is_empty():
        raise CaptureError(f"{path}: no frames below the header. Fetch the file again, or leave it out.")
    table = rows.rename({"data_field": "payload"})
    return to_can_log(path, rows, table)
