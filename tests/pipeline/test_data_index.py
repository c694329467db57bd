"""The catalogue's datasets, collections and stretches, and the run that indexes what is in them."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lake.check import verify
from pipeline.__main__ import main
from pipeline.config import WindowConfig
from pipeline.data_captures import cut, doubts, read_capture
from pipeline.data_catalogue import Dataset, find_dataset, load_catalogue
from pipeline.data_index import find_copies, find_overlaps, index_datasets, indexed_rows
from pipeline.datasets import CaptureFile, captures_of, list_captures
from pipeline.errors import CaptureError, ConfigError
from pipeline.readers import READERS, read_can_log
from pipeline.splits import same_recordings
from pipeline.windows import cut_windows
from tests.conftest import Python
from tests.pipeline.captures import SAMPLE, made_up, recorded, stretch
from tests.pipeline.conftest import Place

SET = Path("can-train-and-test")
TEST = "test_01_known_vehicle_known_attack/DoS-3"


@pytest.fixture
def two_sets(place: Place, tmp_path: Path) -> Place:
    """set_01, and set_02 with two of its captures: a test capture as one to train on, and 200 frames more."""
    data = tmp_path / "two"
    shutil.copytree(place.data / SET, data / SET)
    folder = data / SET / "set_02" / "train_02_with_attacks"
    folder.mkdir(parents=True)
    shutil.copy(data / SET / "set_01" / f"{TEST}.csv", folder / "DoS-3.csv")
    header, *rows = (data / SET / "set_01/train_01_attack_free/accessory-1.csv").read_bytes().splitlines(keepends=True)
    (folder / "accessory-7.csv.gz").write_bytes(gzip.compress(b"".join([header, *rows[:200]])))
    (tmp_path / "place").mkdir()
    return Place(tmp_path / "place", data)


def test_an_index_run_keeps_every_capture_and_what_it_has_in_common(two_sets: Place) -> None:
    lines: list[str] = []
    run_id = index_datasets(["set_01", "set_02"], two_sets.settings, lines.append)
    rows = {row["capture"]: row for row in indexed_rows(run_id, two_sets.settings)}
    assert len(rows) == 6
    copy = rows["set_02/train_02_with_attacks/DoS-3"]
    assert (copy["usage"], copy["duplicate_of"]) == ("duplicate", f"set_01/{TEST}")
    part, whole = rows["set_02/train_02_with_attacks/accessory-7"], rows["set_01/train_01_attack_free/accessory-1"]
    assert (part["usage"], part["shared_frames"], part["shared_with"]) == ("train", 200, whole["capture"])
    assert (whole["shared_frames"], whole["shared_with"]) == (200, part["capture"])
    assert (part["dataset"], part["vehicle"]) == ("set_02", "Chevrolet Traverse 2011")
    assert two_sets.rows("SELECT stage, status, dataset FROM runs") == [
        {"stage": "index", "status": "complete", "dataset": "set_01+set_02"}
    ]
    assert [row["dataset"] for row in two_sets.rows("SELECT dataset FROM datasets ORDER BY 1")] == ["set_01", "set_02"]
    assert verify(two_sets.settings.lake) == []
    assert "6 captures, 33,200 frames, 1 duplicates" in lines[-1]


def test_an_index_is_made_again_only_for_other_files(two_sets: Place) -> None:
    first = index_datasets(["set_01"], two_sets.settings, print)
    assert index_datasets(["set_01"], two_sets.settings, print) == first
    assert two_sets.rows("SELECT count(*) AS n FROM run_events") == [{"n": 2}]
    path = two_sets.data / SET / "set_01" / f"{TEST}.csv"
    path.write_bytes(path.read_bytes()[:-1])
    assert index_datasets(["set_01"], two_sets.settings, print) != first


def test_the_command_prints_a_table_or_json(
    two_sets: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in two_sets.env.items():
        monkeypatch.setenv(name, value)
    assert main(["data", "index", "set_01", "set_02"]) == 0
    table = capsys.readouterr().out
    assert f"the same rows as set_01/{TEST}" in table
    assert "200 frames are also elsewhere, most in set_02/train_02_with_attacks/accessory-7" in table
    assert main(["data", "index", "set_01", "set_02", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["captures"]) == 6
    assert main(["data", "index", "set_9"]) == 1
    assert "no dataset is called 'set_9'; did you mean" in capsys.readouterr().err


def test_overlaps_are_counted_in_frames_for_every_pair() -> None:
    keys = {"a": [1, 2, 3, 3, 9], "b": [3, 4, 5, 9], "c": [5, 9], "d": [7]}
    found = find_overlaps({name: np.array(one, dtype=np.uint64) for name, one in keys.items()})
    assert [(pair.first, pair.second, pair.frames) for pair in found] == [("a", "b", 2), ("b", "c", 2), ("a", "c", 1)]


def test_a_copy_with_other_times_is_found_by_the_succession_of_its_frames() -> None:
    log = stretch(recorded(), 0, 5_000)
    later = replace(log, timestamp_s=log.timestamp_s + 0.0007 * np.arange(len(log)))
    other = stretch(recorded("train_01_attack_free/accessory-1"), 0, 5_000)
    assert not np.isin(later.row_keys()[1:], log.row_keys()).any()
    logs = {"log": log, "later": cut(later, 0, 2_500), "other": other}
    copies = find_copies({name: one.succession_keys() for name, one in logs.items()})
    assert copies == {"log": "later", "later": "log"}
    windows = {name: cut_windows(one, WindowConfig()) for name, one in logs.items()}
    shares = same_recordings(windows, ["later"])
    assert list(shares) == ["log"]
    assert shares["log"] == pytest.approx(0.5, abs=0.02)
    assert len(stretch(log, 0, 7).succession_keys()) == 0


def test_a_collection_names_its_captures_by_member_and_never_trains_on_a_members_test(two_sets: Place) -> None:
    header, *rows = (two_sets.data / SET / "set_01" / f"{TEST}.csv").read_bytes().splitlines(keepends=True)
    for name in ("set_03", "set_04"):  # members that have test captures only, or only some to train on
        folder = two_sets.data / SET / name / ("test_01" if name == "set_03" else "train_01")
        folder.mkdir(parents=True)
        (folder / "DoS-9.csv").write_bytes(b"".join([header, *rows[: 1_000 if name == "set_03" else 1_100]]))
    files = list_captures("can-train-and-test", two_sets.settings)
    assert {file.dataset for file in files} == {"set_01", "set_02", "set_03", "set_04"}
    assert all(file.name.startswith(f"{file.dataset}/") for file in files)
    two_sets.train('dataset="can-train-and-test"', stage="prepare")
    usage = {row["capture"]: row["usage"] for row in two_sets.rows("SELECT capture, usage FROM captures")}
    assert usage["set_02/train_02_with_attacks/DoS-3"] == "duplicate"
    splits = two_sets.rows("SELECT split, windows FROM splits WHERE capture = 'set_04/train_01/DoS-9'")
    assert {row["split"] for row in splits} == {"shared", "embargo"}, "all of it is in set_01's test capture"
    assert len(two_sets.rows("SELECT * FROM datasets")) == 4


def test_a_member_that_is_missing_is_an_error_unless_it_is_optional(two_sets: Place) -> None:
    with pytest.raises(ConfigError, match=r"dataset set_03: the folder .*set_03 does not exist.*data fetch set_03"):
        list_captures("can-train-and-test", two_sets.settings)
    assert {file.dataset for file in list_captures("everything", two_sets.settings)} == {"set_01", "set_02"}
    nothing = replace(two_sets.settings, data=two_sets.root / "nowhere")
    with pytest.raises(ConfigError, match=r"dataset set_01: the folder .* does not exist"):
        list_captures("everything", nothing)


def test_a_dataset_without_training_captures_is_said(two_sets: Place) -> None:
    with pytest.raises(ConfigError, match=r"set_02: no test capture in .*set_02 fits test_.* make it a member"):
        list_captures("set_02", two_sets.settings)
    assert len(captures_of("set_02", two_sets.settings)) == 2


def test_a_stretch_is_read_by_its_seconds() -> None:
    whole = recorded()
    file = CaptureFile(whole.path, "x@10-20s", "train", "a car", "DoS", "a", "can-train-and-test-csv", 10, 20)
    log = read_capture(file)
    since = log.timestamp_s - whole.timestamp_s[0]
    assert since[0] >= 10
    assert since[-1] < 20
    rest = read_capture(replace(file, from_s=20, to_s=None))
    head = read_capture(replace(file, from_s=0, to_s=10))
    assert len(head) + len(log) + len(rest) == len(whole)
    with pytest.raises(CaptureError, match=r"has no frame in x@10-20s: it spans 56.0 s. Check the dataset's stretches"):
        read_capture(replace(file, from_s=99))


def test_daga_is_split_in_time(tmp_path: Path, place: Place) -> None:
    for name in ("clean/V40_03.can.zip", "infected/DenialOfService/lowestID_V40_03.can.zip"):
        (tmp_path / "daga" / name).parent.mkdir(parents=True)
        (tmp_path / "daga" / name).touch()
    files = list_captures("daga", replace(place.settings, data=tmp_path))
    assert [(file.name, file.usage, file.attack) for file in files] == [
        ("clean/V40_03@55-end", "test", "benign"),
        ("infected/DenialOfService/lowestID_V40_03@55-end", "test", "DoS"),
        ("clean/V40_03@0-55s", "train", "benign"),
    ]


def test_doubts_name_what_is_read_but_seldom_meant() -> None:
    ids = np.arange(2_000) % 7
    assert doubts(made_up(ids)) == []
    inverted = made_up(ids, is_attack=np.arange(2_000) % 100 != 0)
    assert "99% of the frames are labelled attack; the labels may be inverted" in doubts(inverted)[0]
    slow = made_up(ids, timestamp_s=np.arange(2_000) * 0.5)
    assert "2 frames a second are few for a car's bus" in doubts(slow)[0]
    assert recorded().is_labelled
    assert doubts(recorded()) == []


CLOCKS = {  # what -> (seconds between frames, first, the words that say why)
    "milliseconds since 1970": (1.0, 1.67e12, "timestamp 1670000001999 is no time in seconds"),
    "microseconds since 1970": (1e3, 1.67e15, "looks like microseconds since 1970"),
    "microseconds": (500.0, 0.0, "by its timestamps 0.002 frames pass in a second"),
    "minutes": (1e-3 / 60, 0.0, "by its timestamps 6e+04 frames pass in a second"),
    "a clock that stands still": (0.0, 5.0, "or a clock that stands still"),
}


def write(path: Path, times: np.ndarray) -> Path:
    rows = [f"{time!r},100,00FF,0\n" for time in times.tolist()]
    path.write_text("timestamp,arbitration_id,data_field,attack\n" + "".join(rows))
    return path


@pytest.mark.parametrize("what", CLOCKS)
def test_times_in_another_unit_are_refused_by_name(tmp_path: Path, what: str) -> None:
    step, first, words = CLOCKS[what]
    with pytest.raises(CaptureError) as refused:
        read_can_log(write(tmp_path / "clock.csv", first + np.arange(2_000) * step), "can-train-and-test-csv")
    assert words in str(refused.value)
    assert "seconds" in str(refused.value)


def test_jumps_of_the_clock_are_kept_counted_and_said(tmp_path: Path) -> None:
    times = np.arange(3_000) * 1e-3
    times[1_000:] -= 0.9  # a step back that buffers explain
    times[1_500:] -= 30
    times[2_000:] += 7_200
    log = read_can_log(write(tmp_path / "clock.csv", times), "can-train-and-test-csv")
    assert np.array_equal(log.timestamp_s, times)
    assert (log.defects.backward_steps, log.defects.clock_jumps) == (2, 2)
    assert "the clock jumps 2 times" in doubts(log)[0]


def test_the_catalogues_rows_are_whole() -> None:
    catalogue = load_catalogue()
    for name, row in catalogue.items():
        assert {row.reader, *(one.reader for one in row.readers)} - {""} <= set(READERS), name
    with pytest.raises(ConfigError, match="no dataset is called 'set_1'; did you mean 'set_01'"):
        find_dataset("set_1")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"title": "x", "root": "x"}, "a dataset needs reader, licence, citation"),
        ({"title": "x", "root": "x", "members": ["sample"]}, "a collection has no root"),
    ],
)
def test_a_row_is_a_dataset_or_a_collection(row: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Dataset.model_validate(row)


def test_a_collection_of_what_is_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "datasets.toml"
    path.write_text('[a]\ntitle = "x"\nmembers = ["b"]\n')
    with pytest.raises(ConfigError, match=r"collection a names b, which is no dataset"):
        load_catalogue(path)


def test_the_bundled_sample_is_indexed(place: Place) -> None:
    run_id = index_datasets(["sample"], place.settings, print)
    rows = indexed_rows(run_id, place.settings)
    assert len(rows) == len(list(SAMPLE.rglob("*.csv.gz")))
    assert [row["same_recording_as"] for row in rows] == [None] * len(rows)


def test_a_folder_that_cannot_be_listed_is_said(two_sets: Place, without_override: Python) -> None:
    """Its captures would be missing, and a training would go on without them."""
    closed = two_sets.data / SET / "set_02" / "train_02_with_attacks"
    closed.chmod(0o300)
    code = """
import sys
from pathlib import Path
from pipeline.datasets import captures_of
from pipeline.settings import Settings
captures_of("set_02", Settings(lake=Path("lake"), runs=Path("runs"), data=Path(sys.argv[1])))
"""
    done = without_override("-c", code, str(two_sets.data))
    closed.chmod(0o755)
    assert f"dataset set_02: {closed} cannot be listed (Permission denied)" in done.stderr
