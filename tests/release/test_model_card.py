from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard

from models.config import FusionShape
from models.habit_expert import HABIT_FEATURES
from pipeline.checkpoint import Checkpoint
from pipeline.config import HabitConfig, WindowConfig
from pipeline.graph_set import CaptureInfo, GraphSet
from pipeline.measure import POOLS
from pipeline.release.errors import ReleaseError
from pipeline.release.model_card import check_card, write_card
from pipeline.release.shown import protocol_name
from pipeline.release.source import Source
from pipeline.vocabulary import Vocabulary
from tests.golden.compare import assert_golden
from tests.release.conftest import SEEDS, Trained

PARITY = {
    "test_windows": [{"windows": 80, "score": 2.5e-7}, {"windows": 40, "score": 1e-8}],
    "awkward_graphs": [{}, {}, {}],
    "metrics": {"largest_difference": 0.0},
}
KNOWN = {
    "split": "test", "capture": "test/dos-1", "vehicle": "Car A", "attack": "DoS", "is_known_vehicle": True,
    "protocol": "known vehicle", "calibration_s": None,
}  # fmt: skip
UNKNOWN = {
    **KNOWN, "capture": "a-test/fuzz-2", "vehicle": "Car B", "attack": "fuzzing", "is_known_vehicle": False,
    "protocol": "zero-shot",
}  # fmt: skip
ALL = {**KNOWN, "capture": "all", "vehicle": "all", "attack": "all", "is_known_vehicle": None}
CALIBRATED = {"protocol": "calibrated", "calibration_s": 5.0}


def metric(about: dict[str, Any], name: str, value: float | None) -> dict[str, Any]:
    return {**about, "metric": name, "value": value, "n": 60, "n_attack": 20}


THRESHOLDS = {"known vehicle": 0.625, "calibrated": 0.75, "zero-shot": 0.75}
SET_ON = [
    {**metric({**ALL, "split": "validation", "protocol": name}, "threshold", value), "n": 40, "n_attack": 0}
    for name, value in THRESHOLDS.items()
]
SHOWN = [
    metric(ALL, "f1", 0.5),
    metric({**ALL, "protocol": "zero-shot"}, "f1", 0.625),
    metric({**ALL, **CALIBRATED}, "f1", 0.6875),
    metric({**ALL, "protocol": "unknown attack"}, "recall", 0.25),
    metric({**ALL, "protocol": "zero-shot", "capture": "known vehicles", "is_known_vehicle": True}, "f1", 0.75),
    metric({**ALL, "protocol": "zero-shot", "capture": "unknown vehicles", "is_known_vehicle": False}, "f1", 0.125),
    metric(KNOWN, "f1", 0.987654321),
    metric(KNOWN, "precision", 1.0),
    metric(KNOWN, "false_alarms_per_hour", 12.34),
    metric(UNKNOWN, "f1", 0.0),
    metric(UNKNOWN, "precision", None),
    metric(UNKNOWN, "auroc", 0.25),
]
# of a known vehicle held to be unknown, and of a metric that only metrics.json has
NOT_SHOWN = [metric({**KNOWN, "protocol": "zero-shot"}, "f1", 0.111), metric(KNOWN, "episodes_found", 2.0)]
METRICS = [*SET_ON, *SHOWN, *NOT_SHOWN]


def run(stage: str, **columns: Any) -> dict[str, Any]:
    config = (
        '{"window": {"size": 100, "stride": 100}, "seeds": [1, 2], "alarm": {"false_alarms_per_hour": 10.0, '
        '"highest_threshold": 0.7}, '
        '"fusion": {"shape": {"method": "dqn"}}}'
    )
    return {
        "run_id": f"made_up-{stage}-1", "stage": stage, "seed": 1, "is_demo": True, "config_json": config,
        "config_digest": "c0ffee", "code_commit": "abc123", "code_patch_digest": None, "device": "cpu",
        "parameters": 1234, **columns,
    }  # fmt: skip


@pytest.fixture
def source() -> Source:
    """A release of made-up numbers; its graphs are two training windows of Car A."""
    graphs = GraphSet(
        graphs=None,  # type: ignore[arg-type]
        capture=np.array([0, 1, 2]),
        place=np.array([0, 0, 1]),
        protocol=np.zeros(3, dtype=np.int8),
        captures=tuple(
            CaptureInfo(*one, "train", "d16e57")
            for one in (("b", "Car A", "benign"), ("d", "Car A", "DoS"), ("f", "Car B", "x"))
        ),
        vocabulary=Vocabulary((1, 2)),
        habits={},
        window=WindowConfig(),
        habit=HabitConfig(),
        data_digest="da7a",
    )
    stages = ("fusion", "prepare", "vgae_student", "gat_student", "vgae_teacher", "gat_teacher", "evaluate")
    fusion = Checkpoint(
        "made_up-fusion-1", "fusion", "student", FusionShape(), Vocabulary((1, 2)), "da7a", "c0ffee",
        {"thresholds": torch.tensor(list(THRESHOLDS.values()))},
    )  # fmt: skip
    return Source(
        snapshot_id="5nap5h0t",
        runs={stage: run(stage) for stage in stages},
        files=[],
        checkpoints={"fusion": fusion},
        graphs=graphs,
        metrics=METRICS,
        dataset={
            "dataset": "made_up", "title": "Made-up recordings", "licence": "CC BY 4.0", "citation": "Nobody, 2026",
            "address": "https://example.org/data", "data_digest": "da7a",
        },
        captures=[],
        habits=b"",
        peers={
            seed: {("known vehicle", "f1"): f1, ("zero-shot", "f1"): 0.25, ("zero-shot", "auroc"): None}
            for seed, f1 in ((1, 0.5), (2, 0.75))
        },
    )  # fmt: skip


def test_the_card_is_the_recorded_one(source: Source) -> None:
    assert_golden("model_card.md", write_card(source, PARITY))


def test_the_hub_reads_back_every_metric_as_it_is_in_the_lake(source: Source) -> None:
    data: Any = ModelCard(write_card(source, PARITY)).data
    found = {(one.dataset_config, one.metric_type): one.metric_value for one in data.eval_results}
    assert found == {
        (f"{row['capture']} ({protocol_name(row)})", row["metric"]): row["value"]
        for row in SHOWN
        if row["value"] is not None
    }
    assert found["all (calibrated, 5 s)", "f1"] == 0.6875
    named = {one.dataset_config: one.dataset_args["protocol"] for one in data.eval_results}
    assert named["a-test/fuzz-2 (zero-shot)"] == "zero-shot"
    assert data.library_name == "onnx"
    assert "demo" in data.tags


def test_a_real_releases_card_holds_its_lakes_metrics(trained: Trained) -> None:
    source = trained.source()
    text = write_card(source, PARITY)
    check_card(text, source.metrics)
    assert f"Seed {SEEDS[0]} of {len(SEEDS)}" in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 0.987654321", "value: 0.99"),
        ("type: auroc", "type: aurocc"),
        ("# made_up", "[More Information Needed]"),
    ],
)
def test_a_card_that_says_something_else_is_refused(source: Source, old: str, new: str) -> None:
    text = write_card(source, PARITY)
    assert old in text
    with pytest.raises(ReleaseError, match=r"not the lake's|open blank"):
        check_card(text.replace(old, new), METRICS)


def test_one_seed_is_said_to_be_one_seed(source: Source) -> None:
    text = write_card(replace(source, peers={1: {("known vehicle", "f1"): 0.5}}), PARITY)
    assert "One seed (1): nothing can be said of the spread" in text
    assert "the lowest and the highest of all seeds" not in text


def test_a_result_is_not_called_a_demonstration(source: Source) -> None:
    runs = {**source.runs, "fusion": run("fusion", is_demo=False)}
    text = write_card(replace(source, runs=runs), PARITY)
    assert "demonstration" not in text.lower()
    assert "- demo" not in text


def test_without_an_unknown_vehicle_the_card_says_that_nothing_is_known_of_one(source: Source) -> None:
    metrics = [row for row in METRICS if row["is_known_vehicle"] is not False]
    assert "nothing is known of other vehicles" in write_card(replace(source, metrics=metrics), PARITY)


def test_known_and_unknown_vehicles_stand_next_to_each_other(source: Source) -> None:
    lines = [line for line in write_card(source, PARITY).splitlines() if line.startswith("| ")]
    places = [
        next(i for i, line in enumerate(lines) if line.startswith(f"| {name} |"))
        for name in ("test/dos-1", "a-test/fuzz-2")
    ]
    assert places[1] == places[0] + 1
    assert "**no**" in lines[places[1]]
    assert "12.3" in lines[places[0]]


def test_every_protocol_has_a_line_for_each_group_of_captures(source: Source) -> None:
    lines = [line.split(" | ")[:2] for line in write_card(source, PARITY).splitlines() if line.startswith("| ")]
    groups = [(first.removeprefix("| "), second) for first, second in lines if second in POOLS]
    assert groups == [
        ("known vehicle", "all"), ("calibrated, 5 s", "all"), ("zero-shot", "all"), ("zero-shot", "known vehicles"),
        ("zero-shot", "unknown vehicles"), ("unknown attack", "all"),
    ]  # fmt: skip


def test_the_card_says_which_threshold_is_whose_and_what_a_habit_is(source: Source) -> None:
    text = write_card(source, PARITY)
    for name, threshold in THRESHOLDS.items():
        assert f"| {name} | {threshold} | 40 |" in text
    assert "**A habit** is" in text
    assert f"{len(HABIT_FEATURES)} of the" in text


@pytest.mark.parametrize(("method", "said"), [("mlp", "a perceptron"), ("habit", "the choice of one of the three")])
def test_a_fusion_is_called_what_it_is(source: Source, method: str, said: str) -> None:
    config = source.runs["fusion"]["config_json"].replace('"dqn"', f'"{method}"')
    runs = {**source.runs, "fusion": run("fusion", config_json=config)}
    text = write_card(replace(source, runs=runs), PARITY)
    assert said in text
    assert "an agent" not in text


def test_networks_trained_alone_are_not_called_distilled(source: Source) -> None:
    runs = {stage: row for stage, row in source.runs.items() if not stage.endswith("teacher")}
    assert "distilled from" not in write_card(replace(source, runs=runs), PARITY)
