"""Scores written as they come: Parquet or CSV by the file's ending, whole or not at all."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lake.files import whole_file
from pipeline.errors import ConfigError
from pipeline.protocols import KNOWN

ENDINGS = (".parquet", ".csv")
_NEARLY_ALL, _FEWEST = 0.9, 20  # share of windows, and windows that a share says something of


class Sink(Protocol):
    """Takes pieces of rows."""

    def write(self, rows: pl.DataFrame) -> None: ...


@contextmanager
def score_file(path: Path | None) -> Iterator[Sink]:
    """Where rows go: a file that takes its name once it is complete, or stdout as CSV where none is named.

    Raises:
        ConfigError: the file's ending is none we write.
        LakeError: the folder cannot be written, or the disk is full.
    """
    if path is None:
        yield _Csv(sys.stdout.buffer)
        return
    if path.suffix not in ENDINGS:
        raise ConfigError(f"--out {path}: scores are written as {' or '.join(ENDINGS)}; give the file such an ending.")
    with whole_file(path) as staged, staged.open("wb") as file:
        sink: Any = _Csv(file) if path.suffix == ".csv" else _Parquet(file)
        yield sink
        sink.close()


class _Csv:
    def __init__(self, file: Any) -> None:
        self.file, self.is_first = file, True

    def write(self, rows: pl.DataFrame) -> None:
        # the file's own errors come through as they are: a full disk, a closed pipe
        self.file.write(rows.write_csv(include_header=self.is_first).encode())
        self.is_first = False

    def close(self) -> None:
        self.file.flush()


class _Parquet:
    def __init__(self, file: Any) -> None:
        self.file = file
        self.writer: Any = None

    def write(self, rows: pl.DataFrame) -> None:
        table: pa.Table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.file, table.schema, compression="zstd")
        self.writer.write_table(table)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


def doubt_of(summary: dict[str, Any]) -> str | None:
    """What to say where nearly all windows alarm: an attack may run throughout, or the habit is not this bus's."""
    tried = summary["windows"] - summary["calibration_windows"]
    if tried < _FEWEST or summary["alarms"] < _NEARLY_ALL * tried:
        return None
    alarms = f"WARNING, {summary['alarms']:,} of {tried:,} windows alarm."
    if summary["protocol"] == KNOWN:
        return (
            f"{alarms} Either an attack runs throughout, or this is not the bus that the model knows as "
            f"{summary['vehicle']}: a trim, a later firmware or a tester changes it. Where its beginning is free of "
            "attacks, --calibrate SECONDS holds it against itself."
        )
    return f"{alarms} Either an attack runs throughout, or the seconds it is held against were not like the rest of it."


def alarm_summary(pieces: Iterable[pl.DataFrame], sink: Sink) -> dict[str, Any]:
    """Write the pieces of one capture and count its windows, alarms and seconds."""
    summary: dict[str, Any] = {"windows": 0, "alarms": 0, "calibration_windows": 0, "span_s": 0.0}
    for rows in pieces:
        sink.write(rows)
        summary["windows"] += len(rows)
        summary["alarms"] += int(rows["alarm"].sum())
        summary["calibration_windows"] += int(rows["is_calibration"].sum())
        summary["span_s"] = max(summary["span_s"], float(rows["end_s"].max() or 0.0))  # type: ignore[arg-type]
        summary |= {"protocol": rows["protocol"][0], "vehicle": rows["vehicle"][0], "threshold": rows["threshold"][0]}
    return summary
