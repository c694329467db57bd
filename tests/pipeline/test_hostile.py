"""What may stand in any capture file and must not break a reader, and what no reader may take for a frame."""

import base64
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.readers import READERS, read_can_log, read_chunks

# ---- text formats: a row of each from its parts, so that every part can be wrong


@dataclass(frozen=True)
class Row:
    """A frame as a format writes it; every field is text, and `dlc` what the file says of the payload."""

    time: str = "2.5"
    number: str = "4F0"
    payload: str = "0102030405060708"
    dlc: str = "8"
    label: str = "0"


def pairs(text: str, separator: str) -> str:
    return separator.join(text[i : i + 2] for i in range(0, len(text), 2))


TEXT: dict[str, Callable[[Row], str]] = {
    "can-train-and-test-csv": lambda r: f"{r.time},{r.number},{r.payload},{r.label}",
    "hcrl-csv": lambda r: ",".join(
        [
            r.time,
            r.number,
            r.dlc,
            *([pairs(r.payload, ",")] if r.payload else []),
            {"0": "R", "1": "T"}.get(r.label, "X"),
        ]
    ),
    "hcrl-text": lambda r: f"Timestamp: {r.time}   ID: {r.number}    000    DLC: {r.dlc}    {pairs(r.payload, ' ')}",
    "candump": lambda r: f"({r.time}) can0 {r.number}#{r.payload}",
    "daga": lambda r: f"{r.time},{r.number},{int(r.dlc) * 8 if r.dlc.isdigit() else r.dlc},{r.payload},0,{r.label}",
    "can-csv": lambda r: f"{r.time},0x{r.number},1,0,0,{r.dlc},{base64.b64encode(hex_bytes(r.payload)).decode()}",
}
HEADERS = {
    "can-train-and-test-csv": "timestamp,arbitration_id,data_field,attack\n",
    "daga": "timestamp,CAN_ID,DLC,PAYLOAD_HEX,PAYLOAD_BIN,ANOMALY\n",
    "can-csv": "timestamp,arbitration_id,extended,remote,error,dlc,data\n",
}
LABELS = {"daga": {"0": "False", "1": "True"}}


def hex_bytes(text: str) -> bytes:
    return bytes.fromhex(text) if len(text) % 2 == 0 else b""


def written(folder: Path, reader: str, *rows: Row) -> Path:
    if reader in ("can-csv",):
        pytest.importorskip("can", reason="the optional package python-can is not installed")
    path = folder / "capture.log"
    lines = [
        TEXT[reader](Row(r.time, r.number, r.payload, r.dlc, LABELS.get(reader, {}).get(r.label, r.label)))
        for r in rows
    ]
    path.write_text(HEADERS.get(reader, "") + "".join(line + "\n" for line in lines))
    return path


TAKEN = {  # what -> (row, ID, payload)
    "a standard frame": (Row(), 0x4F0, "0102030405060708"),
    "the highest standard ID": (Row(number="7FF"), 0x7FF, "0102030405060708"),
    "an extended ID": (Row(number="18DAF110"), 0x18DAF110, "0102030405060708"),
    "the highest extended ID": (Row(number="1FFFFFFF"), 2**29 - 1, "0102030405060708"),
    "ID 0": (Row(number="000"), 0, "0102030405060708"),
    "no payload": (Row(payload="", dlc="0"), 0x4F0, ""),
    "one byte": (Row(payload="FF", dlc="1"), 0x4F0, "FF"),
}


@pytest.mark.parametrize("what", TAKEN)
@pytest.mark.parametrize("reader", TEXT)
def test_what_a_bus_carries_is_read(reader: str, what: str, tmp_path: Path) -> None:
    row, number, payload = TAKEN[what]
    log = read_can_log(written(tmp_path, reader, Row(time="1.5"), row), reader)
    assert frame(log, 1) == (number, payload)


def frame(log: CanLog, index: int) -> tuple[int, str]:
    return int(log.arbitration_id[index]), log.payload[index, : log.dlc[index]].tobytes().hex().upper()


REFUSED = {
    "an ID of 30 bits": Row(number="20000000"),
    "an ID with SocketCAN's flag": Row(number="98DAF110"),
    "an ID of 80 bits": Row(number="F" * 20),
    "no ID": Row(number=""),
    "no hex in the ID": Row(number="4G0"),
    "a signed ID": Row(number="-4F0"),
    "no number for a time": Row(time="noon"),
    "no time": Row(time=""),
    "a time that is none": Row(time="nan"),
    "no end of time": Row(time="inf"),
    "no hex in the payload": Row(payload="010203040506070G"),
    "half a byte": Row(payload="01020304050607081"),
    "more bytes than the format has": Row(payload="01" * 65, dlc="65"),
    "a DLC above the payload": Row(payload="0102", dlc="8"),
    "a DLC below the payload": Row(dlc="3"),
    "a DLC in words": Row(dlc="eight"),
    "a label that is none": Row(label="2"),
}
# what a format does not say, it cannot say wrongly
SILENT = {
    "a DLC above the payload": ("can-train-and-test-csv", "candump"),
    "a DLC below the payload": ("can-train-and-test-csv", "candump"),
    "a DLC in words": ("can-train-and-test-csv", "candump"),
    "a label that is none": ("hcrl-text", "candump", "can-csv"),
    "no hex in the payload": ("can-csv",),  # base64, whose bytes are any
    "half a byte": ("can-csv",),
    "an ID of 30 bits": ("candump",),  # SocketCAN's error frame, counted and left out: below
}


@pytest.mark.parametrize(
    ("reader", "what"), [(reader, what) for what in REFUSED for reader in TEXT if reader not in SILENT.get(what, ())]
)
def test_what_is_no_frame_is_refused_by_its_row(reader: str, what: str, tmp_path: Path) -> None:
    path = written(tmp_path, reader, Row(time="1.5"), REFUSED[what], Row(time="3.5"))
    with pytest.raises(CaptureError) as refused:
        read_can_log(path, reader)
    assert str(path) in str(refused.value)
    assert "fetch" in str(refused.value).lower()
    if reader != "can-csv":  # python-can reads the lines itself and stops at one without saying which
        assert "data row 2" in str(refused.value)
    with pytest.raises(CaptureError):
        list(read_chunks(path, reader, 64))


@pytest.mark.parametrize("reader", TEXT)
def test_a_file_cut_anywhere_is_read_up_to_a_line_or_refused(reader: str, tmp_path: Path) -> None:
    """Cut behind each byte of its last row: never a frame that was not recorded, never another error than ours."""
    path = written(tmp_path, reader, Row(time="1.5"), Row(time="2.5", payload="0102", dlc="2"))
    content = path.read_bytes()
    start = content.rstrip().rfind(b"\n") + 1
    whole = read_can_log(path, reader)
    taken = 0
    for length in range(start, len(content)):
        path.write_bytes(content[:length])
        try:
            log = read_can_log(path, reader)
        except CaptureError:
            continue
        taken += 1
        assert len(log) <= 2
        assert frame(log, 0) == frame(whole, 0)
        if length > start and reader not in ("candump", "hcrl-text", "can-csv", "can-train-and-test-csv"):
            assert frame(log, 1) == frame(whole, 1), content[:length]
    assert taken >= 1, "cut where a row ends it is a shorter recording"


@pytest.mark.parametrize(("reader", "wrong"), [(one, other) for one in READERS for other in TEXT if one != other])
def test_a_file_of_another_format_is_refused(reader: str, wrong: str, tmp_path: Path) -> None:
    if reader == "mdf4":
        pytest.importorskip("asammdf", reason="the optional package asammdf is not installed")
    path = written(tmp_path, wrong, Row(), Row(time="3.5"))
    with pytest.raises(CaptureError, match=r"capture\.log"):
        read_can_log(path, reader)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00" * 5_000, b"\xff\xfe" * 500, b"x" * 70_000, b"\x1f\x8b"])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_log_at_all_is_refused(reader: str, content: bytes, tmp_path: Path) -> None:
    if reader == "mdf4":
        pytest.importorskip("asammdf", reason="the optional package asammdf is not installed")
    path = tmp_path / "capture.log"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=r"capture\.log"):
        read_can_log(path, reader)
    with pytest.raises(CaptureError, match=r"(?s)missing\.log does not exist"):
        read_can_log(tmp_path / "missing.log", reader)


# ---- candump: FD, remote and error frames in SocketCAN's spelling

CANDUMP = {
    "an FD frame": ("123##1" + "AB" * 64, 0x123, "AB" * 64),
    "an FD frame of 12 bytes": ("123##0" + "AB" * 12, 0x123, "AB" * 12),
    "an FD frame without bytes": ("123##0", 0x123, ""),
    "a remote frame": ("123#R", 0x123, ""),
    "a remote frame that says its length": ("123#R8", 0x123, ""),
    "bytes with dots": ("123#01.02.03", 0x123, "010203"),
    "a DLC above 8 behind eight bytes": ("123#" + "AB" * 8 + "_E", 0x123, "AB" * 8),
    "a direction behind it": ("123#0102 T", 0x123, "0102"),
}


@pytest.mark.parametrize("what", CANDUMP)
def test_candumps_other_frames_are_read(what: str, tmp_path: Path) -> None:
    text, number, payload = CANDUMP[what]
    path = tmp_path / "capture.log"
    path.write_text(f"(1.0) can0 001#00\n(2.0) vcan12 {text}\n(3.0) can0 20000004#0004000000000000\n")
    log = read_can_log(path, "candump")
    assert (len(log), frame(log, 1)) == (2, (number, payload))
    assert log.defects.error_frames == 1


@pytest.mark.parametrize(
    "text", ["123##1" + "AB" * 65, "123##1ABC", "123##", "123##G", "123#RX", "123#_", "123", "#00", "123#0G"]
)
def test_candumps_other_frames_may_be_wrong_as_well(text: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_text(f"(1.0) can0 001#00\n(2.0) can0 {text}\n")
    with pytest.raises(CaptureError, match="data row 2"):
        read_can_log(path, "candump")


# ---- Parquet: columns of another type, values out of range


PARQUET: dict[str, dict[str, Any]] = {
    "no such column": {"label": None, "data_field": None},
    "times in words": {"timestamp": ["a", "b"]},
    "a missing time": {"timestamp": [1.5, None]},
    "an ID of 30 bits": {"id": [1, 2**29]},
    "a negative ID": {"id": [1, -1]},
    "an ID beyond 64 bits of sense": {"id": [1.5, float("nan")]},
    "no hex": {"data_field": ["00", "0G"]},
    "nine bytes": {"data_field": ["00", "00" * 9]},
    "a label that is none": {"label": [0, 2]},
    "a missing label": {"label": [0, None]},
}


@pytest.mark.parametrize("what", PARQUET)
def test_a_parquet_of_other_values_is_refused(what: str, tmp_path: Path) -> None:
    columns: dict[str, Any] = {"timestamp": [1.5, 2.5], "id": [1, 2], "data_field": ["00", ""], "label": [0, 1]}
    columns |= PARQUET[what]
    path = tmp_path / "capture.parquet"
    pl.DataFrame({name: values for name, values in columns.items() if values is not None}).write_parquet(path)
    with pytest.raises(CaptureError, match=r"capture\.parquet"):
        read_can_log(path, "lab-parquet")
    cut = path.read_bytes()
    path.write_bytes(cut[: len(cut) // 2])
    with pytest.raises(CaptureError, match=r"is no Parquet of the columns"):
        read_can_log(path, "lab-parquet")


# ---- what python-can reads

ENDINGS = {"asc": "asc", "blf": "blf", "trc": "trc", "can-sqlite": "db", "can-csv": "csv", "mdf4": "mf4"}


def messages(can: Any, has_fd: bool) -> list[Any]:
    plain = [
        can.Message(timestamp=1.0, arbitration_id=0x7FF, data=b"\x01\x02", is_extended_id=False, channel=0),
        can.Message(timestamp=1.1, arbitration_id=2**29 - 1, data=b"\x03" * 8, is_extended_id=True, channel=0),
        can.Message(timestamp=1.2, arbitration_id=0x123, dlc=4, is_remote_frame=True, is_extended_id=False, channel=0),
        can.Message(timestamp=1.3, is_error_frame=True, is_extended_id=False, channel=0),
    ]
    long = can.Message(timestamp=1.4, arbitration_id=5, data=bytes(64), is_fd=True, is_extended_id=False, channel=0)
    return [*plain, long] if has_fd else plain


@pytest.mark.parametrize("reader", ENDINGS)
def test_29_bit_remote_error_and_fd_frames_of_other_programs_are_read(reader: str, tmp_path: Path) -> None:
    can = pytest.importorskip("can", reason="the optional package python-can is not installed")
    if reader == "mdf4":
        pytest.importorskip("asammdf", reason="the optional package asammdf is not installed")
    path = tmp_path / f"capture.{ENDINGS[reader]}"
    has_fd = reader in ("asc", "blf", "can-csv", "mdf4")  # TRC and SQLite of python-can carry none
    with can.Logger(str(path)) as logger:
        for message in messages(can, has_fd):
            logger.on_message_received(message)
    log = read_can_log(path, reader)
    expected = [(0x7FF, "0102"), (2**29 - 1, "03" * 8), (0x123, ""), (5, "00" * 64)][: 3 + has_fd]
    if reader == "trc":  # python-can writes neither remote nor error frames there
        expected = expected[:2]
    assert [frame(log, i) for i in range(len(log))] == expected
    assert log.defects.error_frames == (reader != "trc")
    assert log.payload.shape[1] == (64 if has_fd else 8)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    if reader in ("blf", "can-sqlite"):  # a cut MDF4 is refused as well, but asammdf then fails in its finaliser
        with pytest.raises(CaptureError, match=rf"capture\.{ENDINGS[reader]}"):
            read_can_log(path, reader)


@pytest.mark.parametrize(
    ("number", "data", "words"),
    [
        (2**29, b"", "arbitration_id is no CAN ID"),
        (1, bytes(65), "payload is not 0 to 64"),
        (1, b"1", "payload has another length"),
    ],
)
def test_an_sqlite_of_other_values_is_refused(number: int, data: bytes, words: str, tmp_path: Path) -> None:
    pytest.importorskip("can", reason="the optional package python-can is not installed")
    path = tmp_path / "capture.db"
    with sqlite3.connect(path) as log:
        log.execute(
            "CREATE TABLE messages (ts REAL, arbitration_id INTEGER, extended INTEGER, remote INTEGER, error INTEGER,"
            " dlc INTEGER, data BLOB)"
        )
        log.execute("INSERT INTO messages VALUES (1.5, 1, 0, 0, 0, 1, x'00')")
        log.execute(
            "INSERT INTO messages VALUES (2.5, ?, 1, 0, 0, ?, ?)", (number, 5 if data == b"1" else len(data), data)
        )
    log.close()
    with pytest.raises(CaptureError, match=rf"data row 2: {words}"):
        read_can_log(path, "can-sqlite")
