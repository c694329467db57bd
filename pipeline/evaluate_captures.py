"""`./run evaluate MODEL CAPTURE…`: scores first, labels afterwards, the metrics of `evaluate` for any recording."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from lake.table import Row
from pipeline.data_captures import doubts
from pipeline.datasets import attack_of
from pipeline.detector_folder import KeptDetector
from pipeline.errors import CaptureError
from pipeline.measure import POOLS, About, Measured, WindowTimes, is_applicable, measured, metric_rows
from pipeline.protocols import Protocol
from pipeline.readers import read_labelled
from pipeline.readers.recognise import recognise
from pipeline.score import score_capture


def evaluate_captures(
    kept: KeptDetector, paths: Sequence[Path], calibrate_s: float | None, vehicle: str | None, reader: str | None,
    say: Callable[[str], None],
) -> list[Row]:  # fmt: skip
    """Metric rows of each capture, and of all together where there are several.

    Raises:
        CaptureError: a capture cannot be read, has no labels, or attacks lie in its calibration prefix.
    """
    frames = {
        path: pl.concat(score_capture(kept, path, calibrate_s, vehicle, reader, say), how="vertical") for path in paths
    }
    # from here on labels are looked at
    found = [_measured(kept, path, rows, calibrate_s or 0.0, reader, say) for path, rows in frames.items()]
    rows = metric_rows(kept.run_id, found)
    return rows if len(found) > 1 else [row for row in rows if row["capture"] not in POOLS]


def _measured(
    kept: KeptDetector, path: Path, rows: pl.DataFrame, calibration_s: float, reader: str | None,
    say: Callable[[str], None],
) -> Measured:  # fmt: skip
    log = read_labelled(path, reader or recognise(path))
    for doubt in doubts(log):
        say(f"{path.name}: WARNING, {doubt}")
    protocol = Protocol(rows["protocol"][0], calibration_s)
    if not is_applicable(protocol, log):
        raise CaptureError(
            f"{path}: an attack lies in the calibration prefix of {calibration_s:g} s, so what is calibrated is not "
            "attack-free traffic. Calibrate with fewer seconds, or leave --calibrate away."
        )
    behind = rows.filter(~pl.col("is_calibration"))
    columns: dict[str, Any] = {name: behind[name].to_numpy() for name in ("start_frame", "start_s", "end_s", "is_late")}
    times = WindowTimes.of(**columns, size=kept.knowledge.window.size)
    vehicle = str(rows["vehicle"][0])
    about = About(str(path), vehicle, attack_of(path.name.split(".")[0]), vehicle in kept.knowledge.habits, True)
    return measured(about, protocol, log, times, behind["score"].to_numpy(), float(rows["threshold"][0]))
