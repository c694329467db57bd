"""candump logs (can-utils): `(1000000000.000000) can0 20E#4E2003A0C63F8FFF`.

`ID##F<bytes>` is a CAN FD frame with its flags digit, `ID#R` a remote frame; error frames are counted and left out.
A log carries no labels. ROAD (Verma et al. 2024) publishes the interval, ID and payload pattern of each injection
in `capture_metadata.json` beside the logs: a frame is an attack if it fits all three, borders included. A capture
that it calls ambient is benign by the publisher's word.
"""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import CaptureError
from pipeline.readers.blocks import first_line
from pipeline.readers.frames import FD_BYTES, Format, Part, refuse, to_part
from pipeline.readers.stream import Parse
from pipeline.readers.tables import read_fields, read_lines

METADATA = "capture_metadata.json"
_LINE = r"^\((?P<timestamp>[^)]*)\)\s+\S+\s+(?P<id>[0-9A-Fa-f]+)#(?P<rest>\S*)"
# FD with its flags digit; remote, perhaps with its length; data, perhaps with a DLC above 8 behind eight bytes
_REST = r"^(#[0-9A-Fa-f].*|R[0-9A-Fa-f]?(_[0-9A-Fa-f])?|[^#R_].*|)$"


def start(path: Path, block: bytes) -> tuple[int, Parse]:
    """A log's frames, labelled where ROAD's metadata lies beside it."""
    about = _metadata_of(path)
    is_attack = _road_rule(path, about, block) if about else pl.lit(False)
    form = Format(longest=FD_BYTES, has_error_frames=True, is_labelled=about is not None)

    def parse(lines: bytes) -> Part:
        rows, table = _plain(lines) or _any(lines)
        return to_part(path, rows, table.with_columns(attack=is_attack.fill_null(False).cast(pl.UInt8)), form)

    return 0, parse


def _plain(block: bytes) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Rows and table of a block in which every line is `(seconds) interface ID#DATA`, else None."""
    rows = read_fields(block, " ", 3)
    if rows is None or rows["2"].null_count() or not rows["0"].str.contains(r"^\([0-9.]+\)$").all():
        return None
    frame = rows["2"].str.splitn("#", 2).struct.unnest()
    table = pl.DataFrame(
        {
            "timestamp": rows["0"].str.slice(1).str.head(-1).cast(pl.Float64, strict=False),
            "arbitration_id": frame["field_0"],
            "payload": frame["field_1"],
        }
    )
    is_plain = not table["payload"].null_count() and not table["payload"].str.contains("[^0-9A-Fa-f]").any()
    return (rows, table) if is_plain else None


def _any(block: bytes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows and table of a block with frames of every kind.

    Raises:
        RowError: a line is of no kind.
    """
    rows, rest = read_lines(block), pl.col("rest")
    parts = rows["line"].str.extract_groups(_LINE).struct.unnest()
    refuse(rows, parts["timestamp"].is_null(), "this is not (seconds) interface ID#DATA")
    refuse(rows, ~parts["rest"].str.contains(_REST), "this is neither ID#DATA, ID#R nor ID##<flags>DATA")
    table = parts.select(
        timestamp=pl.col("timestamp").cast(pl.Float64, strict=False),
        arbitration_id="id",
        payload=pl.when(rest.str.starts_with("#")).then(rest.str.slice(2))
        .when(rest.str.starts_with("R")).then(pl.lit(""))
        .otherwise(rest.str.replace_all(r"\.|_[0-9A-Fa-f]$", "")),
    )  # fmt: skip
    return rows, table


def _road_rule(path: Path, about: dict[str, Any], block: bytes) -> pl.Expr:
    """Whether a frame is an injected one; ROAD counts seconds from a log's first line."""
    if about.get("injection_interval") is None:
        return pl.lit(False)
    try:
        start_s, end_s = map(float, about["injection_interval"])
        wanted = str(about["injection_id"]).upper().removeprefix("0X")
        pattern = "^" + str(about["injection_data_str"]).upper().replace("X", "[0-9A-F]") + "$"
        rule: pl.Expr = pl.col("payload").str.to_uppercase().str.contains(pattern)
        if set(wanted) != {"X"}:
            rule &= pl.col("arbitration_id").str.to_integer(base=16, strict=False) == int(wanted, 16)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_metadata(path.with_name(METADATA), error) from error
    found = re.match(rb"\(([\d.]+)\)", first_line(block.lstrip()))
    if found is None:
        return pl.lit(False)  # the parser says what is wrong with the first line
    since = (pl.col("timestamp") - float(found[1])).round(6)  # logs and intervals count microseconds
    return rule & (since >= start_s) & (since <= end_s)


def _metadata_of(path: Path) -> dict[str, Any] | None:
    """What ROAD says of the log; None where it does not say which frames are attacks."""
    beside = path.with_name(METADATA)
    if not beside.exists():
        return None
    name = path.name.split(".")[0]
    try:
        found: dict[str, Any] | None = json.loads(beside.read_text()).get(name)
    except (OSError, ValueError, AttributeError) as error:
        raise _no_metadata(beside, error) from error
    if found and found.get("injection_interval") is None and not name.startswith("ambient"):
        return None  # an attack that was there from the first frame on
    return found


def _no_metadata(path: Path, error: Exception) -> CaptureError:
    return CaptureError(f"{path} is not ROAD's metadata ({error!r}). Restore it, or move it away.")
