"""DAGA (Stabili et al. 2022): a zip of one CSV, `timestamp,CAN_ID,DLC,PAYLOAD_HEX,PAYLOAD_BIN,ANOMALY`.

IDs are hex without padding; injected rows of the replay files carry some as `290.0`, a number's text, and are taken
for what they were (counted as repaired). ANOMALY is True, False, TRUE or FALSE, and DLC counts bits although the
publisher's text says bytes.
"""

from pathlib import Path

import polars as pl

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers.frames import bytes_of, to_can_log

COLUMNS = {
    "timestamp": pl.Float64,
    "CAN_ID": pl.String,
    "DLC": pl.UInt32,
    "PAYLOAD_HEX": pl.String,
    "PAYLOAD_BIN": pl.String,
    "ANOMALY": pl.String,
}


def read(path: Path) -> CanLog:
    """The one log in the zip, or an unpacked one.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    data = bytes_of(path)
    if data[:200].split(b"\n", 1)[0].strip().decode("utf-8", "replace") != ",".join(COLUMNS):
        raise CaptureError(f"{path}: the first line is not {','.join(COLUMNS)}. Check the dataset's reader.")
    try:
        rows = pl.read_csv(data, schema=COLUMNS, quote_char=None)
    except pl.exceptions.PolarsError as error:
        raise CaptureError(f"{path}: a row does not fit the columns: {str(error).splitlines()[0]}") from error
    label = rows["ANOMALY"].str.to_uppercase()
    table = rows.select(
        timestamp="timestamp",
        arbitration_id=pl.col("CAN_ID").str.replace(r"\.0$", " "),  # white space is trimmed and counted
        dlc=pl.col("DLC") // 8,
        payload="PAYLOAD_HEX",
        attack=label.replace_strict({"TRUE": 1, "FALSE": 0}, default=None, return_dtype=pl.UInt8),
    )
    return to_can_log(path, rows.drop("PAYLOAD_BIN"), table)
