"""candump logs (can-utils): `(1000000000.000000) can0 20E#4E2003A0C63F8FFF`.

`ID##F<bytes>` is a CAN FD frame with its flags digit, `ID#R` a remote frame; error frames are counted and left out.
A log carries no labels. ROAD (Verma et al. 2024) publishes the interval, ID and payload pattern of each injection
in `capture_metadata.json` beside the logs: a frame is an attack if it fits all three, borders included.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers.frames import lines_of, refuse, to_can_log

METADATA = "capture_metadata.json"
_LINE = r"^\((?P<timestamp>[^)]*)\)\s+\S+\s+(?P<id>[0-9A-Fa-f]+)#(?P<rest>\S*)"


def read(path: Path) -> CanLog:
    """A candump log, labelled where ROAD's metadata lies beside it.

    Raises:
        CaptureError: naming the file, the row and the reason.
    """
    rows = lines_of(path)
    parts = rows["line"].str.extract_groups(_LINE).struct.unnest()
    refuse(path, rows, parts["timestamp"].is_null(), "this is not (seconds) interface ID#DATA")
    rest = pl.col("rest")
    table = parts.select(
        timestamp=pl.col("timestamp").cast(pl.Float64, strict=False),
        arbitration_id="id",
        payload=pl.when(rest.str.starts_with("#")).then(rest.str.slice(2))
        .when(rest.str.starts_with("R")).then(pl.lit(""))
        .otherwise(rest.str.replace_all(".", "", literal=True)),
    )  # fmt: skip
    labels = _road_labels(path, table)
    return to_can_log(
        path,
        rows,
        table.with_columns(attack=labels),
        is_labelled=_metadata_of(path) is not None,
        longest=64,
        has_error_frames=True,
    )


def _road_labels(path: Path, table: pl.DataFrame) -> pl.Series:
    about = _metadata_of(path)
    if about is None:
        return pl.zeros(table.height, dtype=pl.UInt8, eager=True)
    start, end = about["injection_interval"]
    since = (pl.col("timestamp") - pl.col("timestamp").first()).round(6)  # logs and intervals count microseconds
    is_attack = (since >= start) & (since <= end)
    wanted = about["injection_id"].upper().removeprefix("0X")
    if set(wanted) != {"X"}:
        is_attack &= pl.col("arbitration_id").str.to_integer(base=16, strict=False) == int(wanted, 16)
    pattern = "^" + about["injection_data_str"].upper().replace("X", "[0-9A-F]") + "$"
    is_attack &= pl.col("payload").str.to_uppercase().str.contains(pattern)
    return table.select(is_attack.fill_null(False).cast(pl.UInt8)).to_series()


def _metadata_of(path: Path) -> dict[str, Any] | None:
    beside = path.with_name(METADATA)
    if not beside.exists():
        return None
    try:
        found: dict[str, Any] | None = json.loads(beside.read_text()).get(path.name.split(".")[0])
        if found and found.get("injection_interval") is None:
            return None  # an ambient capture, or one whose attack was there from its first frame
        return found
    except (OSError, ValueError, AttributeError) as error:
        raise CaptureError(f"{beside} is not ROAD's metadata ({error}). Restore it, or move it away.") from error
