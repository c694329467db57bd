"""DAGA (Stabili et al. 2022): a zip of one CSV, `timestamp,CAN_ID,DLC,PAYLOAD_HEX,PAYLOAD_BIN,ANOMALY`.

IDs are hex without padding; injected rows of the replay files carry some as `290.0`, a number's text, and are taken
for what they were (counted as repaired). ANOMALY is True, False, TRUE or FALSE, and DLC counts bits although the
publisher's text says bytes.
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
    "CAN_ID": pl.String,
    "DLC": pl.UInt32,
    "PAYLOAD_HEX": pl.String,
    "PAYLOAD_BIN": pl.String,
    "ANOMALY": pl.String,
}


def start(path: Path, block: bytes) -> tuple[int, Parse]:
    """Raises CaptureError where the first line is another header."""
    header = first_line(block)
    if header.decode("utf-8", "replace") != ",".join(COLUMNS):
        raise CaptureError(
            f"{path}: the first line is {shown(header)}, not {','.join(COLUMNS)}. Check the dataset's reader."
        )

    def parse(rows_of: bytes) -> Part:
        rows = read_columns(rows_of, COLUMNS).drop("PAYLOAD_BIN")
        label = pl.col("ANOMALY").str.to_uppercase()
        table = rows.select(
            timestamp="timestamp",
            arbitration_id=pl.col("CAN_ID").str.replace(r"\.0$", " "),  # white space is trimmed and counted
            dlc=pl.col("DLC") // 8,
            payload="PAYLOAD_HEX",
            attack=label.replace_strict({"TRUE": 1, "FALSE": 0}, default=None, return_dtype=pl.UInt8),
        )
        return to_part(path, rows, table, Format())

    return block.find(b"\n") + 1 or len(block), parse
