"""A journal's file: a line a record, each with its own checksum.

    1c291ca3 {"format": "kd-gat-journal", "journal": …}        the header, record 0's elder
    5a1d0e7f {"runs": [{"attempt": 1, …}], …}                   record 0: rows of one or more tables, all or nothing
    0c7b21aa {"+epoch": {"epoch": 0, "split": …, "values": …}}  the metrics of an epoch, which are logged most often
    …

A record counts once its line is whole. What follows the last line end is torn: its writer was killed in the midst of
it, and nobody was told that it was kept. A line with an end whose checksum is of another text is damage, and is said.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lake.errors import LakeError
from lake.schema import TABLES
from lake.table import Row
from lake.version import SCHEMA_VERSION

FORMAT = "kd-gat-journal"
_EPOCHS = "+epoch"  # no table's name
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
Record = Mapping[str, Sequence[Row]]
_HOLE = bytes(8)


@dataclass(frozen=True)
class JournalHeader:
    """Whose journal it is, and the process that writes it."""

    journal: str
    run_id: str
    attempt: int
    host: str
    process_id: int
    schema: int = SCHEMA_VERSION


@dataclass(frozen=True)
class JournalContent:
    """A journal as it stood when it was read.

    Attributes:
        header: None where the writer was killed before its first line was whole.
        records: in order; a record's place is its number.
        end: bytes up to the end of the last whole line.
    """

    header: JournalHeader | None
    records: tuple[Record, ...]
    end: int


def header_line(header: JournalHeader) -> bytes:
    return _line({"format": FORMAT, **header.__dict__})


def record_line(record: Record) -> bytes:
    """Rows of tables, by table, as one line."""
    return _line(record)


def read_journal(path: Path, salvage: bool = False) -> JournalContent:
    """Every whole record of a journal, also of one that is being written.

    Args:
        salvage: pass over broken lines, whose rows are lost.

    Raises:
        LakeError: a line is broken, or the journal is none of ours.
        FileNotFoundError: it is gone; its parts are there.
    """
    header: JournalHeader | None = None
    records: list[Record] = []
    data = path.read_bytes()
    start = 0
    while (stop := data.find(b"\n", start) + 1) > 0:
        value = _value(data[start:stop])
        if value is None:
            if _HOLE in data[start:stop]:
                break  # as a power cut leaves it in bytes that were never flushed, nor what is behind them
            if not salvage:
                raise LakeError(
                    f"{path} is damaged: its line before byte {stop} is broken. Restore it from a copy, "
                    "or take what is whole: ./run lake recover --salvage"
                )
            if header:
                records.append({})  # the records behind it keep their numbers
            start = stop
            continue
        if header is None:
            header = _header(path, value)
        else:
            records.append(_record(header, value))
        start = stop
    return JournalContent(header, tuple(records), start)


def epoch_line(attempt: int, epoch: int, split: str, values: Mapping[str, float]) -> bytes:
    """The metrics of a split at an epoch as one line."""
    return _line({_EPOCHS: {"attempt": attempt, "epoch": epoch, "split": split, "values": values}})


def _line(value: Any) -> bytes:
    text = _to_json(value).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _value(line: bytes) -> Any:
    """What a whole line says, or None of a broken one."""
    checksum, _, text = line[:-1].partition(b" ")
    try:
        return json.loads(text) if int(checksum, 16) == zlib.crc32(text) else None
    except ValueError:
        return None


def _header(path: Path, value: Mapping[str, Any]) -> JournalHeader:
    about = dict(value)
    if about.pop("format", None) != FORMAT:
        raise LakeError(f"{path} is no journal of a lake. Move it out of the lake.")
    if about["schema"] > SCHEMA_VERSION:
        raise LakeError(
            f"{path} was written with schema {about['schema']}, newer than {SCHEMA_VERSION}. Update kd-gat."
        )
    return JournalHeader(**about)


def _record(header: JournalHeader | None, value: Mapping[str, Any]) -> Record:
    if short := value.get(_EPOCHS):
        values = short.pop("values")
        about = {"run_id": header.run_id if header else None, **short}
        return {"epochs": [{**about, "metric": name, "value": values[name]} for name in values]}
    return {name: [_decoded(name, row) for row in rows] for name, rows in value.items()}


def _encoded(value: Any) -> Any:
    """What JSON does not know: times as microseconds, numbers of numpy as plain ones."""
    if isinstance(value, datetime):
        return (value - _1970) // timedelta(microseconds=1)
    return value.item()


def _decoded(table: str, row: Mapping[str, Any]) -> Row:
    columns = TABLES[table].columns
    return {
        name: _1970 + timedelta(microseconds=value) if columns[name].kind == "instant" and value is not None else value
        for name, value in row.items()
    }


_to_json = json.JSONEncoder(separators=(",", ":"), default=_encoded, allow_nan=False).encode
