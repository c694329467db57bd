"""The layouts of the Hacking and Countermeasure Research Lab (Korea University).

Attack CSV (Car-Hacking, Survival Analysis): `timestamp,ID,DLC,byte0,…,byteN-1,flag` without a header; a frame of
fewer than 8 bytes has fewer columns, so its flag (R regular, T injected) stands further left. Reading by column
number, as public loaders do, takes a flag for a byte; here the flag is the last field and DLC counts the bytes.

Text (`normal_run_data.txt`, OTIDS): `Timestamp: 1479121839.997360  ID: 04f0  000  DLC: 8  00 00 00 80 00 60 03 14`;
the field behind the ID is 100 for a remote frame, which asks for data and carries none. Benign recordings, no labels.
"""

from pathlib import Path

import polars as pl

from pipeline.readers.frames import Format, Part, refuse, to_part
from pipeline.readers.stream import Parse
from pipeline.readers.tables import read_fields, read_lines

_TEXT = r"^Timestamp:\s*(?P<timestamp>\S+)\s+ID:\s*(?P<id>\S+)\s+(?P<kind>\d{3})\s+DLC:\s*(?P<dlc>\d+)\s*(?P<bytes>.*)$"


def start_csv(path: Path, _: bytes) -> tuple[int, Parse]:
    """An attack CSV, one label a frame."""

    def parse(lines: bytes) -> Part:
        rows, table = _plain(lines) or _any(lines)
        return to_part(path, rows, table.with_columns(attack=(pl.col("flag") == "T").cast(pl.UInt8)), Format())

    return 0, parse


def _plain(block: bytes) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Rows and table of a block without blanks around its fields, else None."""
    rows = read_fields(block, ",", 12)
    if rows is None:
        return None
    tail = pl.concat_str([pl.col(str(index)) for index in range(3, 12)], ignore_nulls=True)  # the bytes, then the flag
    table = rows.select(
        timestamp=pl.col("0").cast(pl.Float64, strict=False),
        arbitration_id="1",
        dlc=pl.col("2").cast(pl.UInt32, strict=False),
        payload=tail.str.head(-1),
        flag=tail.str.tail(1),
    )
    return (rows, table) if table["flag"].is_in(["R", "T"]).all() and not table["dlc"].null_count() else None


def _any(block: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and table of a block, whatever stands around its fields.

    Raises:
        RowError: a line has no flag at its end.
    """
    rows, fields = read_lines(block), pl.col("line").str.split(",")
    parts = rows.select(
        count=fields.list.len(),
        flag=fields.list.last().str.strip_chars(),
        timestamp=fields.list.get(0, null_on_oob=True).str.strip_chars().cast(pl.Float64, strict=False),
        arbitration_id=fields.list.get(1, null_on_oob=True),
        dlc=fields.list.get(2, null_on_oob=True).str.strip_chars().cast(pl.UInt32, strict=False),
        payload=fields.list.slice(3, fields.list.len().cast(pl.Int64) - 4).list.join(""),
    )
    misfit = (parts["count"] < 4) | ~parts["flag"].is_in(["R", "T"])
    refuse(rows, misfit, "this is not timestamp,ID,DLC,bytes…,flag with flag R or T")
    return rows, parts


def start_text(path: Path, _: bytes) -> tuple[int, Parse]:
    """A text log; its frames are benign by the publisher's word."""

    def parse(lines: bytes) -> Part:
        rows = read_lines(lines)
        parts = rows["line"].str.extract_groups(_TEXT).struct.unnest()
        refuse(rows, parts["timestamp"].is_null(), "this is not Timestamp: … ID: … DLC: …")
        table = parts.select(
            timestamp=pl.col("timestamp").cast(pl.Float64, strict=False),
            arbitration_id="id",
            dlc=pl.col("dlc").cast(pl.UInt32, strict=False),
            payload=pl.col("bytes").str.replace_all(r"\s+", ""),
            attack=pl.lit(0, dtype=pl.UInt8),
        )
        return to_part(path, rows, table, Format())

    return 0, parse
