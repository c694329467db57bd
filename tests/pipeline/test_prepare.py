"""The first stage: what is read, what is used once, what is learnt, and what the lake is told."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.data_captures import find_duplicates
from pipeline.datasets import CaptureFile
from pipeline.errors import CaptureError, ConfigError, StageError
from pipeline.graph_set import load_graphs
from pipeline.protocols import KNOWN, ZERO_SHOT
from pipeline.readers import read_can_log
from pipeline.runs import RunFolder
from pipeline.vocabulary import UNSEEN, Vocabulary, learn_vocabulary
from tests.pipeline.conftest import Place

SET = Path("can-train-and-test/set_01")


@pytest.fixture
def own_data(place: Place, tmp_path: Path) -> Path:
    """The place's captures as files of its own, to change."""
    shutil.copytree(place.data / SET, tmp_path / "own" / SET)
    return tmp_path / "own"


def prepared(place: Place, data: Path | None = None) -> str:
    return Place(place.root, data or place.data).train(stage="prepare")[0].run_id


def test_the_lake_is_told_what_each_capture_held_and_where_it_went(trained: Place, small_data: Path) -> None:
    for row in trained.rows("SELECT * FROM captures"):
        log = read_can_log(small_data / SET / f"{row['capture']}.csv", "can-train-and-test-csv")
        assert row["row_digest"] == log.row_digest()
        assert (row["frames"], row["attack_frames"]) == (len(log), int(log.is_attack.sum()))
        windows = trained.rows(f"SELECT sum(windows) AS n FROM splits WHERE capture = '{row['capture']}'")
        assert int(windows[0]["n"]) == len(log) // 100
    (dataset,) = trained.rows("SELECT * FROM datasets")
    assert (dataset["captures"], dataset["frames"]) == (4, 27_000)


def test_the_vocabulary_is_learnt_from_benign_training_frames_alone(
    trained: Place, run_ids: dict[str, str], small_data: Path
) -> None:
    """Counted again with a loop: IDs only an attack, a validation, an embargoed or a test frame has are unseen."""
    graphs = load_graphs(RunFolder(trained.settings.runs, run_ids["prepare"]).graphs)
    known, everywhere = set(), set()
    for index, capture in enumerate(graphs.captures):
        log = read_can_log(small_data / SET / f"{capture.name}.csv", "can-train-and-test-csv")
        everywhere.update(log.arbitration_id.tolist())
        of_capture = np.flatnonzero(graphs.capture == index)
        for g in set(of_capture.tolist()) & set(graphs.at("train").tolist()):
            first = int(graphs.graphs.start_frame[g])
            known |= {int(log.arbitration_id[i]) for i in range(first, first + 100) if not log.is_attack[i]}
    assert graphs.vocabulary.arbitration_ids == tuple(sorted(known))
    assert known < everywhere
    is_unseen = ~np.isin(graphs.graphs.arbitration_id, sorted(known))
    is_foreign = np.repeat(graphs.under(ZERO_SHOT), np.diff(graphs.graphs.node_ptr))
    assert is_foreign.any()
    assert np.array_equal(graphs.graphs.node_id == UNSEEN, is_unseen | is_foreign)


def test_every_training_window_stands_once_under_each_protocol_and_no_test_window_at_all(
    trained: Place, run_ids: dict[str, str]
) -> None:
    graphs = load_graphs(RunFolder(trained.settings.runs, run_ids["prepare"]).graphs)
    windows = trained.rows(
        "SELECT capture, sum(windows) AS n FROM splits WHERE split IN ('train', 'validation') GROUP BY capture"
    )
    expected = {row["capture"]: int(row["n"]) for row in windows}
    for protocol in (KNOWN, ZERO_SHOT):
        index, counts = np.unique(graphs.capture[graphs.under(protocol)], return_counts=True)
        found = {graphs.captures[i].name: int(n) for i, n in zip(index, counts, strict=True)}
        assert found == expected
    usage = {graphs.captures[i].usage for i in np.unique(graphs.capture)}
    assert usage == {"train"}
    assert len(graphs.at("test")) == 0
    assert graphs.known_vehicles() == {"Chevrolet Impala 2011"}


def test_an_index_is_an_ids_rank_and_0_is_every_other_id() -> None:
    vocabulary = learn_vocabulary([np.array([9, 5, 5], np.uint32), np.array([2**29 - 1, 5], np.uint32)])
    assert vocabulary.arbitration_ids == (5, 9, 2**29 - 1)
    asked = np.array([0, 5, 6, 9, 10, 2**29 - 1, 2**32 - 1], dtype=np.uint32)
    assert vocabulary.index(asked).tolist() == [0, 1, 0, 2, 0, 3, 0]
    assert len(vocabulary) == 4
    assert Vocabulary(()).index(asked).tolist() == [0] * 7
    assert Vocabulary((5, 9)).digest != Vocabulary((59,)).digest


def file(name: str, usage: str) -> CaptureFile:
    return CaptureFile(Path(name), name, usage, "a car", "benign")


def test_of_two_captures_with_the_same_rows_the_test_capture_is_used() -> None:
    files = [file("a", "train"), file("b", "train"), file("c", "test"), file("d", "train")]
    digests = {"a": "1", "b": "2", "c": "1", "d": "2"}
    assert find_duplicates(files, digests) == {"a": "c", "d": "b"}


def test_a_capture_that_occurs_twice_is_used_once(place: Place, own_data: Path) -> None:
    benign = own_data / SET / "train_01_attack_free" / "accessory-1.csv"
    copy = own_data / SET / "train_02_with_attacks" / "accessory-1.csv.gz"
    copy.write_bytes(gzip.compress(benign.read_bytes().replace(b"\n", b"\r\n")))
    run_id = prepared(place, own_data)
    (row,) = place.rows("SELECT capture, duplicate_of FROM captures WHERE usage = 'duplicate'")
    assert row == {
        "capture": "train_02_with_attacks/accessory-1",
        "duplicate_of": "train_01_attack_free/accessory-1",
    }
    graphs = load_graphs(RunFolder(place.settings.runs, run_id).graphs)
    assert [capture.name for capture in graphs.captures].count("train_02_with_attacks/accessory-1") == 0
    assert place.rows("SELECT captures FROM datasets") == [{"captures": 4}]


def test_a_training_copy_of_a_test_capture_trains_nothing(place: Place, own_data: Path) -> None:
    test = own_data / SET / "test_01_known_vehicle_known_attack" / "DoS-3.csv"
    shutil.copy(test, own_data / SET / "train_02_with_attacks" / "DoS-7.csv")
    prepared(place, own_data)
    rows = place.rows("SELECT capture, usage, duplicate_of FROM captures WHERE duplicate_of IS NOT NULL")
    assert rows == [
        {
            "capture": "train_02_with_attacks/DoS-7",
            "usage": "duplicate",
            "duplicate_of": "test_01_known_vehicle_known_attack/DoS-3",
        }
    ]


def test_changed_data_is_another_run(place: Place, own_data: Path) -> None:
    first = prepared(place, own_data)
    path = own_data / SET / "test_01_known_vehicle_known_attack" / "DoS-3.csv"
    path.write_bytes(path.read_bytes().replace(b",0\n", b",1\n", 1))
    assert prepared(place, own_data) != first
    assert place.rows("SELECT count(DISTINCT data_digest) AS n FROM runs") == [{"n": 2}]


def test_a_damaged_capture_fails_the_run_with_its_reason_and_the_next_train_goes_on(
    place: Place, own_data: Path
) -> None:
    path = own_data / SET / "train_02_with_attacks" / "DoS-1.csv"
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(CaptureError, match="fetch it again"):
        prepared(place, own_data)
    (row,) = place.rows("SELECT status, reason, finished_at FROM runs")
    assert row["status"] == "failed"
    assert row["reason"].startswith("CaptureError: ")
    assert "DoS-1.csv: data row 12000" in row["reason"]
    assert place.rows("SELECT * FROM captures") == []
    path.write_bytes(whole)
    prepared(place, own_data)
    assert place.rows("SELECT status FROM runs ORDER BY started_at") == [{"status": "failed"}, {"status": "complete"}]


def test_missing_data_says_where_it_was_looked_for_and_where_to_get_it(place: Place, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the folder .*set_01 does not exist. Get the data .* set KDGAT_DATA"):
        prepared(place, tmp_path / "empty")
    (tmp_path / "half" / SET / "train_01").mkdir(parents=True)
    (tmp_path / "half" / SET / "train_01" / "a-1.csv").write_text("")
    with pytest.raises(ConfigError, match=r"no test capture in .* fits test_"):
        prepared(place, tmp_path / "half")
    assert not place.settings.lake.exists()


@pytest.mark.parametrize("name", ["x.npy", "edge_ptr.npy", "place.npy", "graphs.json"])
def test_damaged_graphs_are_said_and_never_trained_on(place: Place, name: str) -> None:
    folder = RunFolder(place.settings.runs, prepared(place)).graphs
    data = (folder / name).read_bytes()
    damages = [data[: len(data) // 2], b"", b"[]"]
    if name != "graphs.json":
        damages.append(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    for damaged in damages:
        (folder / name).write_bytes(damaged)
        with pytest.raises(StageError, match=r"graphs.* changed or removed .* restore them, or prepare again"):
            place.train(stage="gat_teacher")
    (folder / name).unlink()
    with pytest.raises(StageError, match=r"graphs.* changed or removed .* restore them, or prepare again"):
        place.train(stage="gat_teacher")
    assert place.rows("SELECT run_id FROM runs WHERE stage = 'gat_teacher' AND status = 'complete'") == []
