"""The lab's own Parquet: `timestamp` (seconds), `id` (integer), `data_field` (hex), `label` (0 or 1)."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers.blocks import first_bytes
from pipeline.readers.frames import Format, Part, RowError, to_part
from pipeline.readers.stream import in_order

COLUMNS = ("timestamp", "id", "data_field", "label")
_FRAME_BYTES = 40  # of a frame in a text log, so that chunks are alike in all formats


def chunks(path: Path, size: int) -> Iterator[CanLog]:
    """The frames of one file; `source_file` and other columns are left aside, and `label` may be missing.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    first_bytes(path)  # says what is missing, empty or may not be read
    yield from in_order(path, _parts(path, max(1, size // _FRAME_BYTES)))


def _parts(path: Path, n_frames: int) -> Iterator[Part | RowError]:
    try:
        with pq.ParquetFile(path) as file:
            names = set(file.schema_arrow.names)
            missing = [name for name in COLUMNS if name not in names and name != "label"]
            if missing:
                raise pa.ArrowInvalid(f"it has no column {', '.join(missing)}.")
            is_labelled = "label" in names
            kept = [name for name in COLUMNS if name in names]
            for batch in file.iter_batches(batch_size=n_frames, columns=kept):
                rows = pl.DataFrame(pl.from_arrow(batch))
                yield _part_or_fault(path, rows, is_labelled)
    except (pa.ArrowException, OSError) as error:
        raise CaptureError(
            f"{path} is no Parquet of the columns {', '.join(COLUMNS)}: {str(error).splitlines()[0]} "
            "Check the dataset's reader in the catalogue, or fetch the file again."
        ) from error


def _part_or_fault(path: Path, rows: pl.DataFrame, is_labelled: bool) -> Part | RowError:
    table = rows.select(
        timestamp=pl.col("timestamp").cast(pl.Float64, strict=False),
        arbitration_id=pl.col("id").cast(pl.Int64, strict=False),
        payload=pl.col("data_field").cast(pl.String),
        attack=pl.col("label").cast(pl.UInt8, strict=False) if is_labelled else pl.lit(0, dtype=pl.UInt8),
    )
    try:
        return to_part(path, rows, table, Format(is_labelled=is_labelled))
    except RowError as fault:
        return fault
