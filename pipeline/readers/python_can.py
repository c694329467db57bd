"""Logs that python-can reads: Vector ASC and BLF, PCAN TRC. An optional package: `pip install kd-gat[formats]`."""

from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.can_log import CanLog, Defects
from pipeline.errors import CaptureError

ENDINGS: Mapping[str, str] = {".asc": "asc", ".blf": "blf", ".trc": "trc"}
_EXTRA = 'pip install "python-can>=4.6"'


def read(path: Path) -> CanLog:
    """The data and remote frames of a log, without labels; error frames are counted and left out.

    Raises:
        CaptureError: the optional package is missing, or the file is not what its ending says.
    """
    try:
        import can
    except ImportError as error:
        raise CaptureError(f"{path} needs the optional package python-can to be read: {_EXTRA}") from error
    if not path.is_file():
        raise CaptureError(f"{path} does not exist. Check KDGAT_DATA and the dataset's folder.")
    try:
        with path.open("rb") as file:  # ours to close: a reader that fails at once leaves its own open
            messages = _messages(can, file, path.suffix.lower())
    except Exception as error:  # python-can raises what its parsers stumble over, of any type
        raise CaptureError(
            f"{path} cannot be read as {path.suffix[1:].upper()} ({type(error).__name__}: {error}). "
            "The file may be cut off, or its ending is wrong."
        ) from error
    frames = [message for message in messages if not message.is_error_frame]
    if not frames:
        raise CaptureError(f"{path} holds no frames. Record again, or leave it out.")
    return _to_can_log(path, frames, len(messages) - len(frames))


def _messages(can: Any, file: Any, ending: str) -> list[Any]:
    if ending == ".blf":
        return list(can.BLFReader(file))
    text = TextIOWrapper(file, encoding="utf-8", errors="strict")
    return list((can.ASCReader if ending == ".asc" else can.TRCReader)(text))


def _to_can_log(path: Path, frames: list[Any], n_errors: int) -> CanLog:
    sizes = np.array([len(frame.data) for frame in frames], dtype=np.uint8)
    payload = np.zeros((len(frames), 64 if sizes.max(initial=0) > 8 else 8), dtype=np.uint8)
    for row, frame in zip(payload, frames, strict=True):
        row[: len(frame.data)] = frame.data
    timestamp_s = np.array([frame.timestamp for frame in frames], dtype=np.float64)
    return CanLog(
        path=path,
        timestamp_s=timestamp_s,
        arbitration_id=np.array([frame.arbitration_id for frame in frames], dtype=np.uint32),
        dlc=sizes,
        payload=payload,
        is_attack=np.zeros(len(frames), dtype=bool),
        is_labelled=False,
        defects=Defects(
            empty_payloads=int((sizes == 0).sum()),
            backward_steps=int((np.diff(timestamp_s) < 0).sum()),
            error_frames=n_errors,
        ),
    )
