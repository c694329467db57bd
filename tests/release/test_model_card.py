from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard

from models.config import FusionShape
from pipeline.checkpoint import Checkpoint
from pipeline.graph_set import CaptureInfo, GraphSet
from pipeline.release.errors import ReleaseError
from pipeline.release.model_card import check_card, write_card
from pipeline.release.source import Source
from pipeline.vocabulary import Vocabulary
from tests.golden.compare import assert_golden
from tests.release.conftest import SEEDS, Trained

PARITY = {
    "test_windows": {"windows": 120, "score": 2.5e-7},
    "awkward_graphs": [{}, {}, {}],
    "metrics": {"largest_difference": 0.0},
}
KNOWN = {"split": "test", "capture": "test/dos-1", "vehicle": "Car A", "attack": "DoS", "is_known_vehicle": True}
UNKNOWN = {
    "split": "test",
    "capture": "a-test/fuzz-2",
    "vehicle": "Car B",
    "attack": "fuzzing",
    "is_known_vehicle": False,
}
ALL = {"split": "test", "capture": "all", "vehicle": "all", "attack": "all", "is_known_vehicle": None}


def metric(about: dict[str, Any], name: str, value: float | None) -> dict[str, Any]:
    return {**about, "metric": name, "value": value, "n": 60, "n_attack": 20}


METRICS = [
    metric({**ALL, "split": "validation"}, "threshold", 0.625) | {"n": 40, "n_attack": 0},
    metric(ALL, "f1", 0.5),
    metric({**ALL, "capture": "known vehicles", "is_known_vehicle": True}, "f1", 0.75),
    metric({**ALL, "capture": "unknown vehicles", "is_known_vehicle": False}, "f1", 0.125),
    metric(KNOWN, "f1", 0.987654321),
    metric(KNOWN, "precision", 1.0),
    metric(UNKNOWN, "f1", 0.0),
    metric(UNKNOWN, "precision", None),
    metric(UNKNOWN, "auroc", 0.25),
]


def run(stage: str, **columns: Any) -> dict[str, Any]:
    config = '{"window": {"size": 100, "stride": 100}, "alarm": {"benign_quantile": 0.99}, "seeds": [1, 2]}'
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
        place=np.array([0, 0, 2]),
        captures=tuple(
            CaptureInfo(*one) for one in (("b", "Car A", "benign"), ("d", "Car A", "DoS"), ("f", "Car B", "x"))
        ),
        vocabulary=Vocabulary((1, 2)),
        window_size=100,
        data_digest="da7a",
    )
    stages = ("fusion", "prepare", "vgae_student", "gat_student", "vgae_teacher", "gat_teacher", "evaluate")
    fusion = Checkpoint(
        "made_up-fusion-1", "fusion", "student", FusionShape(), Vocabulary((1, 2)), "da7a", "c0ffee", {}
    )
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
        peers={1: {"f1": 0.5, "auroc": None}, 2: {"f1": 0.75, "auroc": None}},
    )  # fmt: skip


def test_the_card_is_the_recorded_one(source: Source) -> None:
    assert_golden("model_card.md", write_card(source, PARITY))


def test_the_hub_reads_back_every_metric_as_it_is_in_the_lake(source: Source) -> None:
    data: Any = ModelCard(write_card(source, PARITY)).data
    found = {(one.dataset_config, one.metric_type): one.metric_value for one in data.eval_results}
    assert found == {(row["capture"], row["metric"]): row["value"] for row in METRICS[1:] if row["value"] is not None}
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
    text = write_card(replace(source, peers={1: {"f1": 0.5}}), PARITY)
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
    captures = ("test/dos-1", "a-test/fuzz-2", "known vehicles", "unknown vehicles", "all")
    places = [next(i for i, line in enumerate(lines) if line.startswith(f"| {name} |")) for name in captures]
    assert places == list(range(places[0], places[0] + len(captures)))
    assert "**no**" in lines[places[1]]


def test_networks_trained_alone_are_not_called_distilled(source: Source) -> None:
    runs = {stage: row for stage, row in source.runs.items() if not stage.endswith("teacher")}
    assert "distilled from" not in write_card(replace(source, runs=runs), PARITY)
