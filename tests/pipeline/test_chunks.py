"""A capture read as a stream is the capture read whole, whatever the format and wherever its chunks end."""

import gzip
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipeline.can_log import CanLog, Defects, joined
from pipeline.errors import CaptureError
from pipeline.readers import read_can_log, read_chunks, read_labelled
from pipeline.readers.recognise import recognise
from tests.pipeline.captures import REPOSITORY, stretch
from tests.pipeline.captures import recorded as recording

N = 400


def lines(log: CanLog, reader: str) -> str:
    rows = zip(log.timestamp_s.tolist(), log.arbitration_id, log.payload, log.dlc, log.is_attack, strict=True)
    return HEADERS.get(reader, "") + "".join(
        LINES[reader](time, number, payload[:size].tobytes().hex().upper(), attack)
        for time, number, payload, size, attack in rows
    )


def spaced(text: str, separator: str) -> str:
    return separator.join(text[i : i + 2] for i in range(0, len(text), 2))


HEADERS = {
    "can-train-and-test-csv": "timestamp,arbitration_id,data_field,attack\n",
    "daga": "timestamp,CAN_ID,DLC,PAYLOAD_HEX,PAYLOAD_BIN,ANOMALY\n",
}
LINES = {
    "can-train-and-test-csv": lambda t, i, p, a: f"{t!r},{i:03X},{p},{int(a)}\n",
    "hcrl-csv": lambda t, i, p, a: f"{t!r},{i:04x},{len(p) // 2},{spaced(p, ',') + ',' if p else ''}{'RT'[int(a)]}\n",
    "hcrl-text": lambda t, i, p, a: (
        f"Timestamp: {t!r}   ID: {i:04x}    000    DLC: {len(p) // 2}    {spaced(p, ' ')}\n"
    ),
    "candump": lambda t, i, p, a: f"({t!r}) can0 {i:03X}#{p}\n",
    "daga": lambda t, i, p, a: f"{t!r},{i:X},{len(p) * 4},{p},0,{bool(a)}\n",
}


@pytest.fixture(scope="module")
def log() -> CanLog:
    """Frames around the beginning of a flood, one of them stamped back and one without a byte."""
    whole = recording()
    first = int(np.flatnonzero(whole.is_attack)[0]) - N // 2
    part = stretch(whole, first, first + N)
    part.timestamp_s[200] -= 0.5
    part.payload[150], part.dlc[150] = 0, 0
    assert 0 < part.is_attack.sum() < N
    return part


@pytest.mark.parametrize("packing", ["", ".gz", ".zip"])
@pytest.mark.parametrize("reader", LINES)
def test_chunks_together_are_the_whole_in_every_text_format(
    log: CanLog, reader: str, packing: str, tmp_path: Path
) -> None:
    path, text = tmp_path / f"capture.log{packing}", lines(log, reader).encode()
    if packing == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("capture.log", text)
    else:
        path.write_bytes(gzip.compress(text) if packing else text)
    is_labelled = reader not in ("hcrl-text", "candump")
    assert_is_the_whole(path, reader, log if is_labelled else replace(log, is_attack=np.zeros(N, dtype=bool)), 2_000)


def assert_is_the_whole(path: Path, reader: str, expected: CanLog, block_bytes: int) -> None:
    assert recognise(path) == reader
    whole, chunks = read_can_log(path, reader), list(read_chunks(path, reader, block_bytes))
    assert len(chunks) > 5
    for found in (whole, joined(chunks)):
        assert found.row_digest() == expected.row_digest()
        assert found.defects == Defects(empty_payloads=1, backward_steps=1)
        assert found.is_labelled == whole.is_labelled


def test_parquet_is_read_a_few_rows_at_a_time(log: CanLog, tmp_path: Path) -> None:
    payloads = [row[:size].tobytes().hex() for row, size in zip(log.payload, log.dlc, strict=True)]
    columns = {"timestamp": log.timestamp_s, "id": log.arbitration_id, "data_field": payloads}
    path = tmp_path / "capture.parquet"
    pl.DataFrame(columns).with_columns(label=pl.Series(log.is_attack.astype(np.uint8))).write_parquet(path)
    assert_is_the_whole(path, "lab-parquet", log, 2_000)


@pytest.mark.parametrize("ending", ["asc", "blf", "trc", "db", "csv"])
def test_what_python_can_reads_comes_in_chunks_as_well(log: CanLog, ending: str, tmp_path: Path) -> None:
    can = pytest.importorskip("can", reason="the optional package python-can is not installed")
    path = tmp_path / f"capture.{ending}"
    with can.Logger(str(path)) as logger:
        for time, number, payload, size in zip(
            np.arange(N) / 1000, log.arbitration_id, log.payload, log.dlc, strict=True
        ):
            data = payload[:size].tobytes()
            logger.on_message_received(
                can.Message(
                    timestamp=float(time), arbitration_id=int(number), data=data, is_extended_id=False, channel=0
                )
            )
    reader = recognise(path)
    whole, chunks = read_can_log(path, reader), list(read_chunks(path, reader, 6_400))
    assert len(chunks) == 10
    assert joined(chunks).row_digest() == whole.row_digest()
    assert np.array_equal(whole.payload, log.payload)
    assert np.array_equal(whole.arbitration_id, log.arbitration_id)
    assert not whole.is_labelled


@pytest.mark.parametrize("reader", LINES)
def test_a_row_far_into_a_capture_is_named_by_its_number(log: CanLog, reader: str, tmp_path: Path) -> None:
    header, *rows = (HEADERS.get(reader, "\n") + lines(log, reader).removeprefix(HEADERS.get(reader, ""))).splitlines()
    rows[333] = rows[333].replace(" ", "").replace(",", "")
    path = tmp_path / "capture.log"
    path.write_text("\n".join([header, *rows]))
    found: list[int] = []
    with pytest.raises(CaptureError, match=r"capture.log: data row 334: "):
        found.extend(map(len, read_chunks(path, reader, 2_000)))
    assert 200 < sum(found) < 334, "what is before is given"
    with pytest.raises(CaptureError, match=r"data row 334: "):
        read_can_log(path, reader)


def test_road_counts_its_injections_from_the_first_line_of_the_log(log: CanLog, tmp_path: Path) -> None:
    injected = {"injection_interval": [0.05, 0.1], "injection_id": "XXX", "injection_data_str": "X" * 16}
    (tmp_path / "capture_metadata.json").write_text(json.dumps({"log_1": injected, "ambient_1": {"about": "a drive"}}))
    whole = (tmp_path / "log_1.log", tmp_path / "ambient_1.log", tmp_path / "other.log")
    for path in whole:
        path.write_text(lines(log, "candump"))
    labelled = [read_can_log(path, "candump").is_labelled for path in whole]
    assert labelled == [True, True, False]
    chunks = list(read_chunks(whole[0], "candump", 2_000))
    since = np.round(log.timestamp_s - log.timestamp_s[0], 6)
    expected = (since >= 0.05) & (since <= 0.1) & (log.dlc == 8)
    assert np.array_equal(joined(chunks).is_attack, expected)
    assert 10 < expected.sum() < N / 2


def test_a_recording_without_labels_is_read_and_never_trained_on(log: CanLog, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines(log, "can-train-and-test-csv").split()))
    assert recognise(path) == "can-train-and-test-csv"
    found = read_can_log(path, "can-train-and-test-csv")
    assert not found.is_labelled
    assert np.array_equal(found.payload, log.payload)
    with pytest.raises(CaptureError, match=r"own.csv has no labels, and training and evaluation need to know .* Add"):
        read_labelled(path, "can-train-and-test-csv")


def test_a_stream_left_unread_holds_up_nobody(tmp_path: Path, log: CanLog) -> None:
    path = tmp_path / "capture.csv"
    path.write_text(lines(log, "can-train-and-test-csv"))
    for _ in range(50):
        next(iter(read_chunks(path, "can-train-and-test-csv", 1_000)))
    assert len(read_can_log(path, "can-train-and-test-csv")) == N


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Half a million frames in blocks of 256 kB: a process that streams holds far less than one that reads all."""
    text = lines(stretch(recording(), 0, 50_000), "can-train-and-test-csv").encode()
    header, _, rows = text.partition(b"\n")
    path = tmp_path / "long.csv"
    path.write_bytes(b"\n".join([header, rows * 10]))
    code = (
        "import resource, sys; from pathlib import Path; from pipeline.readers import read_can_log, read_chunks\n"
        "path, reader = Path(sys.argv[1]), 'can-train-and-test-csv'\n"
        "n = sum(map(len, read_chunks(path, reader, 2**18)))\n"
        "first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(4): assert sum(map(len, read_chunks(path, reader, 2**18))) == n == 500_000\n"
        "print(first, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    once, five_times = map(int, done.stdout.split())
    assert five_times - once < 16 * 1024, "KiB"
