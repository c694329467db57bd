"""Logs that python-can reads: Vector ASC and BLF, PCAN TRC, its own CSV and SQLite; MDF4 with asammdf beside it.

Both packages are optional: python-can is the extra `formats`, asammdf is installed by hand, as it brings pandas.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.can_log import CanLog, Defects
from pipeline.errors import CaptureError
from pipeline.readers.blocks import first_bytes, opened, shown
from pipeline.readers.frames import CLASSIC_BYTES, FD_BYTES, MAX_ID, Part, RowError
from pipeline.readers.stream import in_order

ENDINGS: Mapping[str, str] = {".asc": "asc", ".blf": "blf", ".trc": "trc", ".db": "can-sqlite", ".mf4": "mdf4"}
CSV_HEADER = "timestamp,arbitration_id,extended,remote,error,dlc,data"
READERS = (*ENDINGS.values(), "can-csv")
_MAGIC = {"mdf4": (b"MDF     ", b"UnFinMF "), "can-sqlite": (b"SQLite format 3\0",), "blf": (b"LOGG",)}
_MESSAGE_BYTES = 160  # room that a message of python-can takes, four times a line of text


def chunks(reader: str, path: Path, size: int) -> Iterator[CanLog]:
    """The data and remote frames of a log, without labels; error frames are counted and left out.

    Raises:
        CaptureError: an optional package is missing, or the file is not of that format.
    """
    try:
        import can
    except ImportError as error:
        raise _needs(path, "python-can", "python-can>=4.6") from error
    if reader == "mdf4" and find_spec("asammdf") is None:
        raise _needs(path, "asammdf", "python-can[mf4]>=4.6")
    first = first_bytes(path)  # says what is missing, empty or may not be read
    if not first.startswith(_MAGIC.get(reader, (b"",))):
        raise CaptureError(
            f"{path} is no {reader} file: it begins with {shown(first)}. Check its ending or its reader."
        )
    yield from in_order(path, _parts(can, path, reader, max(1, size // _MESSAGE_BYTES)))


def _needs(path: Path, package: str, requirement: str) -> CaptureError:
    return CaptureError(
        f"{path} needs the optional package {package} to be read, which is not installed. "
        f'Install it: pip install "{requirement}"; or convert the log to candump text.'
    )


def _parts(can: Any, path: Path, reader: str, n_frames: int) -> Iterator[Part | RowError]:
    with closing(_messages(can, path, reader)) as messages:
        while batch := _next_batch(path, messages, reader, n_frames):
            yield _part_or_fault(path, batch)


def _next_batch(path: Path, messages: Iterator[Any], reader: str, n_frames: int) -> list[Any]:
    try:
        return list(islice(messages, n_frames))
    except CaptureError:
        raise
    except Exception as error:  # python-can raises what its parsers stumble over, of any type
        raise CaptureError(
            f"{path} cannot be read as {reader} ({type(error).__name__}: {error}). "
            "The file may be cut off, or its ending is wrong; fetch or export it again."
        ) from error


def _messages(can: Any, path: Path, reader: str) -> Generator[Any, None, None]:
    if reader in ("can-sqlite", "mdf4"):  # these take a path and go back and forth in the file
        log = can.SqliteReader(str(path)) if reader == "can-sqlite" else can.MF4Reader(str(path))
        try:
            yield from log
        finally:
            log.stop()
        return
    with opened(path) as file:  # ours to close: a reader that fails at once leaves its own open
        if reader == "blf":
            yield from can.BLFReader(file)
            return
        text = TextIOWrapper(file, encoding="utf-8", errors="strict")
        kinds = {"asc": can.ASCReader, "trc": can.TRCReader, "can-csv": can.CSVReader}
        try:
            yield from kinds[reader](text)
        finally:
            if not file.closed:
                text.detach()


def _part_or_fault(path: Path, messages: list[Any]) -> Part | RowError:
    for row, message in enumerate(messages):
        if reason := _fault_of(message):
            return RowError(row, reason, repr(str(message)[:80]), 1)
    frames = [message for message in messages if not message.is_error_frame]
    sizes = np.array([len(frame.data) for frame in frames], dtype=np.uint8)
    width = FD_BYTES if sizes.max(initial=0) > CLASSIC_BYTES else CLASSIC_BYTES
    padded = b"".join(bytes(frame.data).ljust(width, b"\0") for frame in frames)
    log = CanLog(
        path=path,
        timestamp_s=np.array([frame.timestamp for frame in frames], dtype=np.float64),
        arbitration_id=np.array([frame.arbitration_id for frame in frames], dtype=np.uint32),
        dlc=sizes,
        payload=np.frombuffer(padded, dtype=np.uint8).reshape(-1, width),
        is_attack=np.zeros(len(frames), dtype=bool),
        is_labelled=False,
        defects=Defects(empty_payloads=int((sizes == 0).sum()), error_frames=len(messages) - len(frames)),
    )
    return Part(log, len(messages))


def _fault_of(message: Any) -> str | None:
    """Why a message is no frame; python-can takes most numbers as they come."""
    if not np.isfinite(message.timestamp):
        return "timestamp is no number"
    if message.is_error_frame:
        return None
    if not 0 <= message.arbitration_id < MAX_ID:
        return "arbitration_id is no CAN ID"
    if len(message.data) > FD_BYTES:
        return f"payload is not 0 to {FD_BYTES} bytes"
    if not message.is_remote_frame and len(message.data) != message.dlc:
        return "payload has another length than its DLC says"
    return None
