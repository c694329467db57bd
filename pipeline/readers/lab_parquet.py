"""The lab's own Parquet: `timestamp` (seconds), `id` (integer), `data_field` (hex), `label` (0 or 1)."""

from pathlib import Path

import polars as pl

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers.frames import bytes_of, to_can_log

COLUMNS = ("timestamp", "id", "data_field", "label")


def read(path: Path) -> CanLog:
    """The frames of one file; `source_file` and other columns are left aside.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    try:
        rows = pl.read_parquet(bytes_of(path), columns=list(COLUMNS))
    except pl.exceptions.PolarsError as error:
        raise CaptureError(
            f"{path} is no Parquet of the columns {', '.join(COLUMNS)}: {str(error).splitlines()[0]} "
            "Check the dataset's reader in the catalogue, or fetch the file again."
        ) from error
    if rows.is_empty():
        raise CaptureError(f"{path} holds no frames. Fetch it again, or leave it out.")
    table = rows.select(
        timestamp=pl.col("timestamp").cast(pl.Float64, strict=False),
        arbitration_id=pl.col("id").cast(pl.String),
        payload=pl.col("data_field").cast(pl.String),
        attack=pl.col("label").cast(pl.UInt8, strict=False),
    )
    return to_can_log(path, rows, table, id_base=10)
