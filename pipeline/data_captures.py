"""Captures of the catalogue, read: what is in them for the lake, and what a person should look at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lake.table import Row
from pipeline.can_log import CanLog
from pipeline.data_catalogue import find_dataset
from pipeline.datasets import CaptureFile
from pipeline.errors import CaptureError
from pipeline.readers import read_labelled
from pipeline.readers.clock import count_jumps, frame_rate
from pipeline.runs import digest_of

_SLOW_BUS = 20.0  # frames a second; a car's bus carries hundreds


def read_capture(file: CaptureFile) -> CanLog:
    """The capture, or the stretch of it that the catalogue names, with labels.

    Raises:
        CaptureError: the file is not what the catalogue says, or has no frame in the stretch.
    """
    log = read_labelled(file.path, file.reader)
    if file.from_s == 0 and file.to_s is None:
        return log
    first, last = _bounds(log, file)
    if first >= last:
        raise CaptureError(
            f"{file.path} has no frame in {file.name}: it spans {log.span_s:.1f} s. "
            "Check the dataset's stretches in the catalogue."
        )
    return cut(log, first, last)


def cut(log: CanLog, first: int, last: int) -> CanLog:
    """Frames first:last; what was repaired or left out when the file was read stays with the whole of it."""
    part = log.frames(slice(first, last))
    steps = np.diff(part.timestamp_s)
    counted = replace(
        log.defects,
        empty_payloads=int((part.dlc == 0).sum()),
        backward_steps=int((steps < 0).sum()),
        clock_jumps=count_jumps(steps),
    )
    return replace(part, defects=counted)


def doubts(log: CanLog) -> list[str]:
    """What is read as it stands, but is seldom meant so."""
    found = []
    share = float(log.is_attack.mean())
    if share > 0.5:
        found.append(
            f"{share:.0%} of the frames are labelled attack; the labels may be inverted. In the file 1, T or True "
            "should stand at injected frames."
        )
    rate = frame_rate(log.timestamp_s)
    if rate is not None and rate < _SLOW_BUS:
        found.append(
            f"{rate:.3g} frames a second are few for a car's bus. If the timestamps are milliseconds, "
            "divide them by 1000."
        )
    if log.defects.clock_jumps:
        found.append(
            f"the clock jumps {log.defects.clock_jumps} times, back by more than a second or ahead by more than an "
            "hour; windows across a jump have features that mean nothing."
        )
    return found


def find_duplicates(files: Sequence[CaptureFile], digests: Mapping[str, str]) -> dict[str, str]:
    """Captures with the rows of another -> that other, which is used instead. A test capture comes first:
    what is tested on is never trained on under another name."""
    kept: dict[str, str] = {}
    duplicates = {}
    for file in sorted(files, key=lambda one: (one.usage != "test", one.name)):
        first = kept.setdefault(digests[file.name], file.name)
        if first != file.name:
            duplicates[file.name] = first
    return duplicates


def capture_row(file: CaptureFile, log: CanLog, digest: str, duplicate_of: str | None) -> Row:
    """The capture's row of the lake's table `captures`."""
    return {
        "dataset": file.dataset,
        "capture": file.name,
        "vehicle": file.vehicle,
        "attack": file.attack,
        "usage": "duplicate" if duplicate_of else file.usage,
        "duplicate_of": duplicate_of,
        "row_digest": digest,
        "frames": len(log),
        "attack_frames": int(log.is_attack.sum()),
        "arbitration_ids": len(np.unique(log.arbitration_id)),
        "span_s": log.span_s,
        **vars(log.defects),
    }


def dataset_rows(captures: Sequence[Row], vocabulary_size: int) -> list[Row]:
    """A row of the lake's table `datasets` for each one that captures used come from."""
    rows: list[Row] = []
    for name in sorted({capture["dataset"] for capture in captures}):
        used = [row for row in captures if row["dataset"] == name and row["usage"] != "duplicate"]
        rows.append(
            {
                **find_dataset(name).model_dump(include={"title", "licence", "citation", "address"}),
                "dataset": name,
                "captures": len(used),
                "frames": sum(row["frames"] for row in used),
                "attack_frames": sum(row["attack_frames"] for row in used),
                "data_digest": digest_of(sorted(row["row_digest"] for row in used)),
                "vocabulary_size": vocabulary_size,
            }
        )
    return rows


def _bounds(log: CanLog, file: CaptureFile) -> tuple[int, int]:
    """First frame of the stretch and the first one behind it."""
    since = log.timestamp_s - log.timestamp_s[0]

    def first_at(seconds: float) -> int:
        reached = since >= seconds
        return int(reached.argmax()) if reached.any() else len(log)

    return first_at(file.from_s), len(log) if file.to_s is None else first_at(file.to_s)
