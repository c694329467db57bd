"""A journal's file: a line a record, each with its own checksum.

    1c291ca3 {"format": "kd-gat-journal", "journal": …}        the header, record 0's elder
    5a1d0e7f {"runs": [{"attempt": 1, …}], …}                   record 0: rows of one or more tables, all or nothing
    0c7b21aa {"+epoch": {"epoch": 0, "split": …, "values": …}}  the metrics of an epoch, which are logged most often
    …

A record counts once its line is whole. What follows the last line end is torn: its writer was killed in the midst of
it, and nobody was told that it was kept. So are zeros in place of the last lines, which a power cut kept from the disk.
A line with an end whose checksum is of another text is damage, and is said.

Zeros with whole lines behind them are damage too, where each line was flushed before the next one was written: only
those that waited for a failing disk are written several at once, and are then called damaged, should power fail too. A
journal that is kept against its process's death alone (`durable` in its header) is flushed a little later, its pages in
any order: there they are what a power cut leaves. It ends before them, since nobody knows how many lines they were, and
what lay behind was promised to no one who lost the power; `recover` says how many whole lines that are.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lake.errors import LakeError
from lake.schema import TABLES
from lake.table import Kind, Row
from lake.version import SCHEMA_VERSION

FORMAT = "kd-gat-journal"
_EPOCHS = "+epoch"  # no table's name
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
Record = Mapping[str, Sequence[Row]]
_HOLE = re.compile(rb"\0{8,}")
_SECTOR = 512  # bytes that a disk writes at once


@dataclass(frozen=True)
class JournalHeader:
    """Whose journal it is, and the process that writes it.

    Attributes:
        durable: "process" where it is flushed a little later than it is acknowledged.
        elsewhere: how many records stand here without their rows, which lie in the journal's first file or in parts:
            that could not be read, or was gone, when the others had to be put somewhere.
    """

    journal: str
    run_id: str
    attempt: int
    host: str
    process_id: int
    schema: int = SCHEMA_VERSION
    durable: str = "disk"
    elsewhere: int = 0


@dataclass(frozen=True)
class JournalContent:
    """A journal as it stood when it was read.

    Attributes:
        header: None where the writer was killed before its first line was whole.
        records: in order; a record's place is its number.
        size: bytes that were read, with what is torn behind the last whole line.
        broken: numbers of the records that are; each stands in `records` without rows.
        cut: how many whole lines lie behind the zeros that end it.
    """

    header: JournalHeader | None
    records: tuple[Record, ...]
    size: int
    broken: tuple[int, ...] = ()
    cut: int = 0


def header_line(header: JournalHeader) -> bytes:
    """Without what is as in most journals, so that older readers, which know no more, read these."""
    usual = {"durable": "disk", "elsewhere": 0}
    about = {name: value for name, value in header.__dict__.items() if value != usual.get(name)}
    return _line({"format": FORMAT, **about})


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
    broken: list[int] = []
    start = 0
    data = path.read_bytes()
    while (stop := data.find(b"\n", start) + 1) > 0:
        value = _value(data[start:stop])
        if value is None:
            if _is_hole(data, start, stop):
                behind = sum(_behind_hole(line + b"\n") is not None for line in data[start:].split(b"\n")[:-1])
                if not behind or (header and header.durable == "process"):
                    return JournalContent(header, tuple(records), len(data), tuple(broken), behind)
            if not salvage:
                raise _damaged(path, stop)
            broken.append(len(records))
            if header:
                records.append({})  # the records behind it keep their numbers
                if b"\0" in data[start:stop] and (value := _behind_hole(data[start:stop])) is not None:
                    records.append(_record(path, header, value))
        elif header is None:
            header = _header(path, value)
        else:
            records.append(_record(path, header, value))
        start = stop
    if header and (value := _value(data[start:-1] + b"\n")) is not None:  # its end alone is broken, as no kill does
        if not salvage:
            raise _damaged(path, len(data))
        records.append(_record(path, header, value))
    return JournalContent(header, tuple(records), len(data), tuple(broken))


def _damaged(path: Path, stop: int) -> LakeError:
    return LakeError(
        f"{path} is damaged: its line before byte {stop} is broken. Restore it from a copy, "
        "or take what is whole: ./run lake recover --salvage"
    )


def _is_hole(data: bytes, start: int, stop: int) -> bool:
    """Whether a line is broken as a power cut leaves it: zeros in place of bytes that were never flushed, which end
    where a sector or a line does."""
    hole = _HOLE.search(data, start, stop)
    return hole is not None and (hole.end() % _SECTOR == 0 or _behind_hole(data[start:stop]) is not None)


def _behind_hole(line: bytes) -> Any:
    """What a whole line says that begins where zeros end, or None."""
    return _value(line.rpartition(b"\0")[2])


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
    about = dict(value) if isinstance(value, dict) else {}
    if about.pop("format", None) != FORMAT or not isinstance(about.get("schema"), int):
        raise LakeError(f"{path} is no journal of a lake. Move it out of the lake.")
    if about["schema"] > SCHEMA_VERSION:
        raise LakeError(
            f"{path} was written with schema {about['schema']}, newer than {SCHEMA_VERSION}. Update kd-gat."
        )
    try:
        return JournalHeader(**about)
    except TypeError as error:
        raise _strange(path, error) from error


def _record(path: Path, header: JournalHeader, value: Mapping[str, Any]) -> Record:
    try:
        if short := value.get(_EPOCHS):
            values = short.pop("values")
            about = {"run_id": header.run_id, **short}
            return {"epochs": [{**about, "metric": name, "value": float(values[name])} for name in values]}
        return {name: [_decoded(name, row) for row in rows] for name, rows in value.items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _strange(path, error) from error


def _strange(path: Path, error: Exception) -> LakeError:
    return LakeError(f"{path} says what no journal of ours does ({error!r}). Move it out of the lake.")


def _encoded(value: Any) -> Any:
    """What JSON does not know: times as microseconds, numbers of numpy as plain ones."""
    if isinstance(value, datetime):
        return (value - _1970) // timedelta(microseconds=1)
    return value.item()


def _decoded(table: str, row: Mapping[str, Any]) -> Row:
    columns = TABLES[table].columns
    return {name: _read(columns[name].kind, value) for name, value in row.items()}


def _read(kind: Kind, value: Any) -> Any:
    if value is None or kind not in ("instant", "real"):
        return value
    return float(value) if kind == "real" else _1970 + timedelta(microseconds=value)


_to_json = json.JSONEncoder(separators=(",", ":"), default=_encoded, allow_nan=False).encode
