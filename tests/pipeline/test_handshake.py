"""A checkpoint and the lake agree, or both sides are named; models are found by registered name or run id."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lake.append import append
from lake.errors import LakeError
from lake.journal import Journal
from lake.registry import promote, register, set_alias
from lake.schema import REGISTRY, RUNS
from pipeline.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pipeline.context import StageContext
from pipeline.detector_folder import DetectorError, find_detector
from pipeline.graph_set import load_graphs
from pipeline.handshake import HandshakeError, load_run, run_of
from pipeline.runs import Outcome, RunFolder
from pipeline.settings import Settings
from pipeline.train import load_teacher
from pipeline.trained_models import load_models
from pipeline.vocabulary import Vocabulary
from tests.lake.rows import NOON
from tests.pipeline.conftest import Place

NAME = "fusion-student-set_01"


@pytest.fixture
def own(trained: Place, tmp_path: Path) -> Settings:
    """The trained experiment, in lake and runs that a test may spoil."""
    for name in ("lake", "runs"):
        shutil.copytree(getattr(trained.settings, name), tmp_path / name)
    return replace(trained.settings, lake=tmp_path / "lake", runs=tmp_path / "runs")


def put(settings: Settings, run_id: str, change: Callable[[Checkpoint], Checkpoint]) -> RunFolder:
    """Writes a changed checkpoint, sound by itself, where the run's own was."""
    folder = RunFolder(settings.runs, run_id)
    save_checkpoint(folder.checkpoint, change(load_checkpoint(folder.checkpoint)))
    return folder


def test_a_checkpoint_that_agrees_is_loaded(trained: Place, run_ids: dict[str, str]) -> None:
    for stage in ("vgae_teacher", "gat_student", "fusion"):
        assert (
            load_run(trained.settings.lake, RunFolder(trained.settings.runs, run_ids[stage])).run_id == run_ids[stage]
        )


def test_a_teacher_in_its_students_place_is_refused_with_both_sides(own: Settings, run_ids: dict[str, str]) -> None:
    teacher, student = (RunFolder(own.runs, run_ids[stage]) for stage in ("gat_teacher", "gat_student"))
    shutil.rmtree(student.checkpoint)
    shutil.copytree(teacher.checkpoint, student.checkpoint)
    with pytest.raises(HandshakeError) as refused:
        load_run(own.lake, student)
    found, said = str(refused.value).split("the lake says")
    for one, other in (("teacher", "student"), ("hidden 8", "hidden 4"), (teacher.run_id, student.run_id)):
        assert one in found
        assert other in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: replace(one, config_digest="0" * 64), r"it has the config 000000000000, the lake says the config"),
        (lambda one: replace(one, data_digest="0" * 64), r"it has the data 000000000000, the lake says the data"),
        (lambda one: replace(one, vocabulary=Vocabulary((1, 2))), r"it has arbitration IDs 3, the lake says arbitr"),
        (lambda one: replace(one, shape=one.shape.model_copy(update={"layers": 7})), "it has layers 7, the lake says"),
        (
            lambda one: replace(one, weights={name: torch.zeros_like(t) for name, t in one.weights.items()}),
            r"(weights\.safetensors|checkpoint\.json) is not the file that the lake recorded .*its SHA-256 is",
        ),
    ],
)
def test_whatever_differs_is_named(
    own: Settings, run_ids: dict[str, str], change: Callable[[Checkpoint], Checkpoint], words: str
) -> None:
    folder = put(own, run_ids["gat_student"], change)
    with pytest.raises(HandshakeError, match=words):
        load_run(own.lake, folder)


def test_a_run_that_the_lake_does_not_know_as_complete_is_not_loaded(own: Settings, run_ids: dict[str, str]) -> None:
    folder = RunFolder(own.runs, run_ids["gat_student"])
    shutil.copytree(folder.path, own.runs / "another")
    with pytest.raises(HandshakeError, match="the lake has no run another"):
        load_run(own.lake, RunFolder(own.runs, "another"))


def context_of(settings: Settings, run_ids: dict[str, str], place: Place) -> StageContext:
    inputs = {stage: RunFolder(settings.runs, run_ids[stage]) for stage in ("prepare", "gat_teacher", "vgae_student")}
    return StageContext(
        journal=Journal(settings.lake, "again"), folder=RunFolder(settings.runs, "again"), inputs=inputs, seed=7,
        say=lambda line: None, tracking=place.config().tracking, facts={"dataset": "set_01"},
    )  # fmt: skip


def test_distillation_and_evaluation_shake_hands(own: Settings, run_ids: dict[str, str], trained: Place) -> None:
    put(own, run_ids["gat_teacher"], lambda one: replace(one, config_digest="0" * 64))
    context = context_of(own, run_ids, trained)
    graphs = load_graphs(context.inputs["prepare"].graphs)
    with pytest.raises(HandshakeError, match="the lake says the config"):
        load_teacher(context, Outcome(context.journal), "gat_teacher", graphs)
    with pytest.raises(HandshakeError, match="the lake says the config"):
        load_models(context, graphs, trained.config().alarm)


def test_a_detector_is_found_by_its_registered_name(own: Settings, run_ids: dict[str, str]) -> None:
    register(own.lake, run_ids["fusion"])
    set_alias(own.lake, f"{NAME}:1", "champion")
    promote(own.lake, f"{NAME}:1", "staging")
    promote(own.lake, f"{NAME}:1", "production")
    for name in (NAME, f"{NAME}:1", f"{NAME}@champion", f"{NAME}/production", run_ids["fusion"]):
        assert find_detector(name, own).run_id == run_ids["fusion"]


def test_a_name_that_is_not_registered_is_answered_with_what_is(own: Settings, run_ids: dict[str, str]) -> None:
    register(own.lake, run_ids["fusion"])
    with pytest.raises(LakeError, match=f"no version of {NAME} in production. There are: {NAME}:1"):
        find_detector(NAME, own)
    with pytest.raises(LakeError, match=rf"no model is called 'fusion-student-set_02'\. Models: {NAME}"):
        find_detector("fusion-student-set_02:1", own)
    with pytest.raises(DetectorError, match="is no complete run, no registered model, no folder"):
        find_detector("fusion-student-set_02", own)


def test_a_registered_network_that_is_no_detector_is_said(own: Settings, run_ids: dict[str, str]) -> None:
    register(own.lake, run_ids["gat_student"])
    with pytest.raises(DetectorError, match="is a run of gat_student"):
        find_detector("gat-student-set_01:1", own)


def test_a_registered_digest_that_the_lake_does_not_have_is_refused(own: Settings, run_ids: dict[str, str]) -> None:
    event = {"sequence": 1, "action": "register", "version": 1, "checkpoint_digest": "0" * 64, "who": "a test",
             "run_id": run_ids["fusion"], "happened_at": NOON, "is_forced": False}  # fmt: skip
    append(own.lake, REGISTRY, NAME, "000001", [event])
    with pytest.raises(
        HandshakeError, match=r"was registered with the checkpoint 000000000000; the lake has \w{12} of"
    ):
        find_detector(f"{NAME}:1", own)


def test_a_run_that_went_on_after_it_was_registered_is_not_complete_any_more(
    own: Settings, run_ids: dict[str, str], trained: Place
) -> None:
    register(own.lake, run_ids["fusion"])
    (row,) = trained.rows(f"SELECT * FROM runs WHERE run_id = '{run_ids['fusion']}'")
    append(own.lake, RUNS, run_ids["fusion"], "a002-x", [{**row, "attempt": 2, "status": "running"}])
    with pytest.raises(LakeError, match="is running, not complete"):
        run_of(f"{NAME}:1", own.lake)


def test_a_run_id_is_given_back_as_it_is(own: Settings) -> None:
    for name in ("a-run", "no such/thing", ""):
        assert run_of(name, own.lake) == name
    assert re.fullmatch(r"[a-z_0-9-]+", NAME)
