"""`verify` finds what must not be, and calls a sound lake sound."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake.append import append
from lake.check import verify
from lake.compact import compact
from lake.errors import LakeError
from lake.files import sha256_of
from lake.generation import Generation, put_generation, read_index
from lake.pack import write_index
from lake.parts import DIGITS
from lake.read import query
from lake.schema import EPOCHS, METRICS, RUNS, TABLES
from lake.snapshot import take_snapshot
from tests.conftest import Python
from tests.lake.rows import epoch_row, metric_row, run_row


def test_a_sound_lake_has_no_fault(small_lake: Path) -> None:
    assert verify(small_lake) == []
    snapshot = take_snapshot(small_lake)
    assert verify(small_lake) == []
    assert verify(small_lake, snapshot) == []


def test_a_flipped_bit_is_found_wherever_it_is(small_lake: Path) -> None:
    rows = [epoch_row(epoch=7, metric=f"m{n}", value=n / 7) for n in range(50)]
    part = append(small_lake, EPOCHS, "run-a", "epoch-00007", rows)
    whole = part.read_bytes()
    for at in range(0, len(whole), 37):
        part.write_bytes(flipped(whole, at))
        assert verify(small_lake) == [
            f"{relative(part)} was altered: its bytes are not those that its name says. Restore it from a copy."
        ]
        with pytest.raises(LakeError, match="was altered"):
            query(small_lake, "SELECT * FROM epochs")


def test_a_flipped_bit_of_a_pack_an_index_a_generation_or_a_snapshot_is_found(small_lake: Path) -> None:
    take_snapshot(small_lake)
    files = [*small_lake.glob("*/merged/*"), *small_lake.glob("generations/*"), *small_lake.glob("snapshots/*")]
    assert len(files) == 5
    for path in files:
        whole = path.read_bytes()
        for at in range(0, len(whole), 101):
            path.write_bytes(flipped(whole, at))
            assert any(path.name in fault for fault in verify(small_lake)), f"{path.name}, byte {at}"
        path.write_bytes(whole)
    assert verify(small_lake) == []


def test_what_a_generation_names_twice_is_found(small_lake: Path) -> None:
    """As two processes left it that took over the same snapshot at once: all is as it was written, and counts twice."""
    generation = compact(small_lake)
    index = read_index(small_lake, generation, list(TABLES))
    packs = generation.packs + tuple(generation.of("epochs"))
    twice = [*index, *(one for one in index if one.table == "epochs")]
    put_generation(small_lake, Generation(2, packs, *write_index(small_lake, twice)))
    faults = [fault for fault in verify(small_lake) if fault.startswith("generation 2 names ")]
    assert [fault.partition(" 2 times")[0].removeprefix("generation 2 names ") for fault in faults] == [
        f"the pack {generation.of('epochs')[0].path}",
        "the rows of run-a in the table epochs",
    ]


def relative(path: Path) -> str:
    return "/".join(path.parts[-3:])


def flipped(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]


def test_a_key_with_nulls_that_stands_in_two_parts_is_named(small_lake: Path) -> None:
    for part in ("metrics", "again"):
        append(small_lake, METRICS, "run-a", part, [metric_row(value=0.25)])
    (fault,) = verify(small_lake)
    assert fault.startswith("metrics: the key {'run_id': 'run-a', 'model_run_id': 'a-model', 'split': 'test', ")
    assert "'calibration_s': None, 'metric': 'f1'} stands in more than one row, of metrics/run-a/again." in fault


def test_rows_of_an_unknown_run_are_named(small_lake: Path) -> None:
    append(small_lake, EPOCHS, "run-x", "epoch-00000", [epoch_row()])
    assert verify(small_lake) == ["epochs: rows of the run run-x, which runs does not know."]


def test_a_key_in_two_parts_is_named(small_lake: Path) -> None:
    append(small_lake, EPOCHS, "run-a", "again", [epoch_row(epoch=2)])
    key = {"run_id": "run-a", "attempt": 1, "epoch": 2, "split": "validation", "metric": "loss"}
    (fault,) = verify(small_lake)
    assert fault.startswith(f"epochs: the key {key} stands in more than one row, of epochs/run-a/again.")
    with pytest.raises(LakeError, match="stands in more than one row"):
        take_snapshot(small_lake)


@pytest.mark.parametrize(("value", "words"), [(float("nan"), "value is nan"), (None, "value is missing")])
def test_a_row_that_the_writer_would_refuse_is_named(small_lake: Path, value: float | None, words: str) -> None:
    (part,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    table = pq.read_table(part)
    part.unlink()
    schema = pa.schema([field.with_nullable(True) for field in table.schema], table.schema.metadata)
    changed = table.set_column(5, "value", pa.array([value], pa.float64())).cast(schema)
    pq.write_table(changed, part)
    part = part.rename(part.with_name(f"epoch-00001.{sha256_of(part)[:DIGITS]}.parquet"))
    assert all("./run lake verify --rows names the file" in fault for fault in verify(small_lake))
    (fault,) = verify(small_lake, rows=True)
    assert part.name in fault
    assert words in fault


def test_a_row_of_another_run_in_a_runs_folder_is_named(small_lake: Path) -> None:
    (source,) = small_lake.glob("epochs/run-a/epoch-00001.*")
    (small_lake / "epochs" / "run-b").mkdir()
    source.rename(small_lake / "epochs" / "run-b" / source.name)
    (fault,) = verify(small_lake)
    assert f"epochs/run-b/{source.name} is the part run-a/epoch-00001 under another name" in fault
    with pytest.raises(LakeError, match="under another name"):
        query(small_lake, "SELECT 1")


@pytest.mark.parametrize("name", ["a002-j00-0-3", "a001-j00-0-9", "a001-j11-0-3"])
def test_a_part_under_another_name_is_never_counted(tmp_path: Path, name: str) -> None:
    """Another attempt, other records, a copy beside the first: each would change what counts."""
    append(tmp_path, RUNS, "run-a", "rows", [run_row()])
    part = append(tmp_path, EPOCHS, "run-a", "a001-j00-0-3", [epoch_row()])
    part.with_name(part.name.replace("a001-j00-0-3", name)).write_bytes(part.read_bytes())
    assert any("is the part run-a/a001-j00-0-3 under another name" in fault for fault in verify(tmp_path))
    with pytest.raises(LakeError, match="is the part run-a/a001-j00-0-3 under another name"):
        query(tmp_path, "SELECT * FROM epochs")


@pytest.mark.parametrize(
    "name", ["runs", "journals", "runs/run-a", "journals/run-a~0011223344556677.journal", "snapshots"]
)
def test_a_link_is_refused_wherever_it_stands(small_lake: Path, tmp_path: Path, name: str) -> None:
    elsewhere, place = tmp_path / "elsewhere", small_lake / name
    (small_lake / "journals").mkdir(exist_ok=True)
    if place.exists():
        place.rename(elsewhere)
    else:
        elsewhere.write_text("not of this lake")
    place.symlink_to(elsewhere)
    with pytest.raises(LakeError, match="is a link, which could lead out of the lake"):
        query(small_lake, "SELECT 1")
    assert any("is a link" in fault for fault in verify(small_lake))


def test_rows_that_count_twice_are_said_to_whoever_asks(small_lake: Path, caplog: pytest.LogCaptureFixture) -> None:
    query(small_lake, "SELECT 1")
    assert caplog.text == ""
    append(small_lake, EPOCHS, "run-a", "again", [epoch_row(epoch=2, value=9.0)])
    assert query(small_lake, "SELECT count(*) AS n FROM epoch_events").to_pylist() == [{"n": 4}]
    assert "run-a has rows of epochs twice, so that answers about them are wrong" in caplog.text


@pytest.mark.parametrize("name", ["epochs/loose.parquet", "epochs/run-a/notes.txt", "epochs/run-a/deep/x.parquet"])
def test_a_file_where_none_belongs_is_named(small_lake: Path, name: str) -> None:
    path = small_lake / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("?")
    (fault,) = verify(small_lake)
    assert name in fault
    assert "does not belong" in fault


def test_a_damaged_snapshot_is_a_fault_among_others(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    path = small_lake / "snapshots" / f"{snapshot.snapshot_id}.json"
    path.write_text(json.dumps({}))
    append(small_lake, EPOCHS, "run-x", "epoch-00000", [epoch_row()])
    faults = verify(small_lake)
    assert any(path.name in fault for fault in faults)
    assert any("run-x" in fault for fault in faults)


def test_a_foreign_folder_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LakeError, match=r"Train first .* or set KDGAT_LAKE to a lake"):
            verify(root)
    with pytest.raises(LakeError, match=r"is not a lake: .* not an empty folder. Point KDGAT_LAKE"):
        append(tmp_path, RUNS, "run-a", "001-running", [run_row()])
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("{", "cannot be read as a lake's marker"),
        ("[]", "cannot be read as a lake's marker"),
        ('{"format": "kd-gat-lake"}', "cannot be read as a lake's marker"),
        ('{"format": "ducklake", "schema": 1}', "is a ducklake, not a kd-gat-lake"),
        ('{"format": "kd-gat-lake", "schema": 99}', "was written with schema 99; this code knows up to"),
    ],
)
def test_a_marker_that_is_not_ours_is_refused(small_lake: Path, marker: str, words: str) -> None:
    (small_lake / "lake.json").write_text(marker)
    with pytest.raises(LakeError, match=words):
        verify(small_lake)
    with pytest.raises(LakeError, match=words):
        append(small_lake, RUNS, "run-c", "001-running", [run_row()])


def test_an_older_generation_in_a_newer_ones_place_is_refused(small_lake: Path) -> None:
    """As from a backup: its packs are there and whole, and rows of later runs would be gone without a word."""
    compact(small_lake)
    append(small_lake, RUNS, "run-c", "001-running", [run_row()])
    compact(small_lake)
    older, newer = sorted((small_lake / "generations").glob("*.json"))
    newer.write_bytes(older.read_bytes())
    with pytest.raises(LakeError, match=r"cannot be read as a generation of the lake \(it is generation 1 of the lake"):
        query(small_lake, "SELECT 1")
    assert any("it is generation 1" in fault for fault in verify(small_lake))


def test_a_generation_of_another_lake_is_refused(small_lake: Path, tmp_path: Path) -> None:
    compact(small_lake)
    other = tmp_path / "other"
    append(other, RUNS, "run-z", "001-running", [run_row()])
    compact(other)
    for path in [*other.glob("generations/*"), *other.glob("runs/merged/*")]:
        shutil.copy(path, small_lake / path.relative_to(other))
    with pytest.raises(LakeError, match="it is generation 1 of the lake"):
        query(small_lake, "SELECT 1")


@pytest.mark.parametrize("change", [('"schema": 4', '"schema": 3'), ('"generation": 1', '"generation": 0')])
def test_a_change_of_what_makes_it_a_lake_is_found(small_lake: Path, change: tuple[str, str]) -> None:
    compact(small_lake)
    marker = small_lake / "lake.json"
    assert change[0] in marker.read_text()
    marker.write_text(marker.read_text().replace(*change))
    with pytest.raises(LakeError, match="cannot be read as a lake's marker"):
        query(small_lake, "SELECT 1")


@pytest.mark.parametrize("inside", ["epochs/run-a/inner", "journals", "registry/a-model"])
def test_a_folder_that_cannot_be_listed_is_said(small_lake: Path, without_override: Python, inside: str) -> None:
    folder = small_lake / inside
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o300)
    done = without_override("-m", "lake", "--lake", str(small_lake), "verify")
    folder.chmod(0o755)
    assert done.returncode == 1
    assert f"{folder} cannot be listed (Permission denied)" in done.stdout + done.stderr
