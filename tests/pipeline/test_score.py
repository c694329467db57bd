"""`./run score`: a row a window of any recording, whatever its labels say, under the terms its bus calls for."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.habit_expert import HABIT_FEATURES
from pipeline import score as scoring
from pipeline.can_log import CanLog
from pipeline.detector_folder import KeptDetector, find_detector
from pipeline.errors import CaptureError, ConfigError
from pipeline.graphs import NODE_FEATURES, GraphArrays
from pipeline.protocols import KNOWN, ZERO_SHOT
from pipeline.runs import RunFolder
from pipeline.score import score_capture
from pipeline.score_files import alarm_summary, doubt_of, score_file
from pipeline.top_ids import top_ids
from tests.pipeline.captures import REPOSITORY
from tests.pipeline.conftest import Place

COLUMNS = [
    "capture", "window", "start_frame", "end_frame", "start_s", "end_s", "score", "threshold", "alarm", "vgae_score",
    "gat_score", "fusion_weight", "top_ids",
]  # fmt: skip
MORE = ["habit_score", "habit_weight", "is_late", "is_calibration", "protocol", "vehicle"]
CAR = "Chevrolet Impala 2011"
SET = Path("can-train-and-test/set_01")
KNOWN_CAPTURE = SET / "test_01_known_vehicle_known_attack/DoS-3.csv"
UNKNOWN_CAPTURE = SET / "test_04_unknown_vehicle_unknown_attack/systematic-4.csv"


@pytest.fixture(scope="module")
def kept(trained: Place) -> KeptDetector:
    (run,) = trained.rows("SELECT run_id FROM runs WHERE stage = 'fusion'")
    return find_detector(run["run_id"], trained.settings)


@pytest.fixture
def capture(small_data: Path) -> Path:
    return small_data / KNOWN_CAPTURE


def scored(kept: KeptDetector, path: Path, **options: object) -> pl.DataFrame:
    return pl.concat(list(score_capture(kept, path, **options)), how="vertical")  # type: ignore[arg-type]


def rewritten(path: Path, to: Path, change: Callable[[list[str]], list[str]]) -> Path:
    """The CSV with each row's fields changed."""
    lines = [",".join(change(line.split(","))) for line in path.read_text().splitlines()]
    to.write_text("\n".join([*lines, ""]))
    return to


def test_the_columns_are_these_in_this_order(kept: KeptDetector, capture: Path) -> None:
    rows = scored(kept, capture)
    assert rows.columns == COLUMNS + MORE
    assert rows.schema["alarm"] == pl.Boolean
    assert rows["window"].to_list() == list(range(60))
    assert rows["start_frame"].to_list() == list(range(0, 6000, 100))
    assert (rows["end_frame"] - rows["start_frame"]).unique().to_list() == [99]
    assert rows["capture"].unique().to_list() == [str(capture)]
    assert not rows.null_count().transpose().sum().item()
    for name in ("score", "vgae_score", "gat_score", "habit_score", "fusion_weight", "habit_weight"):
        assert rows[name].is_between(0, 1).all(), name
    threshold = kept.threshold(rows["protocol"][0])
    assert rows["threshold"].unique().to_list() == [threshold]
    assert rows["alarm"].to_list() == [score > threshold for score in rows["score"]]


@pytest.mark.parametrize(
    ("name", "protocol", "vehicle"), [(KNOWN_CAPTURE, KNOWN, CAR), (UNKNOWN_CAPTURE, ZERO_SHOT, None)]
)
def test_scores_are_those_of_the_evaluation(
    kept: KeptDetector, trained: Place, run_ids: dict[str, str], name: Path, protocol: str, vehicle: str | None
) -> None:
    evaluated = pl.read_parquet(RunFolder(trained.settings.runs, run_ids["evaluate"]).scores).filter(
        (pl.col("model_run_id") == kept.run_id) & (pl.col("protocol") == protocol)
        & (pl.col("capture") == name.relative_to(SET).with_suffix("").as_posix())
    )  # fmt: skip
    rows = scored(kept, trained.data / name, vehicle=vehicle)
    assert rows["protocol"].unique().to_list() == [protocol]
    assert len(rows) == len(evaluated) > 20
    for ours, theirs in (("score", "score"), ("vgae_score", "anomaly"), ("gat_score", "attack_probability")):
        np.testing.assert_allclose(rows[ours], evaluated[theirs], atol=1e-6)


def test_labels_are_never_needed_and_never_looked_at(kept: KeptDetector, capture: Path, tmp_path: Path) -> None:
    whole = scored(kept, capture).drop("capture")
    unlabelled = rewritten(capture, tmp_path / "unlabelled.csv", lambda fields: fields[:3])
    inverted = rewritten(
        capture, tmp_path / "inverted.csv", lambda fields: [*fields[:3], {"0": "1", "1": "0"}.get(fields[3], fields[3])]
    )
    assert "attack" not in unlabelled.read_text()
    for path in (unlabelled, inverted):
        assert scored(kept, path).drop("capture").equals(whole)


def test_a_given_vehicle_is_not_recognised_and_an_unknown_name_is_refused(kept: KeptDetector, capture: Path) -> None:
    said: list[str] = []
    rows = scored(kept, capture, vehicle=CAR, say=said.append)
    assert rows["vehicle"].unique().to_list() == [CAR]
    assert said == [f"DoS-3.csv: scored as {CAR}"]
    with pytest.raises(ConfigError, match=rf"knows no vehicle 'Impala'\. Known: {CAR}\."):
        scored(kept, capture, vehicle="Impala")


def test_the_bus_of_an_unknown_vehicle_is_warned_of(kept: KeptDetector, trained: Place) -> None:
    said: list[str] = []
    rows = scored(kept, trained.data / UNKNOWN_CAPTURE, say=said.append)
    assert rows["vehicle"].unique().to_list() == ["unknown"]
    (line,) = said
    assert "WARNING, the bus of no vehicle that the model knows (nearest: Chevrolet Impala 2011, likeness" in line
    assert "Give --calibrate SECONDS" in line


def test_the_calibration_prefix_is_marked_and_raises_no_alarm(kept: KeptDetector, capture: Path) -> None:
    loud = replace(kept, checkpoints={**kept.checkpoints, "fusion": always_alarming(kept)})
    rows = scored(loud, capture, calibrate_s=1.0)
    assert rows["protocol"].unique().to_list() == ["calibrated"]
    prefix = rows.filter(pl.col("is_calibration"))
    assert len(prefix) == (rows["start_s"] < 1.0).sum() > 5
    assert not prefix["alarm"].any()
    assert rows.filter(~pl.col("is_calibration"))["alarm"].all()


def always_alarming(kept: KeptDetector):  # type: ignore[no-untyped-def]
    fusion = kept.checkpoints["fusion"]
    return replace(fusion, weights={**fusion.weights, "thresholds": fusion.weights["thresholds"] * 0 - 1})


def test_a_clock_set_back_behind_the_prefix_silences_no_alarm(
    kept: KeptDetector, capture: Path, tmp_path: Path
) -> None:
    """By their times the frames behind the jump lie before the end of the prefix, and before its beginning."""
    rows = iter(range(10**9))

    def set_back(fields: list[str]) -> list[str]:
        place = next(rows)
        return fields if place == 0 or place < 4000 else [f"{float(fields[0]) - 900:.6f}", *fields[1:]]

    jumped = rewritten(capture, tmp_path / "jumped.csv", set_back)
    loud = replace(kept, checkpoints={**kept.checkpoints, "fusion": always_alarming(kept)})
    found = scored(loud, jumped, calibrate_s=1.0)
    expected = scored(loud, capture, calibrate_s=1.0)
    assert found["is_calibration"].to_list() == expected["is_calibration"].to_list()
    assert found["alarm"].sum() == (~expected["is_calibration"]).sum()


def test_a_capture_shorter_than_its_prefix_is_refused(kept: KeptDetector, capture: Path) -> None:
    with pytest.raises(CaptureError, match=r"DoS-3\.csv lasts .* s, less than its calibration prefix of 60 s"):
        scored(kept, capture, calibrate_s=60.0)


@pytest.mark.parametrize("frames", [1, 99])
def test_a_capture_shorter_than_a_window_is_refused(
    kept: KeptDetector, capture: Path, tmp_path: Path, frames: int
) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(capture.read_text().splitlines(keepends=True)[: frames + 1]))
    with pytest.raises(CaptureError, match=r"short\.csv has fewer frames than one window of 100"):
        scored(kept, short)


def test_a_capture_of_one_window_has_one_row(kept: KeptDetector, capture: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("".join(capture.read_text().splitlines(keepends=True)[:151]))
    assert len(scored(kept, short)) == 1


@pytest.mark.parametrize("size", [37, 400, 1_000])
def test_pieces_of_a_file_give_the_rows_of_the_whole(
    kept: KeptDetector, capture: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole = scored(kept, capture, vehicle=CAR)
    read = scoring.read_chunks

    def small(path: Path, reader: str):  # type: ignore[no-untyped-def]
        for chunk in read(path, reader):
            for start in range(0, len(chunk), size):
                yield chunk.frames(slice(start, start + size))

    monkeypatch.setattr(scoring, "read_chunks", small)
    monkeypatch.setattr(scoring, "_RECOGNISE_S", 0.2)
    monkeypatch.setattr(scoring, "_head", head_of_little(scoring._head))
    pieces = list(score_capture(kept, capture, vehicle=CAR))
    assert len(pieces) > 1
    found = pl.concat(pieces)
    assert found.select("window", "start_frame", "top_ids", "alarm").equals(
        whole.select("window", "start_frame", "top_ids", "alarm")
    )
    np.testing.assert_allclose(found["score"], whole["score"], atol=1e-5)
    np.testing.assert_allclose(found["end_s"], whole["end_s"], atol=1e-9)


def head_of_little(head: Callable[..., object]) -> Callable[..., object]:
    """A known vehicle's habit is not learnt from the head, which may then be short."""
    return lambda chunks, seconds: head(chunks, 0.2)


def test_a_clock_that_jumps_back_does_not_make_the_head_the_whole_file() -> None:
    times = np.r_[np.arange(500) * 0.01, np.arange(3_000) * 0.01 - 900.0]
    log = CanLog(
        Path("a"), times, np.ones(3_500, np.uint32), np.full(3_500, 8, np.uint8), np.zeros((3_500, 8), np.uint8),
        np.zeros(3_500, bool),
    )  # fmt: skip
    chunks = (log.frames(slice(start, start + 100)) for start in range(0, 3_500, 100))
    head, rest = scoring._head(chunks, 10.0)
    assert len(head) <= 1_200
    assert len(head) + sum(map(len, rest)) == 3_500


def graphs_with(*nodes: tuple[int, int, dict[str, float]], n_graphs: int) -> GraphArrays:
    """Nodes given as (graph, ID, features), those of a graph side by side."""
    x = np.zeros((len(nodes), len(NODE_FEATURES)), dtype=np.float32)
    for place, (_, _, features) in enumerate(nodes):
        for name, value in features.items():
            x[place, NODE_FEATURES.index(name)] = value
    sizes = np.bincount([graph for graph, _, _ in nodes], minlength=n_graphs)
    empty = np.zeros(n_graphs)
    return GraphArrays(
        arbitration_id=np.array([number for _, number, _ in nodes], dtype=np.uint32),
        node_id=np.zeros(len(nodes), np.int32), x=x, node_ptr=np.r_[0, np.cumsum(sizes)],
        edge_index=np.zeros((2, 0), np.int32), edge_attr=np.zeros((0, 3), np.float32),
        edge_ptr=np.zeros(n_graphs + 1, np.int64), is_attack=empty > 0, is_late=empty > 0,
        start_frame=empty.astype(np.int64), start_s=empty, end_s=empty,
    )  # fmt: skip


def test_top_ids_are_those_that_depart_most_the_worst_first() -> None:
    graphs = graphs_with(
        (0, 0x0F1, {"early_frames": 1.0}), (0, 0x1A0, {"unseen_frames": 7.0}), (0, 0x2B0, {"over_frames": 2.5}),
        (0, 0x3C0, {"counter_breaks": 2.0, "new_length_frames": 3.0}), (1, 0x0F1, {"new_bytes": 1.0}),
        (2, 0x18DAF110, {"early_frames": 0.4}), (2, 0x00A, {"early_depth": 1.5}),
        n_graphs=3,
    )  # fmt: skip
    assert top_ids(graphs) == ["1A0 3C0 2B0", "", "18DAF110"]


def test_where_nothing_is_counted_periodic_ids_stand_by_their_gaps() -> None:
    late, odd = {"is_periodic": 1.0, "gap_max_log2": 3.0}, {"is_periodic": 0.0, "gap_max_log2": 9.0}
    graphs = graphs_with((0, 1, {"is_periodic": 1.0, "gap_max_log2": 0.5}), (0, 2, late), (0, 3, odd), n_graphs=1)
    assert top_ids(graphs) == ["002 001"]
    assert set(HABIT_FEATURES) <= set(NODE_FEATURES)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_both_files_hold_the_same_rows(kept: KeptDetector, capture: Path, tmp_path: Path, ending: str) -> None:
    expected, path = scored(kept, capture), tmp_path / f"scores.{ending}"
    with score_file(path) as sink:
        summary = alarm_summary(iter([expected[:25], expected[25:]]), sink)
    found = pl.read_csv(path, schema_overrides={"top_ids": pl.String}) if ending == "csv" else pl.read_parquet(path)
    assert found.with_columns(pl.col("top_ids").fill_null("")).equals(expected)
    assert summary["windows"] == 60
    assert summary["alarms"] == expected["alarm"].sum()
    assert summary["span_s"] == pytest.approx(expected["end_s"].max())


@pytest.mark.parametrize(
    ("alarms", "windows", "calibration_windows", "protocol", "word"),
    [
        (100, 100, 0, "known vehicle", "--calibrate"),
        (90, 100, 0, "known vehicle", "--calibrate"),
        (45, 100, 50, "calibrated", "held against"),
        (89, 100, 0, "known vehicle", None),
        (19, 19, 0, "known vehicle", None),
        (0, 100, 100, "calibrated", None),
    ],
)
def test_a_recording_in_which_nearly_all_alarms_is_doubted(
    alarms: int, windows: int, calibration_windows: int, protocol: str, word: str | None
) -> None:
    summary = {"alarms": alarms, "windows": windows, "calibration_windows": calibration_windows, "vehicle": CAR}
    doubt = doubt_of({**summary, "protocol": protocol})
    assert (doubt is None) == (word is None)
    if doubt is not None:
        assert word in doubt
        assert "Either an attack runs throughout" in doubt


def test_another_ending_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"written as \.parquet or \.csv"), score_file(tmp_path / "scores.json"):
        pass
    assert list(tmp_path.iterdir()) == []


def command(place: Place, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pipeline", "score", *arguments]


def test_the_command_writes_the_file_and_says_what_is_in_it(
    trained: Place, kept: KeptDetector, tmp_path: Path, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    captures = [str(trained.data / name) for name in (KNOWN_CAPTURE, UNKNOWN_CAPTURE)]
    out = tmp_path / "scores.parquet"
    assert typed(trained, "score", kept.run_id, *captures, "--out", out, "--format", "json") == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert said["out"] == str(out)
    rows = pl.read_parquet(out)
    assert {name: one["windows"] for name, one in said["captures"].items()} == dict(
        zip(captures, (60, 30), strict=True)
    )
    assert rows["capture"].unique(maintain_order=True).to_list() == captures
    assert "WARNING" in printed.err


def test_without_a_file_rows_go_to_stdout_as_csv(
    trained: Place, kept: KeptDetector, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(trained, "score", kept.run_id, trained.data / KNOWN_CAPTURE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split(",") == COLUMNS + MORE
    assert len(lines) == 61


def test_a_second_capture_that_cannot_be_read_leaves_no_half_a_file(
    trained: Place, kept: KeptDetector, tmp_path: Path, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("timestamp,arbitration_id,data_field,attack\n1.0,0F1,zz,0\n")
    (tmp_path / "scores.csv").write_text("before")
    words = ("score", kept.run_id, trained.data / KNOWN_CAPTURE, bad, "--out", tmp_path / "scores.csv")
    assert typed(trained, *words) == 1
    printed = capsys.readouterr()
    assert "bad.csv" in printed.err
    assert "Traceback" not in printed.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv", "scores.csv"]
    assert (tmp_path / "scores.csv").read_text() == "before"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_on_a_full_disk_the_file_does_not_appear(
    trained: Place, kept: KeptDetector, tmp_path: Path, ending: str
) -> None:
    """A limit on the size of files stands for the disk."""
    words = (kept.run_id, str(trained.data / KNOWN_CAPTURE), "--out", str(tmp_path / f"scores.{ending}"))
    done = subprocess.run(
        command(trained, *words), cwd=REPOSITORY, env=trained.env, capture_output=True, text=True, check=False,
        timeout=120, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "the disk or your quota is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_leave_one_whole_file(trained: Place, kept: KeptDetector, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    arguments = command(trained, kept.run_id, str(trained.data / KNOWN_CAPTURE), "--out", str(out))
    both = [subprocess.Popen(arguments, cwd=REPOSITORY, env=trained.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)]  # fmt: skip
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    assert len(pl.read_csv(out)) == 60
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_a_reader_that_closes_early_is_no_error(trained: Place, kept: KeptDetector) -> None:
    """As `./run score … | head` does."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command(trained, kept.run_id, str(trained.data / KNOWN_CAPTURE)), cwd=REPOSITORY, env=trained.env, stdout=write,
        stderr=subprocess.PIPE, text=True, check=False, timeout=120,
    )  # fmt: skip
    os.close(write)
    assert "Traceback" not in done.stderr
