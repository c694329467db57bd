"""What old names become, the attacks behind recorded rates, and the table of defects."""

import re
from pathlib import Path

import pytest

from lake.parts import is_safe_name
from lake.schema import STAGES, TABLES
from pipeline.legacy.counts import attack_windows
from pipeline.legacy.defects import DEFECTS, KD_GAT_STORES, UNKNOWN, defects_of
from pipeline.legacy.kinds import KINDS
from pipeline.legacy.names import Place, curve_name, place_of, run_id_of, scored_runs


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hcrl_sa/teacher_fusion", "legacy-tracker-hcrl_sa.teacher_fusion"),
        ("05af35b5528247e89b6326328a0463f8", "legacy-tracker-05af35b5528247e89b6326328a0463f8"),
    ],
)
def test_run_ids_tell_source_and_old_id(old: str, new: str) -> None:
    assert run_id_of("tracker", old) == new


def test_old_ids_that_look_alike_stay_apart_and_can_name_a_folder() -> None:
    olds = ["a/b", "a.b", "a b", "a?b", "../a", "a" * 300, "a" * 301, "Überholt", "a/b/", ""]
    news = [run_id_of("tracker", old) for old in olds]
    assert len(set(news)) == len(olds)
    assert all(is_safe_name(new) for new in news)


@pytest.mark.parametrize(
    ("old", "split", "named"),
    [
        ("val_acc", None, ("validation", "accuracy")), ("train/f1", None, ("train", "f1")),
        ("test.pr_auc", None, ("test", "auprc")), ("validation_loss", None, ("validation", "loss")),
        ("f1", None, None), ("f1", "test", ("test", "f1")), ("value", None, None), ("training", None, None),
        ("lr-Adam", None, ("train", "lr-Adam")), ("val_", None, None), ("", None, None),
    ],
)  # fmt: skip
def test_a_logged_name_is_a_split_and_a_metric(old: str, split: str | None, named: tuple[str, str] | None) -> None:
    assert curve_name(old, split) == named


@pytest.mark.parametrize(
    ("facts", "place"),
    [
        ({"dataset": "d", "stage": "autoencoder", "scale": "small"}, Place("d", "vgae_student", "vgae", "student")),
        ({"dataset": "d", "stage": "normal", "model_size": "large"}, Place("d", "gat_teacher", "gat", "teacher")),
        ({"dataset": "d", "stage": "fusion"}, Place("d", "fusion", "fusion", None)),
        ({"dataset": "d", "stage": "gat_student"}, Place("d", "gat_student", "gat", "student")),
        ({"run_name": "set_01/dqn_large_fusion"}, Place("set_01", "fusion", "fusion", "teacher")),
        ({"run_name": "set_01/student_evaluation_kd"}, Place("set_01", "evaluate", None, "student")),
        ({"run_name": "nice run", "dataset": "d"}, "it does not say its stage; give --stage"),
        ({"dataset": "d", "stage": "curriculum"}, "it does not say whether it is a teacher or a student; give --stage"),
    ],
)
def test_a_run_is_placed_by_what_it_says_or_not_at_all(facts: dict[str, str], place: Place | str) -> None:
    assert place_of(facts) == place


def test_an_evaluation_scored_the_runs_of_its_own_name() -> None:
    assert scored_runs("d/student_evaluation_kd", "vgae") == ("d/student_autoencoder_kd",)
    assert scored_runs("d/eval_small_evaluation_kd", "gat") == ("d/gat_small_curriculum_kd", "d/gat_small_normal_kd")
    assert scored_runs("d/eval_large_evaluation", "fusion") == ("d/dqn_large_fusion",)


@pytest.mark.parametrize("attacks", [0, 1, 37, 99, 100])
@pytest.mark.parametrize(("found", "false"), [(0.5, 0.1), (1.0, 1.0), (0.0, 0.0), (0.25, 0.75)])
def test_attacks_are_solved_from_the_rates(attacks: int, found: float, false: float) -> None:
    n = 100
    hits, wrong = found * attacks, false * (n - attacks)
    accuracy = (hits + n - attacks - wrong) / n
    values = {"accuracy": accuracy, "recall": found, "fpr": false}
    values |= {"precision": hits / (hits + wrong)} if hits + wrong else {}
    assert attack_windows(n, values) == attacks


def test_attacks_that_are_no_whole_number_are_not_known() -> None:
    assert attack_windows(100, {"accuracy": 0.903, "recall": 0.75, "fpr": 0.0625}) is None
    assert attack_windows(100, {"accuracy": 1.0, "recall": 1.0, "fpr": 0.0, "precision": 1.0}) is None


def test_each_defect_names_stages_tables_and_stores_that_exist() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)
    for defect in DEFECTS:
        assert set(defect.stages) <= set(STAGES), defect.name
        assert defect.table is None or defect.table in TABLES, defect.name
        assert set(defect.stores) <= {kind.name for kind in KINDS}, defect.name


def test_a_store_that_nobody_looked_into_says_that_its_defects_are_not_known() -> None:
    assert defects_of("mlflow", "gat_teacher", "set_01", ["epochs"]) == UNKNOWN
    assert all(defects_of(store, "gat_teacher", "set_01", []) != UNKNOWN for store in KD_GAT_STORES)


def test_only_sets_that_share_captures_are_said_to(tmp_path: Path) -> None:
    assert "sets share captures" in defects_of("tracker", "evaluate", "set_03", ["metrics"])
    assert "sets share captures" not in defects_of("tracker", "evaluate", "hcrl_ch", ["metrics"])


def test_the_docs_list_every_kind_and_every_defect(repository: Path) -> None:
    text = (repository / "docs" / "migrate.md").read_text()
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.M))
    assert {kind.name for kind in KINDS} <= listed
    assert {defect.name for defect in DEFECTS} <= listed
    assert listed == {kind.name for kind in KINDS} | {defect.name for defect in DEFECTS}
