"""What is half there is shown as far as it goes; and empty text asks for nothing else."""

import json
from pathlib import Path

import pytest

from lake.append import append
from lake.schema import METRICS, RUNS
from loaders.__main__ import main
from tests.lake.rows import NOON, metric_row, run_row


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A model `gat` that was evaluated on a dataset that no run here read, and an imported model `vgae`."""
    root = tmp_path / "lake"
    done = {"status": "complete", "finished_at": NOON, "dataset": "dsA", "role": "student", "configuration": "c0ffee00"}
    for model, origin in (("gat", None), ("vgae", "an earlier tracker")):
        trained = run_row(**done, stage=f"{model}_student", model=model, seed=1, origin=origin)
        append(root, RUNS, f"{model}-1", "ended", [trained])
        judge = {**done, "stage": "evaluate", "role": None, "origin": origin}
        append(root, RUNS, f"evaluate-{model}", "ended", [run_row(**judge)])
        rows = [
            metric_row(model_run_id=f"{model}-1", dataset="dsA", capture=capture, vehicle="car")
            for capture in ("dos", "fuzzing")
        ]
        append(root, METRICS, f"evaluate-{model}", "metrics", rows)
    append(root, RUNS, "begun", "running", [run_row(dataset="dsB")])
    return root


def said(root: Path, capsys: pytest.CaptureFixture[str], *asked: str) -> str:
    assert main(["analytics", *asked, "--lake", str(root)]) == 1
    return capsys.readouterr().err


def test_a_dataset_that_was_measured_and_never_read_has_its_leaderboard(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["analytics", "dataset", "dsA", "--captures", "each", "--lake", str(root), "--format", "json"]
    assert main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["capture"]) for row in found["models"]] == [
        ("gat-student", "dos"), ("gat-student", "fuzzing"),
    ]  # fmt: skip
    assert found["notes"][0] == (
        "No complete prepare or index run read the dataset 'dsA': its captures and splits are not known here."
    )


def test_a_dataset_that_was_neither_read_nor_measured_says_both(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(root, capsys, "dataset", "dsB")
    assert "no complete prepare or index run read the dataset 'dsB', and no complete evaluation fits" in text
    text = said(root, capsys, "dataset", "dsC")
    assert text.startswith("analytics: no complete run read a dataset 'dsC'. Datasets: dsA, dsB.")


@pytest.mark.parametrize(
    ("models", "origin", "words"),
    [
        (("gat", "vgae"), "own", "'vgae' that --origin own takes in, but an imported one is called so: --origin all"),
        (("vgae-1", "gat"), "own", "'vgae-1' that --origin own takes in, but an imported one is called so"),
        (("gat", "vgae"), "legacy", "'gat' that --origin legacy takes in, but one of this pipeline is called so"),
        (("gat", "mlp"), "own", "no complete run trained a model 'mlp'. Models: gat-student;"),
    ],
)
def test_a_model_that_the_origin_leaves_out_is_told_with_the_origin_that_takes_it_in(
    root: Path, capsys: pytest.CaptureFixture[str], models: tuple[str, str], origin: str, words: str
) -> None:
    assert words in said(root, capsys, "compare", *models, "--origin", origin)
    assert main(["analytics", "compare", "gat", "vgae", "--origin", "all", "--lake", str(root)]) == 0


@pytest.mark.parametrize(
    "asked",
    [
        *(("analytics", "leaderboard", f"--{name}", "") for name in (
            "lake", "snapshot", "metric", "dataset", "experiment", "protocol", "split", "captures",
        )),
        ("analytics", "leaderboard", "--snapshot", " "), ("analytics", "compare", "gat", ""),
        ("analytics", "compare", "gat", "vgae", "--metric", ""), ("analytics", "diff", "", "gat-1"),
        ("analytics", "diff", "gat-1", ""), ("analytics", "sweep", "", "f1"), ("analytics", "sweep", "window.size", ""),
        ("analytics", "dataset", ""), ("analytics", "lineage", ""), ("analytics", "query", ""),
        ("site", "--snapshot", ""), ("site", "--out", ""), ("site", "--lake", ""), ("results", "--out", ""),
    ],
)  # fmt: skip
def test_empty_text_is_refused(capsys: pytest.CaptureFixture[str], asked: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(asked)
    assert ended.value.code == 2
    assert "is empty: is a variable of the shell not set?" in capsys.readouterr().err
