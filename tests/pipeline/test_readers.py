"""The can-train-and-test reader: every quirk of the published files, and files that are not one."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.can_log import CanLog, Defects
from pipeline.errors import CaptureError, ConfigError
from pipeline.readers import read_can_log
from tests.conftest import Python

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "tests" / "data"
HEADER = b"timestamp,arbitration_id,data_field,attack\n"
GOOD = HEADER + b"0.0,100,00FF,0\n0.1,2A0,,1\n"


def read(path: Path) -> CanLog:
    return read_can_log(path, "can-train-and-test-csv")


def read_bytes(folder: Path, data: bytes, name: str = "capture.csv") -> CanLog:
    (folder / name).write_bytes(data)
    return read(folder / name)


def test_every_quirk_is_read_as_documented() -> None:
    log = read(DATA / "quirks.csv")
    assert len(log) == 7
    assert [hex(number) for number in log.arbitration_id] == [
        "0x316", "0x18f", "0x18daf110", "0x0", "0xa0", "0x1fffffff", "0x7ff",
    ]  # fmt: skip
    assert log.dlc.tolist() == [8, 2, 3, 0, 8, 0, 3]
    assert bytes(log.payload[0]) == bytes.fromhex("0011223344556677")
    assert bytes(log.payload[1]) == bytes.fromhex("FFEE000000000000")
    assert bytes(log.payload[3]) == bytes(8)
    assert bytes(log.payload[4]) == bytes.fromhex("0102030405060708")
    assert log.is_attack.tolist() == [False, False, False, True, True, True, False]
    assert log.defects == Defects(empty_payloads=2, backward_steps=2, repaired_rows=1)
    assert log.timestamp_s[3] == 1672531200.0008, "rows keep their order, which is the order of the bus"
    assert log.span_s == pytest.approx(0.0009, abs=1e-6)


def test_the_payload_word_has_byte_0_lowest() -> None:
    word = read(DATA / "quirks.csv").payload_word
    assert word[0] == int.from_bytes(bytes.fromhex("0011223344556677"), "little")
    assert word[1] == 0xEEFF


WRITTEN = {
    "plain.csv": lambda data: data,
    "gzip.csv.gz": gzip.compress,
    "crlf.csv": lambda data: data.replace(b"\n", b"\r\n"),
    "no-last-newline.csv": lambda data: data.rstrip(b"\n"),
    "byte-order-mark.csv": lambda data: b"\xef\xbb\xbf" + data,
    "lower-case.csv": lambda data: HEADER + data[len(HEADER) :].lower(),
    "two-members.csv.gz": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "zeros-in-front.csv": lambda data: data.replace(b",316,", b",00000316,"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_row_digest_is_of_the_frames_however_they_were_written(tmp_path: Path, name: str) -> None:
    data = (DATA / "quirks.csv").read_bytes()
    log = read_bytes(tmp_path, WRITTEN[name](data), name)
    assert log.row_digest() == read(DATA / "quirks.csv").row_digest()
    assert log.defects == read(DATA / "quirks.csv").defects


CHANGES = {
    "time": (b"0.1,2A0", b"0.1000001,2A0"),
    "id": (b"2A0", b"2A1"),
    "payload": (b"00FF", b"01FF"),
    "length": (b"00FF", b"00FF00"),
    "label": (b",1\n", b",0\n"),
    "order": (b"0.0,100,00FF,0\n0.1,2A0,,1\n", b"0.1,2A0,,1\n0.0,100,00FF,0\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_row_digest_changes_with_every_column(tmp_path: Path, change: str) -> None:
    changed = read_bytes(tmp_path, GOOD.replace(*CHANGES[change]), "changed.csv")
    assert changed.row_digest() != read_bytes(tmp_path, GOOD).row_digest()


@pytest.mark.parametrize("change", ["time", "id", "payload", "length"])
def test_a_frames_key_changes_with_all_but_its_label(tmp_path: Path, change: str) -> None:
    first, changed = read_bytes(tmp_path, GOOD), read_bytes(tmp_path, GOOD.replace(*CHANGES[change]), "changed.csv")
    assert (first.row_keys() != changed.row_keys()).sum() == 1
    relabelled = read_bytes(tmp_path, GOOD.replace(*CHANGES["label"]), "relabelled.csv")
    assert np.array_equal(first.row_keys(), relabelled.row_keys())


ROW = {  # what -> (a row, the words that say why)
    "cut in the time": (b"0.", "arbitration_id is no CAN ID in hex"),
    "cut in the id": (b"0.2,3", "attack is neither 0 nor 1"),
    "cut in the payload": (b"0.2,3A0,00F", "payload is not 0 to 8 bytes in hex"),
    "cut before the label": (b"0.2,3A0,00FF,", "attack is neither 0 nor 1"),
    "an odd number of digits": (b"0.2,3A0,0F0,0", "payload is not 0 to 8 bytes in hex"),
    "nine bytes": (b"0.2,3A0,001122334455667788,0", "payload is not 0 to 8 bytes in hex"),
    "no hex in the payload": (b"0.2,3A0,00GG,0", "payload is not hex"),
    "a blank in the payload": (b"0.2,3A0,00 1FF,0", "payload is not hex"),
    "a sign in the payload": (b"0.2,3A0,+0FF,0", "payload is not hex"),
    "a minus in the payload": (b"0.2,3A0,-0FF,0", "payload is not hex"),
    "0x before the payload": (b"0.2,3A0,0x00FF,0", "payload is not hex"),
    "no id": (b"0.2,,00FF,0", "arbitration_id is no CAN ID in hex"),
    "no hex in the id": (b"0.2,XYZ,00FF,0", "arbitration_id is no CAN ID in hex"),
    "0x before the id": (b"0.2,0x3A0,00FF,0", "arbitration_id is no CAN ID in hex"),
    "an id of 30 bits": (b"0.2,20000000,00FF,0", "arbitration_id is no CAN ID in hex"),
    "an id of 80 bits": (b"0.2,FFFFFFFFFFFFFFFFFFFF,00FF,0", "arbitration_id is no CAN ID in hex"),
    "a negative id": (b"0.2,-3A0,00FF,0", "arbitration_id is no CAN ID in hex"),
    "a signed id": (b"0.2,+3A0,00FF,0", "arbitration_id is no CAN ID in hex"),
    "label 2": (b"0.2,3A0,00FF,2", "attack is neither 0 nor 1"),
    "label -1": (b"0.2,3A0,00FF,-1", "does not fit the columns"),
    "a label in words": (b"0.2,3A0,00FF,True", "does not fit the columns"),
    "no time": (b",3A0,00FF,0", "timestamp is no number"),
    "a NaN time": (b"NaN,3A0,00FF,0", "timestamp is no number"),
    "an infinite time": (b"inf,3A0,00FF,0", "timestamp is no number"),
    "a time in words": (b"noon,3A0,00FF,0", "does not fit the columns"),
    "a column too many": (b"0.2,3A0,00FF,0,0", "does not fit the columns"),
    "semicolons": (b"0.2;3A0;00FF;0", "does not fit the columns"),
    "an empty line": (b"", "timestamp is no number"),
    "binary": (b"\x00\xff\xfe\x80,\x81,\x82,0", "does not fit the columns"),
    "quotes": (b'"0.2","3A0","00FF","0"', "does not fit the columns"),
}


@pytest.mark.parametrize("what", ROW)
def test_a_row_that_is_none_is_refused_with_reason_and_remedy(tmp_path: Path, what: str) -> None:
    row, words = ROW[what]
    # once as the last row, which a download may have cut, and once among good ones
    for data in (GOOD + row + b"\n", GOOD + row + b"\n" + GOOD[len(HEADER) :]):
        with pytest.raises(CaptureError) as refused:
            read_bytes(tmp_path, data)
        assert str(tmp_path / "capture.csv") in str(refused.value)
        assert words in str(refused.value)
        assert "fetch it again" in str(refused.value)


def test_the_faulty_row_is_shown_with_its_number_and_how_many_there_are(tmp_path: Path) -> None:
    data = GOOD + b"0.2,3A0,00FF,2\n" + b"0.3,3A0,00FF,0\n" + b"0.4,3A0,00FF,3\n"
    with pytest.raises(CaptureError, match=r"data row 3: attack is neither 0 nor 1 \('0.2,3A0,00FF,2'\); 2 such rows"):
        read_bytes(tmp_path, data)


FILE = {  # what -> (file name, bytes, the words that say why)
    "empty": ("a.csv", b"", "is empty"),
    "empty gzip": ("a.csv.gz", gzip.compress(b""), "is empty"),
    "an empty gzip file": ("a.csv.gz", b"", "is empty"),
    "the header only": ("a.csv", HEADER, "holds no frames"),
    "the header without its end": ("a.csv", HEADER.strip(), "holds no frames"),
    "no header": ("a.csv", GOOD[len(HEADER) :], "the first line is '0.0,100,00FF,0', not timestamp"),
    "semicolons": ("a.csv", GOOD.replace(b",", b";"), "the first line is 'timestamp;arbitration_id"),
    "tabs": ("a.csv", GOOD.replace(b",", b"\t"), "the first line is"),
    "another order": (
        "a.csv",
        GOOD.replace(b"timestamp,arbitration_id", b"arbitration_id,timestamp"),
        "the first line",
    ),
    "binary": ("a.csv", bytes(range(256)) * 8, "the first line is"),
    "a Parquet file": ("a.csv", b"PAR1" + bytes(100), "the first line is 'PAR1"),
    "UTF-16": ("a.csv", GOOD.decode().encode("utf-16"), "the first line is"),
    "gzip without the name": ("a.csv", gzip.compress(GOOD), "the first line is"),
    "no gzip in spite of the name": ("a.csv.gz", GOOD, "the archive is damaged or cut off"),
    "a cut gzip": ("a.csv.gz", gzip.compress(GOOD * 50)[:-30], "the archive is damaged or cut off"),
    "a gzip cut in its last word": ("a.csv.gz", gzip.compress(GOOD * 50)[:-2], "the archive is damaged or cut off"),
    "a gzip with a wrong byte": ("a.csv.gz", gzip.compress(GOOD)[:30] + b"?" + gzip.compress(GOOD)[31:], "damaged"),
    "a gzip with a tail": ("a.csv.gz", gzip.compress(GOOD) + b"tail", "the archive is damaged or cut off"),
}
NEXT = ("Fetch it again", "Fetch the file again", "check the dataset's reader", "fetch it again")


@pytest.mark.parametrize("what", FILE)
def test_a_file_that_is_no_capture_is_refused_with_reason_and_remedy(tmp_path: Path, what: str) -> None:
    name, data, words = FILE[what]
    with pytest.raises(CaptureError) as refused:
        read_bytes(tmp_path, data, name)
    assert str(tmp_path / name) in str(refused.value)
    assert words in str(refused.value)
    assert any(remedy in str(refused.value) for remedy in NEXT), str(refused.value)


def test_a_capture_that_is_missing_or_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"nowhere.csv does not exist. Check KDGAT_DATA"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(CaptureError, match=r"cannot be read: Is a directory. Check"):
        read(tmp_path)


def test_a_capture_that_may_not_be_read_is_said(tmp_path: Path, without_override: Python) -> None:
    (tmp_path / "closed.csv").write_bytes(GOOD)
    (tmp_path / "closed.csv").chmod(0)
    code = "import sys\nfrom pathlib import Path\nfrom pipeline.readers import read_can_log\n"
    code += "read_can_log(Path(sys.argv[1]), 'can-train-and-test-csv')"
    done = without_override("-c", code, str(tmp_path / "closed.csv"))
    assert "CaptureError: " in done.stderr
    assert "closed.csv cannot be read: Permission denied. Check" in done.stderr


def test_an_unknown_reader_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no reader is called 'pcap'. Readers: can-train-and-test-csv"):
        read_can_log(DATA / "plain.csv", "pcap")


def test_white_space_around_an_id_is_counted_as_repaired(tmp_path: Path) -> None:
    log = read_bytes(tmp_path, HEADER + b"0.0, 100 ,00FF,0\n")
    assert (log.arbitration_id[0], log.defects.repaired_rows) == (0x100, 1)
