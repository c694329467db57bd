"""`./run score`: any recording in, one row a window out, in constant memory; labels are never needed.

The bus says itself whose it is: its periodic IDs and their periods are compared with those of each known
vehicle. A recording of another vehicle is held against its own calibration prefix, or where none is given
against its own first seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.can_log import CanLog, joined
from pipeline.errors import CaptureError, ConfigError
from pipeline.graphs import GraphArrays
from pipeline.habits import Recognition, recognise_vehicle
from pipeline.memory import keep_freed_memory
from pipeline.protocols import CALIBRATED, KNOWN, ZERO_SHOT, Protocol, frames_within, head_seconds
from pipeline.readers import read_chunks
from pipeline.readers.clock import elapsed_s
from pipeline.readers.recognise import recognise
from pipeline.scoring import ReadyDetector, graph_stream, score_graphs, stream_graphs
from pipeline.top_ids import top_ids

_RECOGNISE_S = 10.0  # of a capture's beginning, by which its vehicle is recognised


@dataclass(frozen=True)
class Terms:
    """Under what a capture is scored: its vehicle as recognised or given, and the protocol that follows."""

    protocol: Protocol
    vehicle: str
    recognition: Recognition | None


def score_capture(
    kept: ReadyDetector, path: Path, calibrate_s: float | None = None, vehicle: str | None = None,
    reader: str | None = None, say: Callable[[str], None] = lambda line: None,
) -> Iterator[pl.DataFrame]:  # fmt: skip
    """Rows of the capture's windows, piece after piece.

    Args:
        calibrate_s: seconds of its beginning that are free of attacks; its windows raise no alarm.
        vehicle: a known vehicle, where it is not to be recognised.

    Raises:
        CaptureError: it cannot be read, is shorter than a window or than its calibration prefix.
        ConfigError: no such vehicle.
    """
    keep_freed_memory()
    chunks = read_chunks(path, reader or recognise(path))
    head, rest = _head(chunks, max(_RECOGNISE_S, calibrate_s or 0.0, kept.knowledge.habit.warm_up_s))
    terms = terms_for(kept, head, calibrate_s, vehicle)
    _announce(path, terms, say)
    stream = graph_stream(kept.knowledge, terms.protocol, _until(head, _needed(terms, kept)), terms.vehicle)
    prefix = frames_within(head, terms.protocol.calibration_s)
    scorer = kept.scorer()
    empty = True
    for graphs in stream_graphs(stream, chain([head], rest)):
        columns = score_graphs(scorer, graphs)
        empty = False
        yield _rows(path, graphs, columns, kept, terms, prefix)
    if empty:
        size = kept.knowledge.window.size
        raise CaptureError(f"{path} has fewer frames than one window of {size}: there is nothing to score.")


def terms_for(kept: ReadyDetector, head: CanLog, calibrate_s: float | None, vehicle: str | None) -> Terms:
    """The protocol: calibrated where seconds are given, else of a known vehicle, else zero-shot."""
    habits = kept.knowledge.habits
    if vehicle is not None and vehicle not in habits:
        raise ConfigError(f"the model knows no vehicle {vehicle!r}. Known: {', '.join(sorted(habits))}.")
    if calibrate_s is not None:
        return Terms(Protocol(CALIBRATED, calibrate_s), vehicle or "unknown", None)
    if vehicle is not None:
        return Terms(Protocol(KNOWN), vehicle, None)
    found = recognise_vehicle(habits, _until(head, _RECOGNISE_S))
    if found.vehicle is None:
        return Terms(Protocol(ZERO_SHOT), "unknown", found)
    return Terms(Protocol(KNOWN), found.vehicle, found)


def _needed(terms: Terms, kept: ReadyDetector) -> float:
    return head_seconds(terms.protocol, kept.knowledge.habit) + 1.0  # one more, so that its end is seen


def _announce(path: Path, terms: Terms, say: Callable[[str], None]) -> None:
    if terms.protocol.name == CALIBRATED:
        say(f"{path.name}: calibrated on its first {terms.protocol.calibration_s:g} s")
    elif terms.recognition is None:
        say(f"{path.name}: scored as {terms.vehicle}")
    elif terms.recognition.vehicle is not None:
        say(f"{path.name}: recognised as {terms.vehicle} (likeness {terms.recognition.likeness:.2f})")
    else:
        nearest, likeness = terms.recognition.nearest, terms.recognition.likeness
        say(
            f"{path.name}: WARNING, the bus of no vehicle that the model knows (nearest: {nearest}, likeness "
            f"{likeness:.2f}); held against its own first seconds, which may hold an attack. Give --calibrate SECONDS "
            "where its beginning is free of attacks."
        )


def _head(chunks: Iterator[CanLog], seconds: float) -> tuple[CanLog, Iterator[CanLog]]:
    """The first chunks, until they span the seconds, as one; and the others."""
    head = next(chunks)
    for chunk in chunks:
        if elapsed_s(head.timestamp_s)[-1] > seconds:
            return head, chain([chunk], chunks)
        head = joined([head, chunk])
    return head, iter(())


def _until(log: CanLog, seconds: float) -> CanLog:
    beyond = np.flatnonzero(elapsed_s(log.timestamp_s) > seconds)
    return log.frames(slice(int(beyond[0]) if len(beyond) else None))


def _rows(
    path: Path, graphs: GraphArrays, columns: dict[str, NDArray[np.float64]], kept: ReadyDetector, terms: Terms,
    prefix: int,
) -> pl.DataFrame:  # fmt: skip
    """One row a window; none of the first `prefix` frames raises an alarm."""
    window = kept.knowledge.window
    threshold = kept.threshold(terms.protocol.name)
    is_prefix = graphs.start_frame < prefix
    alarm = (columns["score"] > threshold) & ~is_prefix
    return pl.DataFrame(
        {
            "window": graphs.start_frame // window.stride,
            "start_frame": graphs.start_frame,
            "end_frame": graphs.start_frame + window.size - 1,
            "start_s": graphs.start_s,
            "end_s": graphs.end_s,
            "score": columns["score"],
            "threshold": np.full(len(graphs), threshold),
            "alarm": alarm,
            "vgae_score": columns["anomaly"],
            "gat_score": columns["attack_probability"],
            "fusion_weight": columns["gat_weight"],
            "top_ids": top_ids(graphs),
            "habit_score": columns["habit_score"],
            "habit_weight": columns["habit_weight"],
            "is_late": graphs.is_late,
            "is_calibration": is_prefix,
        }
    ).select(
        pl.lit(str(path)).alias("capture"),
        pl.all(),
        pl.lit(terms.protocol.name).alias("protocol"),
        pl.lit(terms.vehicle).alias("vehicle"),
    )
