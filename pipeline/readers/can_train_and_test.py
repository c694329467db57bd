"""can-train-and-test CSV (Lampe and Meng, Computers & Security 140, 2024), plain or gzip.

Header `timestamp,arbitration_id,data_field,attack`: seconds, a hex ID without 0x, a hex payload of up to
8 bytes without separators, 0 or 1. What the published files hold besides is handled on purpose:
IDs have 3 digits or more; a payload may be empty (an attack frame of no bytes, not a missing value);
a payload or an ID may carry stray white space, which is trimmed and counted; timestamps may step back by
milliseconds, and rows then keep their order, which is the order of the bus.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.can_log import CanLog, Defects
from pipeline.errors import CaptureError

COLUMNS = {
    "timestamp": pl.Float64,
    "arbitration_id": pl.String,
    "data_field": pl.String,
    "attack": pl.UInt8,
}
_HEADER = ",".join(COLUMNS).encode()
_MAX_ID = 2**29


def read(path: Path) -> CanLog:
    """The frames of one capture.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    data = _bytes_of(path)
    first_line = data[:1024].split(b"\n", 1)[0].strip().removeprefix(b"\xef\xbb\xbf")
    if first_line != _HEADER:
        raise CaptureError(
            f"{path}: the first line is {_shown(first_line)}, not {_HEADER.decode()}. "
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
    return _to_can_log(path, rows)


def _bytes_of(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz" and data:
            data = gzip.decompress(data)
    except FileNotFoundError as error:
        raise CaptureError(f"{path} does not exist. Check KDGAT_DATA and the dataset's folder.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CaptureError(f"{path}: the gzip file is damaged or cut off ({error}). Fetch it again.") from error
    except OSError as error:
        raise CaptureError(
            f"{path} cannot be read: {error.strerror or error}. Check who may read it, or leave it out of the dataset."
        ) from error
    if not data:
        raise CaptureError(f"{path} is empty. Fetch it again, or leave it out of the dataset.")
    return data


def _to_can_log(path: Path, rows: pl.DataFrame) -> CanLog:
    # A payload of no bytes is read as null; every other null is a fault.
    text = pl.col("data_field").fill_null("")
    id_text = pl.col("arbitration_id")
    trimmed = text.str.strip_chars()
    table = rows.select(
        timestamp=pl.col("timestamp"),
        arbitration_id=id_text.str.strip_chars().str.to_integer(base=16, dtype=pl.Int64, strict=False),
        digits=trimmed.str.len_bytes(),
        word=trimmed.str.pad_end(16, "0").str.to_integer(base=16, dtype=pl.UInt64, strict=False),
        attack=pl.col("attack"),
        has_signed_id=id_text.str.contains("[+-]"),
        has_signed_payload=trimmed.str.starts_with("+"),
        repaired=(trimmed != text) | (id_text.str.strip_chars() != id_text),
    )
    _refuse(path, rows, table["timestamp"].is_null() | ~table["timestamp"].is_finite(), "timestamp is no number")
    number = table["arbitration_id"]
    _refuse(
        path,
        rows,
        number.is_null() | table["has_signed_id"] | (number >= _MAX_ID),
        "arbitration_id is no CAN ID in hex",
    )
    digits = table["digits"]
    _refuse(path, rows, (digits > 16) | (digits % 2 == 1), "data_field is not 0 to 8 bytes in hex")
    _refuse(path, rows, table["word"].is_null() | table["has_signed_payload"], "data_field is not hex")
    _refuse(path, rows, table["attack"].is_null() | (table["attack"] > 1), "attack is neither 0 nor 1")
    timestamp_s = table["timestamp"].to_numpy().copy()
    return CanLog(
        path=path,
        timestamp_s=timestamp_s,
        arbitration_id=number.cast(pl.UInt32).to_numpy(),
        dlc=(digits // 2).cast(pl.UInt8).to_numpy(),
        payload=table["word"].to_numpy().byteswap().view(np.uint8).reshape(-1, 8),
        is_attack=table["attack"].to_numpy() == 1,
        defects=Defects(
            empty_payloads=int((digits == 0).sum()),
            backward_steps=int((np.diff(timestamp_s) < 0).sum()),
            repaired_rows=int(table["repaired"].sum()),
        ),
    )


def _refuse(path: Path, rows: pl.DataFrame, faulty: pl.Series, reason: str) -> None:
    found = faulty.fill_null(True).arg_true()
    if len(found):
        row = int(found[0])
        raise CaptureError(
            f"{path}: data row {row + 1}: {reason} ({_shown(','.join(map(str, rows.row(row))).encode())}); "
            f"{len(found)} such rows. The file may be cut off or edited; fetch it again."
        )


def _shown(line: bytes) -> str:
    return repr(line[:80].decode("utf-8", errors="replace"))
