"""Every format gives the same frames, its quirks handled on purpose, its damage said."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.can_log import CanLog
from pipeline.errors import CaptureError
from pipeline.inspect import inspect_capture
from pipeline.readers import READERS, read_can_log
from pipeline.readers.recognise import recognise

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here: real recordings not read")

# Three frames, the second of five bytes and an attack, the third without a byte, in every format.
TIMES, IDS, PAYLOADS = (1.5, 2.25, 2.5), (0x4F0, 0x2B0, 0x5A), ("0102030405060708", "FF7F000549", "")
TEXTS = {
    "can-train-and-test-csv": "timestamp,arbitration_id,data_field,attack\n"
    "1.5,4F0,0102030405060708,0\n2.25,2B0,FF7F000549,1\n2.5,05A,,0\n",
    "hcrl-csv": "1.5,04f0,8,01,02,03,04,05,06,07,08,R\n2.25,02b0,5,ff,7f,00,05,49,T\n2.5,005a,0,R\n",
    "hcrl-text": "Timestamp:          1.500000        ID: 04f0    000    DLC: 8    01 02 03 04 05 06 07 08\n"
    "Timestamp:          2.250000        ID: 02b0    000    DLC: 5    ff 7f 00 05 49\n"
    "Timestamp:          2.500000        ID: 005a    100    DLC: 0\n",
    "candump": "(1.500000) can0 4F0#0102030405060708\n(2.250000) can0 2B0#FF7F000549\n(2.500000) can0 05A#R\n",
    "daga": "timestamp,CAN_ID,DLC,PAYLOAD_HEX,PAYLOAD_BIN,ANOMALY\n"
    "1.5,4F0,64,0102030405060708,0,FALSE\n2.25,2B0,40,FF7F000549,0,True\n2.5,5A,0,,0,False\n",
}
LABELLED = ("can-train-and-test-csv", "hcrl-csv", "daga", "lab-parquet")


def written(folder: Path, reader: str, name: str = "capture.log") -> Path:
    path = folder / name
    if reader == "lab-parquet":
        columns = {"timestamp": TIMES, "id": IDS, "data_field": PAYLOADS, "label": (0, 1, 0), "source_file": ["x"] * 3}
        pl.DataFrame(columns).write_parquet(path)
    else:
        path.write_text(TEXTS[reader])
    return path


def frames(log: CanLog) -> list[tuple[float, int, str]]:
    rows = zip(log.timestamp_s, log.arbitration_id, log.payload, log.dlc, strict=True)
    return [(float(time), int(number), payload[:size].tobytes().hex().upper()) for time, number, payload, size in rows]


@pytest.mark.parametrize("reader", [*TEXTS, "lab-parquet"])
def test_every_format_gives_the_same_frames(reader: str, tmp_path: Path) -> None:
    path = written(tmp_path, reader)
    assert recognise(path) == reader
    log = read_can_log(path, reader)
    assert frames(log) == list(zip(TIMES, IDS, PAYLOADS, strict=True))
    assert log.is_attack.tolist() == [False, reader in LABELLED, False]
    assert log.defects.empty_payloads == 1


@pytest.mark.parametrize("reader", TEXTS)
def test_line_ends_and_packing_do_not_change_the_frames(reader: str, tmp_path: Path) -> None:
    plain = read_can_log(written(tmp_path, reader), reader)
    windows = tmp_path / "windows.log"
    windows.write_bytes(TEXTS[reader].replace("\n", "\r\n").encode())
    packed = tmp_path / "capture.log.gz"
    packed.write_bytes(gzip.compress(TEXTS[reader].encode()))
    zipped = tmp_path / "capture.log.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("capture.log", TEXTS[reader])
    for path in (windows, packed, zipped):
        assert read_can_log(path, recognise(path)).row_digest() == plain.row_digest(), path.name


@pytest.mark.parametrize("reader", TEXTS)
def test_a_byte_order_mark_and_blank_lines_do_not_change_the_frames(reader: str, tmp_path: Path) -> None:
    plain = read_can_log(written(tmp_path, reader), reader)
    marked = tmp_path / "marked.log"
    marked.write_bytes(b"\xef\xbb\xbf" + TEXTS[reader].encode())
    assert recognise(marked) == reader
    assert read_can_log(marked, reader).row_digest() == plain.row_digest()
    if reader not in ("can-train-and-test-csv", "daga"):  # there an empty line is a row without its columns
        marked.write_text("\n" + TEXTS[reader].replace("\n", "\n\n"))
        assert read_can_log(marked, reader).row_digest() == plain.row_digest()


DAMAGE: dict[str, Callable[[str], str]] = {
    "cut in its last row": lambda text: text[: text.rstrip().rfind("\n") + 6],
    "no hex": lambda text: text.replace("FF7F", "GG7F").replace("ff,7f", "gg,7f").replace("ff 7f", "gg 7f"),
    "an ID of 30 bits": lambda text: text.replace("4F0", "7FFFFFFFF").replace("04f0", "7FFFFFFFF"),
    "no number for a time": lambda text: text.replace("2.25", "noon"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reader", TEXTS)
def test_a_damaged_row_is_refused_by_its_number(reader: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_text(DAMAGE[damage](TEXTS[reader]))
    assert path.read_text() != TEXTS[reader], "the damage should be there"
    with pytest.raises(CaptureError, match=r"(?s)capture\.log.*(row|column)"):
        read_can_log(path, reader)


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"asc", "blf", "trc"}))
@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02" * 100, b"some words\nof no log\n"], ids=["empty", "binary", "prose"]
)
def test_what_is_no_log_is_refused(reader: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=r"capture\.log"):
        read_can_log(path, reader)
    with pytest.raises(CaptureError, match=r"capture\.log"):
        recognise(path)


def test_a_dlc_that_is_not_the_payloads_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "capture.log"
    path.write_text("1.5,04f0,7,01,02,03,04,05,06,07,08,R\n")
    with pytest.raises(CaptureError, match="another length than its DLC says"):
        read_can_log(path, "hcrl-csv")


def test_a_zip_of_two_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", "x")
        archive.writestr("b.log", "y")
    with pytest.raises(CaptureError, match="holds 2 files"):
        recognise(path)


def test_candump_carries_fd_payloads_and_29_bit_ids_and_leaves_out_error_frames(tmp_path: Path) -> None:
    path = tmp_path / "fd.log"
    long = "AB" * 64
    path.write_text(f"(1.0) can0 18DAF110##1{long}\n(1.5) can0 20000080#0000000000000000\n(2.0) can0 123#11.22.33\n")
    log = read_can_log(path, "candump")
    assert frames(log) == [(1.0, 0x18DAF110, long), (2.0, 0x123, "112233")]
    assert (log.payload.shape, log.defects.error_frames) == ((2, 64), 1)


def test_a_daga_id_that_was_written_as_a_number_is_repaired_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "daga.csv"
    path.write_text(TEXTS["daga"].replace("2.25,2B0", "2.25,290.0"))
    log = read_can_log(path, "daga")
    assert (log.arbitration_id[1], log.defects.repaired_rows) == (0x290, 1)


def test_road_frames_are_attacks_where_interval_id_and_payload_fit(tmp_path: Path) -> None:
    path = tmp_path / "attack_1.log"
    rows = ["0.0 0D0#00040000", "1.0 0D0#00040000", "1.5 0D0#00050000", "1.7 0D1#00040000", "2.0 0D0#FF040000"]
    path.write_text("".join(f"({100 + float(r.split()[0]):.6f}) can0 {r.split()[1]}\n" for r in rows))
    about = {"injection_interval": [1.0, 2.0], "injection_id": "0xd0", "injection_data_str": "XX04XXXX"}
    (tmp_path / "capture_metadata.json").write_text(json.dumps({"attack_1": about}))
    log = read_can_log(path, "candump")
    assert log.is_labelled
    assert log.is_attack.tolist() == [False, True, False, False, True]  # both borders are inside
    (tmp_path / "capture_metadata.json").write_text("{")
    with pytest.raises(CaptureError, match="not ROAD's metadata"):
        read_can_log(path, "candump")


@pytest.mark.parametrize("ending", ["asc", "blf", "trc"])
def test_logs_written_by_python_can_are_read_back(ending: str, tmp_path: Path) -> None:
    can = pytest.importorskip("can", reason="the optional package python-can is not installed")
    path = tmp_path / f"capture.{ending}"
    with can.Logger(str(path)) as log:
        for time, number, payload in zip(TIMES, IDS, PAYLOADS, strict=True):
            data = bytes.fromhex(payload)
            log.on_message_received(
                can.Message(timestamp=time, arbitration_id=number, data=data, is_extended_id=False, channel=0)
            )
    found = read_can_log(path, recognise(path))
    assert [frame[1:] for frame in frames(found)] == list(zip(IDS, PAYLOADS, strict=True))
    assert np.allclose(np.diff(found.timestamp_s), np.diff(TIMES), atol=1e-3)
    assert not found.is_labelled
    path.write_bytes(b"no log")
    with pytest.raises(CaptureError, match=f"capture.{ending}"):
        read_can_log(path, ending)


def test_inspection_tells_what_is_in_a_capture(tmp_path: Path) -> None:
    facts = inspect_capture(written(tmp_path, "hcrl-csv"))
    expected = {"format": "hcrl-csv", "frames": 3, "arbitration_ids": 3, "span_s": 1.0, "attack_frames": 1}
    assert expected.items() <= facts.items()
    assert facts["defects"] == {"empty_payloads": 1}
    assert facts["doubts"] == []
    assert inspect_capture(written(tmp_path, "candump"))["attack_frames"] is None, "a log without labels has no count"


@needs_shared
@pytest.mark.parametrize(
    ("path", "reader", "rows", "attacks"),
    [
        ("hcrl_ch/normal_run_data.txt", "hcrl-text", 40, 0),
        ("otids/Attack_free_dataset_10k.txt", "hcrl-text", 10_000, 0),
        ("hcrl_sa_txt/Spark/Fuzzy_dataset_Spark.txt", "hcrl-csv", 42_626, 3_558),
        ("hcrl_sa_txt/Spark/Malfunction18E_dataset_Spark.txt.gz", "hcrl-csv", 46_394, 3_995),
        ("road/attacks/correlated_signal_attack_1.log.gz", "candump", 81_262, 2_087),
        ("road/attacks/fuzzing_attack_1.log.gz", "candump", 49_342, 592),
        ("road/attacks/reverse_light_off_attack_1.log.gz", "candump", 67_902, 673),
        ("daga/clean/V40_03.can.zip", "daga", 176_012, 0),
        ("daga/infected/DenialOfService/lowestID_V40_03.can.zip", "daga", 182_448, 9_900),
        ("daga/infected/OrderedSequenceReplay/n_5_V40_03.can.zip", "daga", 177_552, 1_540),
    ],
)
def test_real_recordings_are_recognised_and_counted(path: str, reader: str, rows: int, attacks: int) -> None:
    assert recognise(SHARED / path) == reader
    log = read_can_log(SHARED / path, reader)
    assert (len(log), int(log.is_attack.sum())) == (rows, attacks)


@needs_shared
def test_the_same_recording_in_two_formats_has_one_row_digest() -> None:
    text = read_can_log(SHARED / "hcrl_sa_txt/Spark/Flooding_dataset_Spark.txt.gz", "hcrl-csv")
    table = read_can_log(
        SHARED / "hcrl_sa/test_02_unknown_vehicle_known_attack/DoS-spark.csv.gz", "can-train-and-test-csv"
    )
    assert text.row_digest() == table.row_digest()
