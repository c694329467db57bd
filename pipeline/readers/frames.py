"""From columns of text to a `CanLog`: the same checks for every text format, whose reader only finds the columns."""

import gzip
import zipfile
import zlib
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.can_log import CanLog, Defects
from pipeline.errors import CaptureError

_MAX_ID = 2**29
_ERROR_FRAME = 2**29  # SocketCAN's flag for a frame in which the controller reports an error
_CLASSIC_BYTES, _FD_BYTES = 8, 64


def bytes_of(path: Path) -> bytes:
    """The content of a capture file, unpacked where it is gzip or a zip of one member.

    Raises:
        CaptureError: it is missing, empty, unreadable, damaged or cut off.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz" and data:
            data = gzip.decompress(data)
        elif path.suffix == ".zip" and data:
            data = _only_member(path)
    except FileNotFoundError as error:
        raise CaptureError(f"{path} does not exist. Check KDGAT_DATA and the dataset's folder.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise CaptureError(f"{path}: the archive is damaged or cut off ({error}). Fetch it again.") from error
    except OSError as error:
        raise CaptureError(
            f"{path} cannot be read: {error.strerror or error}. Check who may read it, or leave it out of the dataset."
        ) from error
    if not data:
        raise CaptureError(f"{path} is empty. Fetch it again, or leave it out of the dataset.")
    return data


def _only_member(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise CaptureError(f"{path} holds {len(names)} files, not one log. Unpack it and name the log itself.")
        return archive.read(names[0])


def lines_of(path: Path) -> pl.DataFrame:
    """One column `line` with the lines of a text capture, empty ones left out.

    Raises:
        CaptureError: as `bytes_of`, or the file is not text.
    """
    data = bytes_of(path)
    if b"\0" in data[:4096]:
        raise CaptureError(f"{path} is a binary file, not a text log. Check the dataset's reader in the catalogue.")
    try:
        # a separator that no text log holds: the whole line becomes one field
        rows = pl.read_csv(data, has_header=False, separator="\x1f", quote_char=None, schema={"line": pl.String})
    except pl.exceptions.PolarsError as error:
        raise CaptureError(f"{path} cannot be read as text: {str(error).splitlines()[0]}") from error
    rows = rows.select(pl.col("line").str.strip_chars()).filter(pl.col("line").str.len_bytes() > 0)
    if rows.is_empty():
        raise CaptureError(f"{path} holds no frames. Fetch the file again, or leave it out.")
    return rows


def to_can_log(
    path: Path, rows: pl.DataFrame, table: pl.DataFrame, is_labelled: bool = True, id_base: int = 16,
    longest: int = _CLASSIC_BYTES, has_error_frames: bool = False,
) -> CanLog:  # fmt: skip
    """The frames of a table of text columns, once every row is known to be a frame.

    Args:
        rows: [N] the rows as they stand in the file, for messages.
        table: [N] `timestamp` (seconds, float), `arbitration_id` (hex), `payload` (hex without separators, null or
            empty where there is none), `attack` (0 or 1), and optionally `dlc` (bytes announced by the file).
        longest: bytes that a payload of this format may have.
        has_error_frames: whether an ID may carry SocketCAN's error flag.

    Raises:
        CaptureError: naming the file, the first row at fault, the reason and how many there are.
    """
    payload = pl.col("payload").fill_null("")
    trimmed, id_trimmed = payload.str.strip_chars(), pl.col("arbitration_id").str.strip_chars()
    parsed = table.select(
        "timestamp",
        "attack",
        digits=trimmed.str.len_bytes(),
        hex=trimmed,
        number=id_trimmed.str.to_integer(base=id_base, dtype=pl.Int64, strict=False),
        has_signed_id=id_trimmed.str.contains("[+-]"),
        has_signed_payload=trimmed.str.contains("[+-]"),
        repaired=(trimmed != payload) | (id_trimmed != pl.col("arbitration_id")),
        announced=pl.col("dlc") if "dlc" in table.columns else trimmed.str.len_bytes() // 2,
    )
    time, number, digits = parsed["timestamp"], parsed["number"], parsed["digits"]
    refuse(path, rows, time.is_null() | ~time.is_finite(), "timestamp is no number")
    is_error = (number >= _ERROR_FRAME) & (number < 2 * _ERROR_FRAME) & has_error_frames
    misfit = number.is_null() | parsed["has_signed_id"] | ((number >= _MAX_ID) & ~is_error)
    refuse(path, rows, misfit, "arbitration_id is no CAN ID in hex")
    refuse(path, rows, (digits % 2 == 1) | (digits > 2 * longest), f"payload is not 0 to {longest} bytes in hex")
    refuse(path, rows, parsed["has_signed_payload"], "payload is not hex")
    refuse(path, rows, parsed["announced"] != digits // 2, "payload has another length than its DLC says")
    refuse(path, rows, parsed["attack"].is_null() | (parsed["attack"] > 1), "attack is neither 0 nor 1")
    return _assembled(path, rows.filter(~is_error), parsed.filter(~is_error), int(is_error.sum()), is_labelled)


def refuse(path: Path, rows: pl.DataFrame, faulty: pl.Series, reason: str) -> None:
    """Raises CaptureError where any row is at fault; a null counts as one."""
    found = faulty.fill_null(True).arg_true()
    if len(found):
        row = int(found[0])
        content = shown(",".join(map(str, rows.row(row))).encode())
        raise CaptureError(
            f"{path}: data row {row + 1}: {reason} ({content}); {len(found)} such rows. "
            "The file may be cut off or edited, or of another format; fetch it again, or see ./run data inspect."
        )


def shown(line: bytes) -> str:
    """A line's beginning as it may stand in a message."""
    return repr(line[:80].decode("utf-8", errors="replace"))


def _assembled(path: Path, rows: pl.DataFrame, parsed: pl.DataFrame, n_errors: int, is_labelled: bool) -> CanLog:
    is_classic = bool((parsed["digits"] <= 2 * _CLASSIC_BYTES).all())
    width = _CLASSIC_BYTES if is_classic else _FD_BYTES
    timestamp_s = parsed["timestamp"].to_numpy().copy()
    return CanLog(
        path=path,
        timestamp_s=timestamp_s,
        arbitration_id=parsed["number"].cast(pl.UInt32).to_numpy(),
        dlc=(parsed["digits"] // 2).cast(pl.UInt8).to_numpy(),
        payload=_payload_bytes(path, rows, parsed["hex"], width),
        is_attack=parsed["attack"].to_numpy() == 1,
        is_labelled=is_labelled,
        defects=Defects(
            empty_payloads=int((parsed["digits"] == 0).sum()),
            backward_steps=int((np.diff(timestamp_s) < 0).sum()),
            repaired_rows=int(parsed["repaired"].sum()),
            error_frames=n_errors,
        ),
    )


def _payload_bytes(path: Path, rows: pl.DataFrame, text: pl.Series, width: int) -> np.ndarray:
    """[N, width] bytes, zero behind a payload's end; eight bytes at a time through one integer."""
    padded = text.str.pad_end(2 * width, "0")
    words = []
    for start in range(0, 2 * width, 16):
        word = padded.str.slice(start, 16).str.to_integer(base=16, dtype=pl.UInt64, strict=False)
        refuse(path, rows, word.is_null(), "payload is not hex")
        words.append(word.to_numpy().byteswap())
    return np.stack(words, axis=1).view(np.uint8)
