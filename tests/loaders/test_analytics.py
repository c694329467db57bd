"""`./run analytics`: what its verbs answer on a made-up lake, computed again from the lake's own rows."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lake.intervals import summarise
from lake.read import open_lake, query
from lake.snapshot import take_snapshot
from lake.statistics import compare
from loaders import comparisons
from loaders.__main__ import main
from loaders.better import better_of
from loaders.build import FOLDER
from tests.lake_fixture import made_up_value
from tests.loaders.rich_lake import MODEL_RUN, SEEDS, rich_lake

CAPTURES = ("test/known-dos", "test/known-fuzzing")  # F1 of the benign capture is not applicable


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_lake(tmp_path_factory.mktemp("analytics") / "lake")


@pytest.fixture
def ask(root: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def asked(*arguments: str, form: str = "json") -> Any:
        status = main(["analytics", *arguments, "--lake", str(root), "--format", form])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        return json.loads(printed.out) if form == "json" else printed.out

    return asked


def value(run: str, capture: str, metric: str, protocol: str, salt: str = "") -> float:
    return made_up_value(run, "test", capture, metric, f"{salt}{protocol}")


def test_the_leaderboard_is_the_mean_over_seeds_with_its_interval(ask: Any) -> None:
    rows = {row["name"]: row for row in ask("leaderboard")["rows"]}
    fusion = rows["fusion-student"]
    values = [value(f"made_up-fusion-{seed}", "known vehicles", "f1", "known vehicle") for seed in SEEDS]
    one = summarise(values)
    assert (fusion["n_seeds"], fusion["seeds"], fusion["seed_values"]) == (5, list(SEEDS), pytest.approx(values))
    assert (fusion["mean"], fusion["low"], fusion["high"]) == (pytest.approx(one.mean), one.low, one.high)
    assert fusion["model_run_ids"] == [f"made_up-fusion-{seed}" for seed in SEEDS]
    assert fusion["evaluate_run_ids"] == [f"protocols-{seed}" for seed in SEEDS]
    assert [row["mean"] for row in rows.values()] == sorted((row["mean"] for row in rows.values()), reverse=True)


def test_the_leaderboard_is_the_pages_leaderboard(ask: Any, root: Path) -> None:
    """Two queries stand on `results`; they must not differ in what they make of it."""
    with open_lake(root) as lake:
        page = lake.sql((FOLDER / "leaderboard.sql").read_text()).to_arrow_table().to_pylist()
    key = ("model", "role", "variant", "configuration", "protocol", "calibration_s", "capture")
    for metric in ("f1", "fpr"):
        for captures in ("pooled", "each"):
            asked = ("--metric", metric, "--protocol", "all", "--captures", captures, "--top", "0")
            said = {tuple(row[name] for name in key): row for row in ask("leaderboard", *asked)["rows"]}
            shown = {
                tuple(row[name] for name in key): row
                for row in page
                if row["split"] == "test"
                and (row["vehicle"] == "all") == (captures == "pooled")
                and row[metric] is not None
            }
            assert said.keys() == shown.keys()
            for place, row in said.items():
                assert row["mean"] == pytest.approx(shown[place][metric], abs=1e-12)
                assert ", ".join(row["model_run_ids"]) == shown[place]["model_run_ids"]
                assert ", ".join(row["evaluate_run_ids"]) == shown[place]["evaluate_run_ids"]


def test_a_repeated_run_takes_the_place_of_the_former_and_is_no_other_seed(ask: Any) -> None:
    wide = next(row for row in ask("leaderboard")["rows"] if row["variant"] == "wide")
    assert (wide["n_seeds"], wide["model_run_ids"]) == (5, ["repeated", *(f"wide-{seed}" for seed in SEEDS[1:])])


def test_where_lower_is_better_the_lowest_comes_first(ask: Any) -> None:
    means = [row["mean"] for row in ask("leaderboard", "--metric", "fpr")["rows"]]
    assert means == sorted(means)
    assert means != sorted(means, reverse=True)


def test_a_metric_that_is_better_neither_way_is_not_judged(ask: Any) -> None:
    found = ask("leaderboard", "--metric", "base_rate")
    assert found["notes"][0].startswith("Of base_rate no way is known that is better")
    compared = ask("compare", "fusion-student", "habit", "--metric", "base_rate", "--metric", "f1")
    assert {row["verdict"] for row in compared["rows"] if row["metric"] == "base_rate"} <= {"differs", "not shown"}
    assert sum("no way is known" in note for note in compared["notes"]) == 1


@pytest.mark.parametrize("metric", ["fnr", "miss_rate", "fpr", "brier", "false_alarms_per_hour"])
def test_errors_are_better_the_fewer_they_are(metric: str) -> None:
    assert better_of(metric) == "lower"


def test_a_protocol_and_a_capture_can_be_chosen(ask: Any) -> None:
    asked = ("--protocol", "calibrated, 10 s", "--captures", "test/known-dos", "--top", "2")
    rows = ask("leaderboard", *asked)["rows"]
    assert {(row["under"], row["capture"], row["candidates"]) for row in rows} == {
        ("calibrated, 10 s", "test/known-dos", 8)
    }
    assert [row["place"] for row in rows] == [1, 2]
    (first,) = {row["under"] for row in ask("leaderboard", "--protocol", "zero-shot")["rows"]}
    assert first == "zero-shot"


def test_one_seed_is_shown_as_one_seed(ask: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.lake_fixture import made_up_lake

    made_up_lake(tmp_path / "lake")
    assert main(["analytics", "leaderboard", "--lake", str(tmp_path / "lake")]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("1 seed ") == 5
    assert "[" not in printed.out
    assert printed.out.count("demo, no result") == 5
    assert "5 of these have fewer than 5 seeds: too few for a 95 % interval" in printed.err


def test_models_are_compared_as_statistics_has_it(ask: Any) -> None:
    row, *others = ask("compare", "fusion-student", "gat-student", "--protocol", "zero-shot")["rows"]
    assert others == []
    mine, theirs = (
        {
            (capture, seed): value(f"made_up-{model}-{seed}", capture, "f1", "zero-shot")
            for capture in CAPTURES
            for seed in SEEDS
        }
        for model in ("fusion", "gat_student")
    )
    expected = compare({"one": mine}, theirs, "higher")["one"]
    assert (row["mean_difference"], row["n"], row["unit"]) == (pytest.approx(expected.mean_difference), 2, "capture")
    assert (row["p"], row["p_adjusted"], row["verdict"]) == (expected.p, expected.p_adjusted, "not shown")


def test_p_values_are_corrected_over_all_that_is_shown(ask: Any) -> None:
    asked = ("compare", "fusion-student", "vgae-student", "habit", "--metric", "f1", "--metric", "fpr")
    rows = ask(*asked)["rows"]
    assert len(rows) == 2 * 2 * 3  # models, metrics, protocols
    smallest = min(rows, key=lambda row: row["p"])
    assert smallest["p_adjusted"] == pytest.approx(min(1, len(rows) * smallest["p"]))
    assert {row["reference"] for row in rows} == {"habit"}
    assert {row["verdict"] for row in rows} == {"not shown"}, "two or three captures cannot show a difference"


@pytest.mark.parametrize(
    ("name", "runs"),
    [("fusion-student/wide", 5), ("wide-2", 1), ("gbdt", 1), ("gat-teacher", 5), ("vgae-student#", 5)],
)
def test_a_model_is_found_by_name_variant_configuration_or_run(ask: Any, root: Path, name: str, runs: int) -> None:
    from loaders.analytics.names import find_side
    from loaders.ask import ask as ask_query

    with open_lake(root) as lake:
        models = ask_query(lake, "models").dicts
    found = find_side(models, name)
    assert len(found.run_ids) - ("repeated" in found.run_ids) == runs


def test_seeds_of_both_sides_are_shown(ask: Any) -> None:
    (row, *_) = ask("compare", "wide-2", "gat-student")["rows"]
    assert (row["n_seeds"], row["n_seeds_reference"]) == (1, 5)
    assert "1 against 5" in ask("compare", "wide-2", "gat-student", form="table")
    assert any("Where a side has 1 seed" in note for note in ask("compare", "wide-2", "gat-student")["notes"])
    assert "none against 5" in ask("compare", "habit", "gat-student", form="table")


def test_two_runs_differ_in_what_was_changed(ask: Any) -> None:
    found = ask("diff", "made_up-fusion-2", "wide-2")
    assert found["config"] == [
        {"key": "window.size", "a": "100", "b": "200"}, {"key": "window.stride", "a": "100", "b": "200"},
    ]  # fmt: skip
    assert {"key": "variant", "a": None, "b": "wide"} in found["facts"]
    asked = {"under": "zero-shot", "split": "test", "capture": "known vehicles", "metric": "f1"}
    (row,) = [row for row in found["metrics"] if asked.items() <= row.items()]
    a, b = (value(run, "known vehicles", "f1", "zero-shot") for run in ("made_up-fusion-2", "wide-2"))
    assert (row["a"], row["b"], row["difference"]) == (a, b, pytest.approx(b - a))


def test_a_run_and_itself_have_no_difference(ask: Any) -> None:
    found = ask("diff", MODEL_RUN, MODEL_RUN)
    assert (found["config"], found["facts"], found["metrics"]) == ([], [], [])
    assert "Nothing that was kept of their results differs." in found["notes"]


def test_a_sweep_groups_seeds_and_says_what_else_differs(ask: Any) -> None:
    rows = [row for row in ask("sweep", "window.size", "f1")["rows"] if row["model"] == "fusion"]
    assert [(row["setting"], row["n_seeds"], row["also_differs_in"]) for row in rows] == [
        ("100", 5, []), ("200", 5, ["window.stride"]),
    ]  # fmt: skip
    values = [value(f"made_up-fusion-{seed}", "known vehicles", "f1", "known vehicle") for seed in SEEDS]
    assert rows[0]["mean"] == pytest.approx(summarise(values).mean)


def test_a_dataset_is_told_with_captures_splits_and_models(ask: Any) -> None:
    found = ask("dataset", "made_up")
    assert [row["captures"] for row in found["datasets"]] == [5]
    assert [row["capture"] for row in found["captures"] if row["duplicate_of"]] == ["train/dos-2"]
    assert {row["split"]: row["windows"] for row in found["splits"]}["train"] == 460
    assert found["models"] == ask("leaderboard", "--dataset", "made_up")["rows"]


def test_lineage_leads_to_the_data_and_to_the_evaluation(ask: Any) -> None:
    found = ask("lineage", MODEL_RUN)
    up = {
        (row["run_id"], row["relation"], row["parent_run_id"]) for row in found["lineage"] if row["direction"] == "up"
    }
    assert (MODEL_RUN, "fused_from", "made_up-gat_student-1") in up
    assert ("made_up-gat_student-1", "distilled_from", "made_up-gat_teacher-1") in up
    assert ("made_up-gat_teacher-1", "prepared_from", "made_up-prepare") in up
    down = [row["leads_to"] for row in found["lineage"] if row["direction"] == "down"]
    assert down == ["made_up-evaluate-1"]
    text = ask("lineage", MODEL_RUN, form="table")
    assert "├─ fused_from: made_up-gat_student-1  (gat_student)\n│  ├─ distilled_from: made_up-gat_teacher-1" in text
    assert "└─ evaluated: made_up-evaluate-1  (evaluate)" in text


def test_an_answer_names_what_it_was_asked_of(ask: Any, root: Path) -> None:
    assert ask("leaderboard")["snapshot"] is None
    snapshot = take_snapshot(root).snapshot_id
    found = ask("leaderboard", "--snapshot", snapshot[:10])
    assert (found["snapshot"], found["lake"], found["queries"]) == (
        snapshot, str(root), ["leaderboard", "measured", "run_conditions"],
    )  # fmt: skip
    assert found["parameters"]["metric"] == "f1"


def test_every_form_says_the_same(ask: Any) -> None:
    rows = ask("leaderboard", "--top", "3")["rows"]
    table = [dict(row) for row in csv.DictReader(io.StringIO(ask("leaderboard", "--top", "3", form="csv")))]
    assert [float(row["mean"]) for row in table] == [row["mean"] for row in rows]
    shown = ask("leaderboard", "--top", "3", form="md")
    assert re.findall(r"^\| \d \| (\S+) \| ([\d.]+)", shown, re.M) == [
        (row["name"], f"{row['mean']:.4f}") for row in rows
    ]
    text = ask("leaderboard", "--top", "3", form="table")
    assert re.findall(r"^\d  (\S+) +([\d.]+)", text, re.M) == [(row["name"], f"{row['mean']:.4f}") for row in rows]


def test_a_query_is_answered_and_a_writing_one_refused(
    ask: Any, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT count(*) AS n FROM runs"
    assert ask("query", sql) == query(root, sql).to_pylist()
    assert main(["analytics", "query", "CREATE TABLE x (a INT)", "--lake", str(root)]) == 1
    assert "read-only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["leaderboard", "--metric", "f2"], "There is no metric 'f2'. Metrics near it: f1."),
        (["leaderboard", "--dataset", "none"], "There is no dataset 'none'. Datasets: made_up."),
        (["leaderboard", "--split", "tset"], "There is no split 'tset'. Splits near it: test."),
        (["leaderboard", "--captures", "none"], "There is no capture 'none'. Captures: "),
        (["leaderboard", "--protocol", "zero shot"], "There is no protocol 'zero shot'. Protocols near it: zero-shot."),
        (["leaderboard", "--captures", "unknown vehicles", "--protocol", "known vehicle"], "Each is there, but"),
        (["compare", MODEL_RUN, MODEL_RUN], "are the same runs, or share some"),
        (["compare", "fusion-student", "made_up-fusion-2"], "are the same runs, or share some"),
        (["compare", "fusion-student", "habit", "--metric", "f2"], "There is no metric 'f2'"),
        (["compare", "fusion-student"], "compare needs two models, the reference last"),
        (["compare", "gat", "habit"], "'gat' names 2 configurations"),
        (["compare", "gnat", "habit"], "no complete run trained a model 'gnat'. Models: fusion-student, "),
        (["compare", "failed", "habit"], "no complete run trained a model 'failed'"),
        (["diff", MODEL_RUN, "nobody"], "there is no run 'nobody'"),
        (["sweep", "window.sice", "f1"], "no config has a setting 'window.sice'. Near it: window.size"),
        (["sweep", "window.size", "f2"], "configs have window.size, but no complete evaluation fits"),
        (["dataset", "none"], "no complete run read a dataset 'none'. Datasets: made_up."),
        (["dataset", "made_up", "--metric", "f2"], "There is no metric 'f2'"),
        (["dataset", "made_up", "--dataset", "other"], "leave --dataset other away"),
        (["dataset", "made_up", "--split", "tset"], "There is no split 'tset'"),
        (["diff", MODEL_RUN, "made_up-fusion-2", "--metric", "f2"], "neither run has a metric 'f2'"),
        (["lineage", "nobody"], "there is no run 'nobody'"),
        (["leaderboard", "--snapshot", "f00d"], "f00d"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said_with_what_there_is(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["analytics", *arguments, "--lake", str(root)]) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_which_way_is_better_is_said_alike_everywhere() -> None:
    page = (FOLDER.parent / "dashboard" / "metrics.js").read_text()
    said = dict(re.findall(r'name: "([^"]+)",\s+label: "[^"]+",\s+better: "(\w+)"', page))
    assert {name: better_of(name) for name in said} == said
    assert {name: better_of(name) for name in comparisons.COMPARED} == comparisons.COMPARED
