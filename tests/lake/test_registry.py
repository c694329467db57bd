"""Versions, stages and aliases of models, and who changed them."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lake.__main__ import main
from lake.check import verify
from lake.errors import LakeError
from lake.read import query
from lake.registry import Override, history, promote, register, remove_alias, resolve, set_alias
from lake.registry_log import models_of
from lake.registry_names import PROTECTED, Reference, is_protected, read_reference
from tests.lake.registry_lake import IMPORTED, NAME, add_trained, add_two_versions, digest_of

FORCED = Override(force=True, reason="because")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one model, both evaluated, the second one better; both are versions."""
    root = tmp_path_factory.mktemp("registry") / "lake"
    add_two_versions(root)
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    """A lake like it of the test's own."""
    return Path(shutil.copytree(prepared, tmp_path / "lake"))


def stages(root: Path) -> dict[int, str]:
    (model,) = models_of(root)
    return {version.number: version.stage for version in model.versions.values()}


def test_a_runs_checkpoint_becomes_the_next_version_of_its_model(root: Path) -> None:
    found = resolve(root, f"{NAME}:2")
    assert (found.name, found.version.number, found.version.stage) == (NAME, 2, "none")
    assert (found.version.run_id, found.version.checkpoint_digest) == ("run-2", digest_of("run-2"))


def test_the_same_checkpoint_stays_the_version_it_is(root: Path) -> None:
    assert register(root, "run-1").version.number == 1
    assert len(history(root, NAME)) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "running"}, "is running, not complete .no end was recorded"),
        ({"status": "timeout", "reason": "Slurm job 7"}, "is timeout, not complete .Slurm job 7"),
        ({"stage": "prepare", "model": None, "role": None}, "is a run of prepare"),
    ],
)
def test_what_is_no_trained_network_is_not_registered(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    add_trained(tmp_path / "lake", "run-x", **changes)
    with pytest.raises(LakeError, match=words):
        register(tmp_path / "lake", "run-x")
    assert models_of(tmp_path / "lake") == []


def test_an_imported_run_is_a_version_only_by_force_and_with_a_reason(root: Path) -> None:
    add_trained(root, "run-old", **IMPORTED)
    words = (
        r"run run-old was imported from MLflow store old\.db, sha256 00 and has known defects "
        r"\(windows of one capture on both sides\): register what this pipeline trained\.\n.*--force --reason"
    )
    for override in (None, Override(force=True), Override(force=True, reason=" "), Override(reason="only a reason")):
        with pytest.raises(LakeError, match=words):
            register(root, "run-old", override)
    assert len(history(root, NAME)) == 2
    assert register(root, "run-old", FORCED).version.number == 3
    last = history(root, NAME)[-1]
    assert (last["action"], last["is_forced"], last["reason"]) == ("register", True, "because")
    assert register(root, "run-old").version.number == 3, "what it is already takes no force"
    add_trained(root, "run-older", origin="a folder")
    with pytest.raises(LakeError, match="was imported from a folder: register what this pipeline trained"):
        register(root, "run-older")


def test_an_imported_version_is_shown_as_such(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str) -> str:
        assert main(["--lake", str(root), "registry", *words]) == 0
        return capsys.readouterr().out

    add_trained(root, "run-old", **IMPORTED)
    assert main(["--lake", str(root), "registry", "register", "run-old", "--reason", "a baseline"]) == 1
    assert "was imported from MLflow store old.db" in capsys.readouterr().err
    origin = IMPORTED["origin"]
    one = json.loads(told("register", "run-old", "--force", "--reason", "a baseline", "--format", "json"))
    assert one == json.loads(told("resolve", f"{NAME}:3", "--format", "json"))
    assert (one["version"], one["origin"]) == (3, origin)
    for verb in (["list"], ["history", NAME]):
        assert [row["origin"] for row in json.loads(told(*verb, "--format", "json"))] == [None, None, origin]
        assert told(*verb).count(origin) == 1
    assert f"origin             {origin}" in told("resolve", f"{NAME}:3")
    assert "imported" not in told("resolve", f"{NAME}:1")


def test_a_reason_of_blanks_is_none(root: Path) -> None:
    set_alias(root, f"{NAME}:1", "champion", Override(reason="  "))
    set_alias(root, f"{NAME}:2", "champion", Override(reason=" better "))
    assert [event["reason"] for event in history(root, NAME)[2:]] == [None, "better"]


def test_an_unknown_run_or_model_is_said_with_what_there_is(root: Path) -> None:
    with pytest.raises(LakeError, match="has no run 'run-9'"):
        register(root, "run-9")
    with pytest.raises(LakeError, match=f"no model is called 'vgae-x'. Models: {NAME}"):
        resolve(root, "vgae-x:1")
    with pytest.raises(LakeError, match=rf"{NAME}:3 is not registered. There are: {NAME}:1 \(none, run-1\)"):
        resolve(root, f"{NAME}:3")


def test_a_version_goes_through_its_stages_and_sends_the_former_to_the_archive(root: Path) -> None:
    for number in (1, 2):
        promote(root, f"{NAME}:{number}", "staging")
        promote(root, f"{NAME}:{number}", "production")
    assert stages(root) == {1: "archived", 2: "production"}
    assert resolve(root, NAME) == resolve(root, f"{NAME}/production") == resolve(root, f"{NAME}:2")


def test_a_stage_is_not_skipped_unless_forced(root: Path) -> None:
    with pytest.raises(LakeError, match=r"is in none; from there it goes to staging or archived, not to production\."):
        promote(root, f"{NAME}:1", "production")
    with pytest.raises(LakeError, match=r"--force --reason"):
        promote(root, f"{NAME}:1", "production", override=Override(force=True))
    promote(root, f"{NAME}:1", "production", override=FORCED)
    last = history(root, NAME)[-1]
    assert (last["is_forced"], last["reason"], last["stage"]) == (True, "because", "production")


def test_force_is_kept_only_where_something_was_overridden(root: Path) -> None:
    promote(root, f"{NAME}:1", "staging", override=FORCED)
    assert history(root, NAME)[-1]["is_forced"] is False


def test_a_stage_that_holds_several_names_none_of_them(root: Path) -> None:
    for number in (1, 2):
        promote(root, f"{NAME}:{number}", "staging")
    with pytest.raises(LakeError, match=rf"2 versions of {NAME} in staging. There are: {NAME}:1 \(staging"):
        resolve(root, f"{NAME}/staging")
    with pytest.raises(LakeError, match=f"no version of {NAME} in production"):
        resolve(root, NAME)


def test_an_alias_names_one_version_and_moves(root: Path) -> None:
    set_alias(root, f"{NAME}:1", "champion")
    set_alias(root, f"{NAME}:2", "challenger")
    found = set_alias(root, f"{NAME}@challenger", "champion")
    assert found.aliases == ("challenger", "champion")
    assert resolve(root, f"{NAME}@champion").version.number == 2
    remove_alias(root, NAME, "champion")
    with pytest.raises(LakeError, match=r"@champion is not registered.*@challenger"):
        resolve(root, f"{NAME}@champion")


def test_a_protected_alias_neither_moves_nor_goes_without_force_and_reason(root: Path) -> None:
    set_alias(root, f"{NAME}:1", "paper-v1")
    set_alias(root, f"{NAME}:1", "paper-v1")  # where it is already
    assert len(history(root, NAME)) == 3
    for override in (None, Override(force=True), Override(force=True, reason="  "), Override(reason="only a reason")):
        with pytest.raises(LakeError, match=r"@paper-v1 names .*:1 and is protected \(paper-\*\)"):
            set_alias(root, f"{NAME}:2", "paper-v1", override)
        with pytest.raises(LakeError, match="is protected"):
            remove_alias(root, NAME, "paper-v1", override)
    set_alias(root, f"{NAME}:2", "paper-v1", FORCED)
    assert resolve(root, f"{NAME}@paper-v1").version.number == 2
    remove_alias(root, NAME, "paper-v1", FORCED)
    assert [(event["action"], event["is_forced"]) for event in history(root, NAME)[2:]] == [
        ("alias", False), ("alias", True), ("unalias", True),
    ]  # fmt: skip


def test_who_when_and_why_are_rows_of_the_lake(root: Path) -> None:
    set_alias(root, f"{NAME}:2", "champion", Override(reason="best so far"), lambda: datetime(2026, 5, 1, tzinfo=UTC))
    (row,) = query(root, "SELECT * FROM registry WHERE alias = 'champion'").to_pylist()
    assert (row["model_name"], row["sequence"], row["version"], row["run_id"]) == (NAME, 3, 2, "run-2")
    assert (row["reason"], row["happened_at"], bool(row["who"])) == (
        "best so far",
        datetime(2026, 5, 1, tzinfo=UTC),
        True,
    )
    assert verify(root) == []


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("gat-student-x", Reference("gat-student-x")),
        ("gat-student-x@paper-v1", Reference("gat-student-x", alias="paper-v1")),
        ("gat-student-x:12", Reference("gat-student-x", version=12)),
        ("gat-student-x/staging", Reference("gat-student-x", stage="staging")),
    ],
)
def test_a_reference_reads_back_as_it_was_written(text: str, reference: Reference) -> None:
    assert read_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize("text", ["", "../x", "/x", "a b", "x:one", "x:²", "x/nowhere", "x" * 161])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(LakeError, match=r"names no model|no version's number|no stage is called"):
        read_reference(text)


def test_a_bad_alias_is_refused_before_anything_is_kept(root: Path) -> None:
    for alias in ("", "Paper", "a/b", "x" * 61):
        with pytest.raises(LakeError, match="cannot be an alias"):
            set_alias(root, f"{NAME}:1", alias)
    assert len(history(root, NAME)) == 2


def test_what_papers_name_is_protected() -> None:
    assert PROTECTED == ("paper-*",)
    assert [is_protected(alias) for alias in ("paper-v1", "champion", "my-paper-1")] == [True, False, False]


def test_the_command_takes_a_model_from_run_to_alias(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def ask(*words: str) -> tuple[int, object, str]:
        code = main(["--lake", str(root), "registry", *words, "--format", "json"])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else None, told.err

    add_trained(root, "run-3")
    assert ask("register", "run-3", "--reason", "a try")[1]["version"] == 3
    code, _, words = ask("promote", f"{NAME}:3", "staging")
    assert code == 1
    assert "the gate gives nothing" in words
    assert ask("promote", f"{NAME}:3", "staging", "--gate", "SELECT len($run_id) > 0")[1]["stage"] == "staging"
    assert ask("alias", f"{NAME}/staging", "challenger")[1]["aliases"] == ["challenger"]
    assert ask("resolve", f"{NAME}@challenger")[1]["run_id"] == "run-3"
    assert [row["version"] for row in ask("list")[1]] == [1, 2, 3]
    assert [event["action"] for event in ask("history", NAME)[1]][2:] == ["register", "promote", "alias"]
    assert [row["aliases"] for row in ask("alias", NAME, "challenger", "--remove")[1]] == [[], [], []]
    assert main(["--lake", str(root), "registry", "list"]) == 0
    assert "staging" in capsys.readouterr().out
    assert main(["--lake", str(root), "registry", "history", NAME]) == 0
    assert "a try" in capsys.readouterr().out


def test_an_alias_is_taken_only_from_the_version_it_names(root: Path) -> None:
    for alias in ("paper-v1", "champion"):
        set_alias(root, f"{NAME}:2", alias)
        with pytest.raises(LakeError, match=rf"@{alias} names {NAME}:2, not {NAME}:1\. Nothing was changed"):
            remove_alias(root, f"{NAME}:1", alias, FORCED)
        assert resolve(root, f"{NAME}@{alias}").version.number == 2
        with pytest.raises(LakeError, match=f"{NAME}:9 is not registered"):
            remove_alias(root, f"{NAME}:9", alias, FORCED)
    remove_alias(root, f"{NAME}:2", "champion")
    remove_alias(root, f"{NAME}@paper-v1", "paper-v1", FORCED)
    (model,) = models_of(root)
    assert model.aliases == {}


@pytest.mark.parametrize("stage", ["none", "staging", "production", "archived"])
def test_no_alias_is_called_as_a_stage(root: Path, stage: str) -> None:
    """NAME@production and NAME/production would be two versions."""
    with pytest.raises(LakeError, match=f"'{stage}' cannot be an alias: it is a stage"):
        set_alias(root, f"{NAME}:1", stage, FORCED)
