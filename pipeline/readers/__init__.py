"""One module a file format; each gives the same `CanLog`, whole or as a stream."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from pipeline.can_log import CanLog, joined
from pipeline.errors import CaptureError, ConfigError
from pipeline.readers import can_train_and_test, candump, daga, hcrl, lab_parquet, python_can
from pipeline.readers.blocks import BLOCK_BYTES
from pipeline.readers.stream import text_chunks

_STARTS = {
    "can-train-and-test-csv": can_train_and_test.start,
    "hcrl-csv": hcrl.start_csv,
    "hcrl-text": hcrl.start_text,
    "candump": candump.start,
    "daga": daga.start,
}
READERS: Mapping[str, Callable[[Path, int], Iterator[CanLog]]] = {
    **{name: partial(text_chunks, start) for name, start in _STARTS.items()},
    "lab-parquet": lab_parquet.chunks,
    **{name: partial(python_can.chunks, name) for name in python_can.READERS},
}


def read_chunks(path: Path, reader: str, block_bytes: int = BLOCK_BYTES) -> Iterator[CanLog]:
    """The capture at `path`, some hundred thousand frames at a time, in bus order and constant memory.

    The chunks together are what `read_can_log` gives, their defects included; their columns may be read-only.

    Raises:
        ConfigError: no such reader.
        CaptureError: the file is missing, empty, cut off, or not of that format; frames before a
            row at fault have been given by then.
    """
    if reader not in READERS:
        raise ConfigError(f"no reader is called {reader!r}. Readers: {', '.join(READERS)} (pipeline/readers/).")
    return READERS[reader](path, block_bytes)


def read_can_log(path: Path, reader: str) -> CanLog:
    """The whole capture at `path`; it need not have labels, see `CanLog.is_labelled`.

    Raises:
        ConfigError: no such reader.
        CaptureError: the file is missing, empty, cut off, or not of that format.
    """
    return joined(list(read_chunks(path, reader)))


def read_labelled(path: Path, reader: str) -> CanLog:
    """As `read_can_log`, for what is trained and measured on.

    Raises:
        CaptureError: also where nothing says which frames are attacks.
    """
    log = read_can_log(path, reader)
    if not log.is_labelled:
        raise CaptureError(
            f"{path} has no labels, and training and evaluation need to know which frames are attacks. "
            "Add a label column or the publisher's metadata; to score it without labels, use ./run score."
        )
    return log
