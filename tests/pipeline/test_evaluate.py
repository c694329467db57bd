"""Metric rows come from the kept checkpoints, thresholds from benign validation windows, on the windows they say;
labels of test captures are no part of a score."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from lake.journal import Journal
from lake.read import query
from models.detector import Detector
from models.habit_expert import habit_evidence, habit_score
from models.vgae import reconstruction_errors
from pipeline import evaluate as evaluation
from pipeline.batches import GraphTensors
from pipeline.can_log import CanLog
from pipeline.checkpoint import load_checkpoint
from pipeline.config import AlarmConfig
from pipeline.context import StageContext
from pipeline.datasets import CaptureFile, list_captures
from pipeline.detector_folder import knowledge_of
from pipeline.errors import StageError
from pipeline.evaluate import evaluate
from pipeline.graph_set import GraphSet, load_graphs
from pipeline.graphs import GraphArrays
from pipeline.metrics import window_metrics
from pipeline.protocols import CALIBRATED, KNOWN, PROTOCOLS, ZERO_SHOT, Protocol
from pipeline.runs import Outcome, RunFolder
from pipeline.scoring import graph_stream
from pipeline.tested import captures_tested, protocols_of, read_tested
from tests.pipeline.conftest import Place

STAGES = ("vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion")
ALARM = AlarmConfig(calibrations_s=(0.5,))
KNOWN_CAPTURE = "test_01_known_vehicle_known_attack/DoS-3"
UNKNOWN_CAPTURE = "test_04_unknown_vehicle_unknown_attack/systematic-4"
UNDER = {
    KNOWN_CAPTURE: [Protocol(KNOWN), Protocol(CALIBRATED, 0.5), Protocol(ZERO_SHOT)],
    UNKNOWN_CAPTURE: [Protocol(CALIBRATED, 0.5), Protocol(ZERO_SHOT)],
}


@pytest.fixture(scope="module")
def graphs(trained: Place) -> GraphSet:
    (run,) = trained.rows("SELECT run_id FROM runs WHERE stage = 'prepare'")
    return load_graphs(RunFolder(trained.settings.runs, run["run_id"]).graphs)


@pytest.fixture(scope="module")
def files(trained: Place, graphs: GraphSet) -> list[CaptureFile]:
    return captures_tested(graphs, list_captures("set_01", trained.settings))


@pytest.fixture
def scores(trained: Place, run_ids: dict[str, str]) -> pl.DataFrame:
    return pl.read_parquet(RunFolder(trained.settings.runs, run_ids["evaluate"]).scores)


def built(graphs: GraphSet, file: CaptureFile, protocol: Protocol) -> GraphArrays:
    """The capture's graphs as the protocol has them."""
    log = read_tested(file, graphs)
    found = graph_stream(knowledge_of(graphs), protocol, log, file.vehicle).feed(log, is_last=True)
    assert found is not None
    return found


def of(scores: pl.DataFrame, run_id: str, capture: str, protocol: Protocol) -> pl.DataFrame:
    seconds = pl.col("calibration_s")
    return scores.filter(
        (pl.col("model_run_id") == run_id) & (pl.col("capture") == capture) & (pl.col("protocol") == protocol.name)
        & (seconds == protocol.calibration_s if protocol.calibration_s else seconds.is_null())
    )  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
def test_every_score_is_what_the_kept_checkpoint_says_of_that_window_alone(
    stage: str, trained: Place, run_ids: dict[str, str], graphs: GraphSet, scores: pl.DataFrame,
    files: list[CaptureFile],
) -> None:  # fmt: skip
    networks = {
        name: load_checkpoint(RunFolder(trained.settings.runs, run_ids[name]).checkpoint).build() for name in STAGES
    }
    network, compared = networks[stage], 0
    for file in files:
        for protocol in UNDER[file.name]:
            kept, expected = of(scores, run_ids[stage], file.name, protocol), built(graphs, file, protocol)
            behind = np.flatnonzero(expected.start_s >= protocol.calibration_s)
            assert kept["start_frame"].to_list() == expected.start_frame[behind].tolist()
            tensors = GraphTensors(expected)
            for row in range(0, len(behind), 7):
                batch = tensors.batch(torch.tensor([behind[row]]))
                with torch.inference_mode():
                    if stage == "fusion":
                        detector = Detector(networks["vgae_student"], networks["gat_student"], network)  # type: ignore[arg-type]
                        score = detector.eval()(batch).score
                    elif stage.startswith("vgae"):
                        score = network.anomaly(reconstruction_errors(batch, network(batch)))  # type: ignore[operator]
                    else:
                        score = network(batch).logits.softmax(-1)[:, 1]
                assert kept["score"][row] == pytest.approx(score.item(), rel=1e-4, abs=1e-6)
                compared += 1
    assert compared > 30


def test_the_habits_word_is_kept_beside_the_fused_score(
    run_ids: dict[str, str], graphs: GraphSet, scores: pl.DataFrame, files: list[CaptureFile]
) -> None:
    for file in files:
        kept = of(scores, run_ids["fusion"], file.name, Protocol(ZERO_SHOT))
        tensors = GraphTensors(built(graphs, file, Protocol(ZERO_SHOT)))
        expected = habit_score(habit_evidence(tensors.batch(torch.arange(len(kept)))))
        np.testing.assert_allclose(kept["habit_score"], expected, atol=1e-6)


def test_every_capture_is_scored_under_every_protocol_that_applies(
    graphs: GraphSet, scores: pl.DataFrame, files: list[CaptureFile], run_ids: dict[str, str]
) -> None:
    assert {file.name: protocols_of(file.vehicle, graphs, ALARM) for file in files} == UNDER
    networks = scores.filter(pl.col("model_run_id").is_in([run_ids[stage] for stage in STAGES]))
    found = networks.select("capture", "protocol", "calibration_s").unique()
    expected = {(name, one.name, one.calibration_s or None) for name, under in UNDER.items() for one in under}
    assert set(found.iter_rows()) == expected


@pytest.mark.parametrize("stage", STAGES)
def test_metrics_are_those_of_the_kept_scores(
    stage: str, trained: Place, run_ids: dict[str, str], graphs: GraphSet, scores: pl.DataFrame,
    files: list[CaptureFile],
) -> None:  # fmt: skip
    """Recomputed with labels read here; a window holds an attack if any of its hundred frames does."""
    rows = trained.rows(f"SELECT * FROM metrics WHERE model_run_id = '{run_ids[stage]}' ORDER BY ALL")
    thresholds = {row["protocol"]: row["value"] for row in rows if row["metric"] == "threshold"}
    assert thresholds.keys() == set(PROTOCOLS)
    for file in files:
        log = read_tested(file, graphs)
        for protocol in UNDER[file.name]:
            kept = of(scores, run_ids[stage], file.name, protocol)
            is_attack = np.array([log.is_attack[start : start + 100].any() for start in kept["start_frame"]])
            seconds = protocol.calibration_s or None
            own = {
                row["metric"]: (row["value"], row["n"], row["n_attack"])
                for row in rows
                if (row["capture"], row["protocol"], row["calibration_s"]) == (file.name, protocol.name, seconds)
            }
            first = log.timestamp_s[np.argmax(log.is_attack)] - log.timestamp_s[0]
            if seconds and log.is_attack.any() and first < seconds:
                assert not own, "its prefix is not attack-free"
                continue
            expected = window_metrics(is_attack, kept["score"].to_numpy(), thresholds[protocol.name])
            for key, value in expected.items():
                assert own[key] == (value, len(kept), int(is_attack.sum())), key


def test_a_fusions_thresholds_are_those_of_its_checkpoint(trained: Place, run_ids: dict[str, str]) -> None:
    kept = load_checkpoint(RunFolder(trained.settings.runs, run_ids["fusion"]).checkpoint).weights["thresholds"]
    rows = trained.rows(
        f"SELECT protocol, value FROM metrics WHERE metric = 'threshold' AND model_run_id = '{run_ids['fusion']}'"
    )
    assert {row["protocol"]: row["value"] for row in rows} == dict(zip(PROTOCOLS, kept.double().tolist(), strict=True))


def test_the_scores_hold_no_label(scores: pl.DataFrame) -> None:
    assert not [name for name in scores.columns if "attack" in name and name != "attack_probability"]


def test_a_vehicle_is_known_where_training_saw_it(trained: Place) -> None:
    rows = trained.rows("SELECT DISTINCT capture, vehicle, is_known_vehicle FROM metrics WHERE capture LIKE '%/%'")
    known = {row["capture"].split("/")[0]: (row["vehicle"], row["is_known_vehicle"]) for row in rows}
    assert known == {
        "test_01_known_vehicle_known_attack": ("Chevrolet Impala 2011", True),
        "test_04_unknown_vehicle_unknown_attack": ("Chevrolet Traverse 2011", False),
    }


class Witness:
    """Notes when labels of a test capture are asked for, and whether the scores had been written by then."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.seen: list[bool] = []

    def watch(self, log: CanLog) -> CanLog:
        witness = self

        class Watched(CanLog):
            def __getattribute__(self, name: str) -> object:
                if name == "is_attack":
                    witness.seen.append(witness.folder.scores.exists())
                return super().__getattribute__(name)

        return Watched(**{name: getattr(log, name) for name in log.__dataclass_fields__})


@pytest.fixture
def again(trained: Place, run_ids: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    """What evaluation is given, with a folder of its own to write to."""
    place = tmp_path_factory.mktemp("again")
    folder = RunFolder(place, "again")
    folder.path.mkdir()
    inputs = {stage: RunFolder(trained.settings.runs, run_ids[stage]) for stage in ("prepare", *STAGES)}
    config = trained.config()
    return StageContext(
        journal=Journal(trained.settings.lake, place.name), folder=folder, inputs=inputs, seed=7, say=lambda line: None,
        tracking=config.tracking, facts={"dataset": "set_01"},
    )  # fmt: skip


def test_labels_of_test_captures_are_read_after_all_scores_are_written(
    again: StageContext, files: list[CaptureFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`without_labels` hands on a capture without them; whatever else asks for labels is witnessed."""
    witness, stripped, plain = Witness(again.folder), [], CanLog.without_labels

    def watched(file: CaptureFile, graphs: GraphSet) -> CanLog:
        return witness.watch(read_tested(file, graphs))

    def without(log: CanLog) -> CanLog:
        before = len(witness.seen)
        found = plain(CanLog(**{name: getattr(log, name) for name in log.__dataclass_fields__}))
        del witness.seen[before:]  # handing the columns on reads no label
        assert not found.is_attack.any()
        assert not again.folder.scores.exists()
        stripped.append(found.path)
        return found

    monkeypatch.setattr(evaluation, "read_tested", watched)
    monkeypatch.setattr(CanLog, "without_labels", without)
    evaluate(again, Outcome(again.journal), files, ALARM)
    assert list(dict.fromkeys(stripped)) == [file.path for file in files]
    assert witness.seen, "labels were read in the end"
    assert all(witness.seen), "and never before the scores were there"


def test_other_labels_give_the_same_scores_and_other_metrics(
    again: StageContext, files: list[CaptureFile], monkeypatch: pytest.MonkeyPatch, run_ids: dict[str, str],
    scores: pl.DataFrame,
) -> None:  # fmt: skip
    def turned(file: CaptureFile, graphs: GraphSet) -> CanLog:
        log = read_tested(file, graphs)
        return replace(log, is_attack=~log.is_attack)

    monkeypatch.setattr(evaluation, "read_tested", turned)
    outcome = Outcome(again.journal)
    evaluate(again, outcome, files, ALARM)
    found = pl.read_parquet(again.folder.scores)
    own = scores.filter(pl.col("model_run_id").is_in([run_ids[stage] for stage in STAGES]))
    assert found.select(own.columns).equals(own)
    asked = ("test", "base_rate", KNOWN_CAPTURE)
    base = {r["value"] for r in outcome.rows["metrics"] if (r["split"], r["metric"], r["capture"]) == asked}
    assert base == {1.0}, "every window holds a benign frame, now called an attack"


def test_a_test_capture_that_changed_is_refused(
    trained: Place, graphs: GraphSet, files: list[CaptureFile], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("changed") / files[0].path.name
    path.write_bytes(files[0].path.read_bytes().replace(b",0\n", b",1\n", 1))
    with pytest.raises(StageError, match=r"changed since it was prepared .* Restore the file, or prepare again"):
        read_tested(replace(files[0], path=path), graphs)


def test_each_window_the_detector_was_tested_on_is_in_predictions_as_in_its_own_file(
    trained: Place, run_ids: dict[str, str], scores: pl.DataFrame, graphs: GraphSet, files: list[CaptureFile]
) -> None:
    kept = pl.DataFrame(
        query(trained.settings.lake, "SELECT * FROM predictions WHERE NOT starts_with(run_id, 'again')")
    )
    assert set(kept["model_run_id"]) == {run_ids["fusion"]}
    key = ["capture", "protocol", "calibration_s", "start_frame"]
    own = scores.filter(pl.col("model_run_id") == run_ids["fusion"])
    both = kept.join(own, on=key, how="left", nulls_equal=True, suffix="_own")
    assert both["score"].to_list() == both["score_own"].to_list()
    assert both["start_s"].to_list() == both["start_s_own"].to_list()
    labels = {file.name: read_tested(file, graphs).is_attack for file in files}
    size = graphs.window.size
    assert all(
        row["label"] == int(labels[row["capture"]][row["start_frame"] : row["start_frame"] + size].any())
        for row in kept.iter_rows(named=True)
    )
    told = pl.DataFrame(
        query(trained.settings.lake, f"""
            SELECT capture, protocol, calibration_s, n, n_attack FROM metrics
            WHERE metric = 'f1' AND split = 'test' AND model_run_id = '{run_ids["fusion"]}'
                AND vehicle <> 'all' AND protocol <> 'unknown attack' AND NOT starts_with(run_id, 'again')""")
    ).sort(key[:3])  # fmt: skip
    counted = kept.group_by(key[:3]).agg(n=pl.len(), n_attack=pl.col("label").sum()).sort(key[:3])
    assert told.rows() == counted.rows()
