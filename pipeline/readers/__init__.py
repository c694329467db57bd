"""One module a file format; each gives the same `CanLog`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.can_log import CanLog
from pipeline.errors import ConfigError
from pipeline.readers import can_train_and_test, candump, daga, hcrl, lab_parquet, python_can

READERS: Mapping[str, Callable[[Path], CanLog]] = {
    "can-train-and-test-csv": can_train_and_test.read,
    "hcrl-csv": hcrl.read_csv,
    "hcrl-text": hcrl.read_text,
    "candump": candump.read,
    "daga": daga.read,
    "lab-parquet": lab_parquet.read,
    **dict.fromkeys(python_can.ENDINGS.values(), python_can.read),
}


def read_can_log(path: Path, reader: str) -> CanLog:
    """The capture at `path`.

    Raises:
        ConfigError: no such reader.
        CaptureError: the file is missing, empty, cut off, or not of that format.
    """
    if reader not in READERS:
        raise ConfigError(f"no reader is called {reader!r}. Readers: {', '.join(READERS)} (pipeline/readers/).")
    return READERS[reader](path)
