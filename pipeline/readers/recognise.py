"""Which format a capture file is in, from its first bytes."""

import re
from pathlib import Path

from pipeline.errors import CaptureError
from pipeline.readers import daga
from pipeline.readers.blocks import first_bytes, shown
from pipeline.readers.can_train_and_test import COLUMNS as CAN_TRAIN_AND_TEST
from pipeline.readers.python_can import CSV_HEADER
from pipeline.readers.python_can import ENDINGS as PYTHON_CAN

_HEX = "[0-9A-Fa-f]"
# The first line of each text format, in the order in which they are tried.
_FIRST_LINES = {
    "can-train-and-test-csv": rf"{re.escape(','.join(CAN_TRAIN_AND_TEST).removesuffix(',attack'))}(,attack)?$",
    "can-csv": re.escape(CSV_HEADER),
    "daga": re.escape(",".join(daga.COLUMNS)),
    "hcrl-text": r"Timestamp:\s",
    "candump": rf"\(\d+(\.\d+)?\)\s+\S+\s+{_HEX}+#",
    "hcrl-csv": rf"\d+(\.\d+)?,\s*{_HEX}+,\s*\d+,.*[RT]$",
}


def recognise(path: Path) -> str:
    """The reader of a capture file.

    Raises:
        CaptureError: the file cannot be read, or no format fits its beginning.
    """
    endings = [ending for ending in PYTHON_CAN if path.name.lower().endswith(ending)]
    if endings:
        return PYTHON_CAN[endings[0]]
    data = first_bytes(path)
    if data.startswith(b"PAR1"):
        return "lab-parquet"
    first = data[:1000].decode("utf-8-sig", errors="replace").split("\n", 1)[0].strip()
    for reader, pattern in _FIRST_LINES.items():
        if re.match(pattern, first):
            return reader
    raise CaptureError(
        f"{path} is in no format we know: it begins with {shown(first.encode())}. Known are "
        f"{', '.join([*_FIRST_LINES, 'lab-parquet', *sorted(set(PYTHON_CAN.values()))])}; convert it to candump "
        "text, or name its reader with --reader."
    )
