"""What must hold before a version is promoted."""

import shutil
from pathlib import Path

import pytest

from lake.errors import LakeError
from lake.registry import Override, history, promote, register
from lake.registry_gate import MARGIN, NOT_WORSE
from tests.lake.registry_lake import IMPORTED, NAME, add_evaluated, add_trained


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 in production with an F1 of 0.8 under one protocol and 0.6 under another; version 2 not evaluated."""
    root = tmp_path_factory.mktemp("registry") / "lake"
    for run_id in ("run-1", "run-2"):
        add_trained(root, run_id)
        register(root, run_id)
    add_evaluated(root, "evaluate-1", "run-1", known_vehicle=0.8, zero_shot=0.6)
    for stage in ("staging", "production"):
        promote(root, f"{NAME}:1", stage)
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    """A lake like it of the test's own."""
    return Path(shutil.copytree(prepared, tmp_path / "lake"))


def value_of_last(root: Path) -> float | None:
    value: float | None = history(root, NAME)[-1]["gate_value"]
    return value


def test_the_first_version_is_held_against_zero_and_what_the_gate_gave_is_kept(root: Path) -> None:
    last = history(root, NAME)[-1]
    assert last["gate"] == NOT_WORSE
    assert last["gate_value"] == pytest.approx(0.6)


def test_a_version_that_was_never_evaluated_does_not_pass(root: Path) -> None:
    with pytest.raises(LakeError, match=r"is not promoted to staging: the gate gives nothing"):
        promote(root, f"{NAME}:2", "staging")
    assert len(history(root, NAME)) == 4


@pytest.mark.parametrize(
    ("f1", "passes"),
    [
        ({"known_vehicle": 0.9, "zero_shot": 0.7}, True),
        ({"known_vehicle": 0.8, "zero_shot": 0.6}, True),
        ({"known_vehicle": 0.8 - 0.9 * MARGIN, "zero_shot": 0.6}, True),
        ({"known_vehicle": 0.8 - 1.1 * MARGIN, "zero_shot": 0.9}, False),  # the worst protocol decides
        ({"known_vehicle": 0.9}, False),  # one that production has is missing
        ({"known_vehicle": 0.9, "zero_shot": 0.7, "calibrated": 0.1}, True),  # one that production lacks
        ({"known_vehicle": 0.9, "zero_shot": None}, False),
    ],
)
def test_f1_may_fall_by_no_more_than_the_margin_in_any_protocol(
    root: Path, f1: dict[str, float | None], passes: bool
) -> None:
    add_evaluated(root, "evaluate-2", "run-2", **f1)
    if passes:
        promote(root, f"{NAME}:2", "staging")
        assert (value_of_last(root) or 0) > 0
    else:
        with pytest.raises(LakeError, match="not a number above 0 or true"):
            promote(root, f"{NAME}:2", "staging")


def test_the_latest_evaluation_counts(root: Path) -> None:
    add_evaluated(root, "evaluate-2", "run-2", known_vehicle=0.9, zero_shot=0.9)
    add_evaluated(root, "evaluate-3", "run-2", minutes=5, known_vehicle=0.1, zero_shot=0.1)
    with pytest.raises(LakeError, match=r"the gate gives -0\.695"):
        promote(root, f"{NAME}:2", "staging")


def test_runs_that_saw_other_data_are_not_compared(root: Path) -> None:
    add_trained(root, "run-3", data_digest="e" * 64)
    add_evaluated(root, "evaluate-3", "run-3", known_vehicle=0.99, zero_shot=0.99)
    register(root, "run-3")
    with pytest.raises(LakeError, match="the gate gives nothing"):
        promote(root, f"{NAME}:3", "staging")


def test_an_imported_version_is_not_compared(root: Path) -> None:
    add_trained(root, "run-old", **IMPORTED)
    register(root, "run-old", Override(True, "a baseline"))
    add_evaluated(root, "evaluate-old", "run-old", known_vehicle=0.99, zero_shot=0.99)
    with pytest.raises(LakeError, match=r"the gate gives nothing.*nothing where one of the two was imported"):
        promote(root, f"{NAME}:3", "staging")


def test_nothing_is_compared_with_an_imported_version_in_production(root: Path) -> None:
    add_trained(root, "run-old", **IMPORTED)
    forced = Override(True, "a baseline")
    register(root, "run-old", forced)
    add_evaluated(root, "evaluate-old", "run-old", known_vehicle=0.1, zero_shot=0.1)
    promote(root, f"{NAME}:3", "production", override=forced)
    add_evaluated(root, "evaluate-2", "run-2", known_vehicle=0.9, zero_shot=0.9)
    with pytest.raises(LakeError, match=r"the gate gives nothing"):
        promote(root, f"{NAME}:2", "staging")
    promote(root, f"{NAME}:2", "staging", override=Override(True, "production is imported"))
    assert history(root, NAME)[-1]["is_forced"] is True


def test_an_imported_evaluation_does_not_count(root: Path) -> None:
    add_evaluated(root, "evaluate-old", "run-2", minutes=5, known_vehicle=0.99, zero_shot=0.99, origin="a folder")
    with pytest.raises(LakeError, match="the gate gives nothing"):
        promote(root, f"{NAME}:2", "staging")
    add_evaluated(root, "evaluate-2", "run-2", known_vehicle=0.9, zero_shot=0.7)
    promote(root, f"{NAME}:2", "staging")
    assert value_of_last(root) == pytest.approx(0.1 + MARGIN)


def test_a_gate_that_is_not_passed_is_overridden_with_a_reason_and_that_is_kept(root: Path) -> None:
    promote(root, f"{NAME}:2", "staging", override=Override(True, "evaluated elsewhere"))
    last = history(root, NAME)[-1]
    assert (last["is_forced"], last["gate_value"], last["reason"]) == (True, None, "evaluated elsewhere")


@pytest.mark.parametrize(
    ("gate", "value"),
    [
        ("SELECT $run_id = 'run-2'", 1.0),
        ("SELECT len($checkpoint_digest) / 256", 0.25),
        ("SELECT count(*) FROM metrics WHERE model_run_id = $production_run_id AND run_id <> $run_id", 2.0),
        ("SELECT $run_id = 'run-2' AND length($checkpoint_digest) = 64", 1.0),
    ],
)
def test_any_query_can_be_the_gate(root: Path, gate: str, value: float) -> None:
    promote(root, f"{NAME}:2", "staging", gate)
    assert (history(root, NAME)[-1]["gate"], value_of_last(root)) == (gate, value)


@pytest.mark.parametrize("gate", ["$run_id = 'run-1'", "0 * len($run_id)", "-len($run_id)", "nullif($run_id, 'run-2')",
                                  "1 WHERE $run_id = 'run-1'", "'nan'::DOUBLE * len($run_id)"])  # fmt: skip
def test_only_true_or_a_number_above_0_passes(root: Path, gate: str) -> None:
    with pytest.raises(LakeError, match=r"not a number above 0 or true \(the gate given"):
        promote(root, f"{NAME}:2", "staging", f"SELECT {gate}")


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ("DROP VIEW runs", "exactly one SELECT"),
        ("SELECT 1; SELECT 1", "exactly one SELECT"),
        ("COPY runs TO '/tmp/x.csv'", "exactly one SELECT"),
        ("SELECT * FROM nowhere", "DuckDB refuses the gate"),
        ("SELECT * FROM read_csv('/etc/passwd')", "DuckDB refuses the gate"),
        ("SELECT $nothing", "DuckDB refuses the gate"),
        ("SELECT 1, 2", "1 rows of 2 columns"),
        ("SELECT unnest([1, 2])", "2 rows of 1 columns"),
        ("SELECT 1", "does not ask about the version"),
        ("SELECT $production_run_id = 'run-1'", "does not ask about the version"),
        ("SELECT 'good'", "neither a number nor a truth value"),
    ],
)
def test_a_gate_that_is_no_question_is_refused_whatever_is_forced(root: Path, gate: str, words: str) -> None:
    with pytest.raises(LakeError, match=words):
        promote(root, f"{NAME}:2", "staging", gate, Override(True, "because"))


def test_archiving_asks_no_gate(root: Path) -> None:
    promote(root, f"{NAME}:2", "archived", "SELECT false")
    assert history(root, NAME)[-1]["gate"] is None
