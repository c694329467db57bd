"""`./run evaluate`: the experiment's metrics for any recording with labels, scored before they are read."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import evaluate_captures as command
from pipeline.detector_folder import KeptDetector, find_detector
from pipeline.errors import CaptureError
from pipeline.evaluate_captures import evaluate_captures
from pipeline.metrics import window_metrics
from pipeline.readers import read_can_log
from tests.pipeline.conftest import Place
from tests.pipeline.test_score import CAR, KNOWN_CAPTURE, UNKNOWN_CAPTURE, rewritten, scored


@pytest.fixture(scope="module")
def kept(trained: Place) -> KeptDetector:
    (run,) = trained.rows("SELECT run_id FROM runs WHERE stage = 'fusion'")
    return find_detector(run["run_id"], trained.settings)


def evaluated(kept: KeptDetector, *paths: Path, calibrate_s: float | None = None, vehicle: str | None = None) -> list:
    return evaluate_captures(kept, list(paths), calibrate_s, vehicle, None, lambda line: None)


def test_its_metrics_are_those_of_the_experiments_evaluation(kept: KeptDetector, trained: Place) -> None:
    for name, vehicle, protocol, seconds in (
        (KNOWN_CAPTURE, CAR, "known vehicle", None), (UNKNOWN_CAPTURE, None, "zero-shot", None),
        (UNKNOWN_CAPTURE, None, "calibrated", 0.5),
    ):  # fmt: skip
        rows = evaluated(kept, trained.data / name, calibrate_s=seconds, vehicle=vehicle)
        found = {row["metric"]: (row["value"], row["n"], row["n_attack"]) for row in rows}
        asked = "IS NULL" if seconds is None else f"= {seconds}"
        lake = trained.rows(f"""
            SELECT metric, value, n, n_attack FROM metrics
            WHERE model_run_id = '{kept.run_id}' AND protocol = '{protocol}' AND calibration_s {asked}
            AND capture LIKE '%{name.stem}'
        """)
        assert {row["protocol"] for row in rows} == {protocol}
        assert {row["calibration_s"] for row in rows} == {seconds}
        assert found == {row["metric"]: (row["value"], row["n"], row["n_attack"]) for row in lake}


def test_it_is_measured_at_the_threshold_that_score_shows(kept: KeptDetector, trained: Place) -> None:
    path = trained.data / KNOWN_CAPTURE
    rows, log = scored(kept, path), read_can_log(path, "can-train-and-test-csv")
    is_attack = np.array([log.is_attack[start : start + 100].any() for start in rows["start_frame"]])
    expected = window_metrics(is_attack, rows["score"].to_numpy(), rows["threshold"][0])
    found = {row["metric"]: row["value"] for row in evaluated(kept, path)}
    assert expected.items() <= found.items()


def test_several_captures_are_pooled_and_one_is_not(kept: KeptDetector, trained: Place) -> None:
    one, other = trained.data / KNOWN_CAPTURE, trained.data / UNKNOWN_CAPTURE
    assert {row["capture"] for row in evaluated(kept, one)} == {str(one)}
    assert {"all", str(one), str(other)} <= {row["capture"] for row in evaluated(kept, one, other)}


def test_a_capture_without_labels_is_refused(kept: KeptDetector, trained: Place, tmp_path: Path) -> None:
    path = rewritten(trained.data / KNOWN_CAPTURE, tmp_path / "unlabelled.csv", lambda fields: fields[:3])
    with pytest.raises(CaptureError, match="label"):
        evaluated(kept, path)


def test_an_attack_in_the_prefix_is_refused(kept: KeptDetector, trained: Place, tmp_path: Path) -> None:
    lines = (trained.data / KNOWN_CAPTURE).read_text().splitlines()
    lines[1:51] = [line.rsplit(",", 1)[0] + ",1" for line in lines[1:51]]
    path = tmp_path / "attacked-1.csv"
    path.write_text("\n".join([*lines, ""]))
    with pytest.raises(CaptureError, match=r"an attack lies in the calibration prefix of 0\.5 s"):
        evaluated(kept, path, calibrate_s=0.5)


def test_labels_are_read_when_every_capture_has_been_scored(
    kept: KeptDetector, trained: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    score, read = command.score_capture, command.read_labelled
    monkeypatch.setattr(command, "score_capture", lambda *a: order.append("score") or score(*a))  # type: ignore[func-returns-value]
    monkeypatch.setattr(command, "read_labelled", lambda *a: order.append("labels") or read(*a))  # type: ignore[func-returns-value]
    evaluated(kept, trained.data / KNOWN_CAPTURE, trained.data / UNKNOWN_CAPTURE)
    assert order == ["score", "score", "labels", "labels"]


def test_the_command_prints_json_or_a_list(
    kept: KeptDetector, trained: Place, typed: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained.data / KNOWN_CAPTURE
    assert typed(trained, "evaluate", kept.run_id, path, "--format", "json") == 0
    assert {row["metric"] for row in json.loads(capsys.readouterr().out)} >= {"f1", "auroc", "episodes_found"}
    assert typed(trained, "evaluate", kept.run_id, path) == 0
    printed = capsys.readouterr().out
    assert "  f1 " in printed
    assert f"{path} (known vehicle, {CAR}; 60 windows" in printed
