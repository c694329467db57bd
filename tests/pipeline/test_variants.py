"""Variants of an experiment: one thing changed, every run that the change does not touch shared."""

from pathlib import Path

import pytest

from lake.snapshot import take_snapshot
from pipeline.assemble import experts_of
from pipeline.checkpoint import CheckpointError
from pipeline.config_file import load_config
from pipeline.detector_folder import find_detector
from pipeline.errors import ConfigError
from pipeline.execute import run_stages
from pipeline.plan import PlannedRun, plan
from pipeline.release.errors import ReleaseError
from pipeline.release.source import find_source
from tests.pipeline.conftest import Place

FIXED = '[variants.fixed]\n"fusion.shape.method" = "fixed"\n'
TEACHERS = '[variants.teachers]\n"fusion.of" = "teachers"\n'
UNTAUGHT = '[variants.untaught]\n"distillation.enabled" = false\n'
WINDOWS = '[variants.windows]\n"window.size" = 50\n"window.stride" = 50\n"distillation.enabled" = false\n'
CURRICULUM = '[variants.curriculum]\n"train.curriculum.enabled" = true\n"distillation.enabled" = false\n'


def planned(place: Place, variants: str, *overrides: str) -> list[PlannedRun]:
    return plan(load_config(str(varied(place, variants)), overrides), place.settings)


def varied(place: Place, variants: str) -> Path:
    path = place.root / "varied.toml"
    path.write_text(place.experiment.read_text() + variants)
    return path


def own_runs(runs: list[PlannedRun], variant: str) -> list[str]:
    """Stages that the variant has runs of its own of."""
    return [run.stage.name for run in runs if run.variant == variant]


@pytest.mark.parametrize(
    ("variants", "expected"),
    [
        (FIXED, ["fusion"]),
        (TEACHERS, ["fusion"]),
        (UNTAUGHT, ["vgae_student", "gat_student", "fusion"]),
        (WINDOWS, ["prepare", "vgae_student", "gat_student", "fusion", "baseline", "baseline", "evaluate"]),
        (UNTAUGHT + CURRICULUM, ["gat_student", "fusion"]),
    ],
    ids=["fixed", "teachers", "untaught", "windows", "curriculum beside untaught"],
)
def test_a_variant_has_runs_of_its_own_exactly_where_its_change_reaches(
    place: Place, variants: str, expected: list[str]
) -> None:
    runs = planned(place, variants)
    last = variants.rpartition("[variants.")[2].partition("]")[0]
    assert own_runs(runs, last) == expected
    shared = {run.run_id for run in planned(place, "") if not run.stage.is_judge}
    assert shared <= {run.run_id for run in runs}


def test_one_judge_scores_every_variant_on_the_same_windows(place: Place) -> None:
    runs = planned(place, FIXED + TEACHERS + UNTAUGHT)
    (judge,) = [run for run in runs if run.stage.is_judge]
    models = {run.run_id for run in runs if run.stage.model is not None}
    assert set(judge.inputs.values()) == models | {runs[0].run_id}
    assert {"fusion", "fusion@fixed", "fusion@teachers", "fusion@untaught"} <= judge.inputs.keys()


def test_other_windows_have_a_judge_of_their_own(place: Place) -> None:
    runs = planned(place, WINDOWS)
    judges = [run for run in runs if run.stage.is_judge]
    assert len({run.inputs["prepare"] for run in judges}) == len(judges) == 2


def test_a_student_that_is_not_taught_reads_no_teacher(place: Place) -> None:
    for run in planned(place, UNTAUGHT):
        if run.variant == "untaught":
            assert not any("teacher" in stage for stage in run.inputs)


def test_with_one_teacher_all_students_learn_from_the_first_seeds(place: Place) -> None:
    runs = planned(place, TEACHERS, "seeds=[7, 8]", "one_teacher=true")
    teachers = {run.stage.name: run.run_id for run in runs if run.stage.role == "teacher"}
    assert len([run for run in runs if run.stage.role == "teacher"]) == len(teachers) == 3
    students = [run for run in runs if run.stage.role == "student" and run.stage.model != "fusion"]
    assert len(students) == 4
    for run in students:
        assert run.inputs[f"{run.stage.model}_teacher"] == teachers[f"{run.stage.model}_teacher"]
    first, second = (run for run in runs if run.stage.is_judge)
    assert set(teachers.values()) <= set(first.inputs.values())
    assert not set(teachers.values()) & set(second.inputs.values()), "a teacher is judged once"


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ('[variants.a]\n"fusion.shape.metod" = "mlp"\n', ["variant a", "metod", "method"]),
        ('[variants.a]\n"fusion.epochs" = 0\n', ["variant a", "fusion.epochs", "greater than 0"]),
        ('[variants.a]\nname = "other"\n', ["variant a", "name"]),
        ('[variants."A b"]\n"fusion.epochs" = 1\n', ["variants", "A b"]),
    ],
)
def test_a_variant_that_is_no_config_fails_when_it_is_read(place: Place, variant: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(str(varied(place, variant)))
    for word in words:
        assert word in str(caught.value)


def test_a_fusion_of_neither_names_what_it_lacks() -> None:
    assert experts_of({"vgae_teacher": "a", "gat_teacher": "b"}) == {"vgae_student": "a", "gat_student": "b"}
    with pytest.raises(CheckpointError, match="gat_student"):
        experts_of({"vgae_student": "a"})


def test_variants_are_trained_measured_told_apart_and_teachers_not_released(place: Place) -> None:
    config = load_config(str(varied(place, FIXED + TEACHERS)))
    run_stages(config, place.settings, lambda line: None)
    fusions = {row["variant"]: row for row in place.rows("SELECT * FROM runs WHERE stage = 'fusion'")}
    assert {variant: row["role"] for variant, row in fusions.items()} == {
        None: "student", "fixed": "student", "teachers": "teacher",
    }  # fmt: skip
    assert place.rows("SELECT count(*) AS n FROM runs WHERE stage <> 'fusion' AND variant IS NOT NULL") == [{"n": 0}]
    f1 = place.rows("SELECT model_run_id FROM metrics WHERE metric = 'auroc' AND split = 'test' AND capture = 'all'")
    assert {row["run_id"] for row in fusions.values()} <= {row["model_run_id"] for row in f1}

    reference = fusions["teachers"]["run_id"]
    kept = find_detector(reference, place.settings)
    roles = {part: checkpoint.role for part, checkpoint in kept.checkpoints.items()}
    assert set(roles.values()) == {"teacher"}
    take_snapshot(place.settings.lake)
    with pytest.raises(ReleaseError, match="teachers"):
        find_source(reference, place.settings)
