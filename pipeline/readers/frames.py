"""From columns of text to frames: the same checks for every format, whose reader only finds the columns.

Clean rows take a quick way, in which a pair of hex digits is looked up at once. Where a block holds anything
else, white space is trimmed and every check is made row by row: it passes, or it says the row and the reason.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.can_log import CanLog, Defects
from pipeline.readers.blocks import shown

MAX_ID = 2**29
_ERROR_FRAME = 2**29  # SocketCAN's flag for a frame in which the controller reports an error
CLASSIC_BYTES, FD_BYTES = 8, 64
_NO_HEX = 2**8


class RowError(Exception):
    """A row that is no frame: its index in the block, why, what stands there and how many there are."""

    def __init__(self, row: int, reason: str, content: str, count: int) -> None:
        super().__init__(reason)
        self.row, self.reason, self.content, self.count = row, reason, content, count


@dataclass(frozen=True)
class Part:
    """The frames of one block and how many rows they came from."""

    log: CanLog
    n_rows: int


@dataclass(frozen=True)
class Format:
    """What a text format may hold: longest payload in bytes, frames that report an error, labels."""

    longest: int = CLASSIC_BYTES
    has_error_frames: bool = False
    is_labelled: bool = True


def to_part(path: Path, rows: pl.DataFrame, table: pl.DataFrame, form: Format) -> Part:
    """The frames of a block, once every row is known to be a frame.

    Args:
        rows: [N] the rows as they stand in the file, for messages.
        table: [N] `timestamp` (seconds, float), `arbitration_id` (hex text, or a number), `payload` (hex without
            separators, null or empty where there is none), `attack` (0 or 1), and optionally `dlc` (bytes announced
            by the file).

    Raises:
        RowError: the first row at fault.
    """
    n_repaired = 0
    decoded = _decoded(table, form)
    if decoded is None:
        table, n_repaired = _trimmed(table)
        _refuse_faulty(rows, table, form)
        decoded = _decoded(table, form)
        assert decoded is not None, "every reason not to decode is a check"
    numbers, dlc, payload = decoded
    time, is_attack = table["timestamp"].to_numpy(), table["attack"].to_numpy() == 1
    is_frame = numbers < _ERROR_FRAME
    if not is_frame.all():
        time, numbers, dlc, payload, is_attack = (c[is_frame] for c in (time, numbers, dlc, payload, is_attack))
    defects = Defects(
        empty_payloads=int((dlc == 0).sum()), repaired_rows=n_repaired, error_frames=table.height - len(time)
    )
    return Part(CanLog(path, time, numbers, dlc, payload, is_attack, form.is_labelled, defects), table.height)


def refuse(rows: pl.DataFrame, faulty: pl.Series, reason: str) -> None:
    """Raises RowError where any row is at fault; a null counts as one."""
    found = faulty.fill_null(True).arg_true()
    if len(found):
        row = int(found[0])
        content = shown(",".join("" if field is None else str(field) for field in rows.row(row)).encode())
        raise RowError(row, reason, content, len(found))


def _decoded(table: pl.DataFrame, form: Format) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """IDs, lengths and payload bytes, or None where any row needs a second look."""
    time, attack = table["timestamp"], table["attack"]
    if time.null_count() or not np.isfinite(time.to_numpy()).all():
        return None
    if attack.null_count() or int(attack.max() or 0) > 1:  # type: ignore[arg-type]
        return None
    numbers = _numbers(table["arbitration_id"])
    if numbers is None or numbers.max(initial=0) >= MAX_ID * (2 if form.has_error_frames else 1):
        return None
    digits, text = _text_of(table["payload"])
    if (digits % 2).any() or digits.max(initial=0) > 2 * form.longest:
        return None
    values = _HEX_PAIRS[text.view("<u2")]
    if values.max(initial=0) >= _NO_HEX:
        return None
    dlc = (digits // 2).astype(np.uint8)
    if "dlc" in table.columns and (table["dlc"].null_count() or (table["dlc"].to_numpy() != dlc).any()):
        return None
    return numbers, dlc, _rows_of_bytes(values.astype(np.uint8), dlc)


def _numbers(ids: pl.Series) -> NDArray[np.uint32] | None:
    if ids.dtype.is_integer():
        numbers = ids.cast(pl.UInt32, strict=False)
    else:
        numbers = ids.str.to_integer(base=16, dtype=pl.UInt32, strict=False)
        if (_text_of(ids)[1] < ord("0")).any():  # a sign, which the conversion would take
            return None
    return None if numbers.null_count() else numbers.to_numpy()


def _text_of(column: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """[N] bytes of each text, and all of them in a row; a null has none."""
    array = column.to_arrow()
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, dtype=np.uint8) if data else np.empty(0, dtype=np.uint8)
    return np.diff(bounds), text[bounds[0] : bounds[-1]]


def _rows_of_bytes(values: NDArray[np.uint8], dlc: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, 8 or 64] bytes, zero behind a payload's end."""
    longest = int(dlc.max(initial=0))
    width = CLASSIC_BYTES if longest <= CLASSIC_BYTES else FD_BYTES
    if len(values) == len(dlc) * width:
        return values.reshape(-1, width)
    payload = np.zeros((len(dlc), width), dtype=np.uint8)
    payload[np.arange(width) < dlc[:, None]] = values
    return payload


def _trimmed(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The table without white space around IDs and payloads, and how many rows had some."""
    names = ["payload"] if table["arbitration_id"].dtype.is_integer() else ["payload", "arbitration_id"]
    filled = table.with_columns(pl.col("payload").fill_null(""))
    trimmed = filled.with_columns(pl.col(names).str.strip_chars())
    is_changed = pl.any_horizontal((filled[name] != trimmed[name]).fill_null(False) for name in names)
    return trimmed, int(trimmed.select(is_changed.sum()).item())


def _refuse_faulty(rows: pl.DataFrame, table: pl.DataFrame, form: Format) -> None:
    time, ids, payload, attack = (table[name] for name in ("timestamp", "arbitration_id", "payload", "attack"))
    refuse(rows, time.is_null() | ~time.is_finite(), "timestamp is no number")
    if ids.dtype.is_integer():
        number, is_signed = ids, pl.repeat(False, len(ids), eager=True)
    else:
        number = ids.str.to_integer(base=16, dtype=pl.Int64, strict=False)
        is_signed = ids.str.contains("[+-]")
    is_error = (number >= _ERROR_FRAME) & (number < 2 * _ERROR_FRAME) & form.has_error_frames
    misfit = number.is_null() | is_signed | (number < 0) | ((number >= MAX_ID) & ~is_error)
    refuse(rows, misfit, "arbitration_id is no CAN ID in hex")
    digits = payload.str.len_bytes()
    too_long = (digits % 2 == 1) | (digits > 2 * form.longest)
    refuse(rows, too_long, f"payload is not 0 to {form.longest} bytes in hex")
    refuse(rows, ~payload.str.contains("^[0-9A-Fa-f]*$"), "payload is not hex")
    if "dlc" in table.columns:
        refuse(rows, table["dlc"] != digits // 2, "payload has another length than its DLC says")
    refuse(rows, attack.is_null() | (attack > 1), "attack is neither 0 nor 1")


def _hex_pairs() -> NDArray[np.uint16]:
    """[65536] the byte that two ASCII digits name, looked up by the two as one little-endian number."""
    table = np.full(2**16, _NO_HEX, dtype=np.uint16)
    digits = "0123456789abcdefABCDEF"
    for high in digits:
        for low in digits:
            table[int.from_bytes((high + low).encode(), "little")] = int(high + low, 16)
    return table


_HEX_PAIRS = _hex_pairs()
