"""Events of two at once come one after the other; a death between claim and part loses, doubles and blocks nothing."""

import os
import pwd
import re
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.check import verify
from lake.errors import LakeError
from lake.files import json_bytes
from lake.manifest_file import load_manifest, manifest_bytes
from lake.numbered import numbered_path
from lake.read import query
from lake.registry import Override, history, promote, resolve, set_alias
from lake.registry_claims import FOLDER
from lake.registry_log import models_of, record
from lake.registry_state import Model
from tests.conftest import Python
from tests.lake.conftest import child, read_only
from tests.lake.registry_lake import NAME, add_two_versions
from tests.lake.rows import NOON

# Sets an alias as often as told; each time one of the two versions, and so an event each time.
SETTER = """
import sys
from pathlib import Path
from lake.registry import set_alias
root, alias, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("started", flush=True)
sys.stdin.readline()
for turn in range(most):
    set_alias(root, f"gat-student-made-up:{turn % 2 + 1}", alias)
    print(turn, flush=True)
"""
# Claims an event and dies before the part is written.
DIES = """
import os, sys
from pathlib import Path
import lake.registry_log
lake.registry_log._publish = lambda root, row: os._exit(7)
from lake.registry import set_alias
set_alias(Path(sys.argv[1]), "gat-student-made-up:1", "champion")
"""
PROMOTER = """
import sys
from pathlib import Path
from lake.errors import LakeError
from lake.registry import promote
print("started", flush=True)
sys.stdin.readline()
promote(Path(sys.argv[1]), sys.argv[2], "production")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions in staging, the second one better by more than the gate's margin."""
    root = tmp_path_factory.mktemp("registry") / "lake"
    add_two_versions(root)
    for number in (1, 2):
        promote(root, f"{NAME}:{number}", "staging")
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    """A lake like it of the test's own."""
    return Path(shutil.copytree(prepared, tmp_path / "lake"))


def sequences(root: Path) -> list[int]:
    return [row["sequence"] for row in query(root, "SELECT sequence FROM registry ORDER BY sequence").to_pylist()]


def at_once(*arguments: tuple[str, ...]) -> list[tuple[int, str]]:
    """Starts a process for each, lets all go at the same moment, and gives how each ended and what it said."""
    processes = [child(code, *rest, stdin=-1) for code, *rest in arguments]
    for process in processes:
        assert process.stdout.readline() == "started\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    return [(process.wait(), process.communicate()[1]) for process in processes]


def test_events_of_processes_at_once_are_numbered_without_gaps(root: Path) -> None:
    done = at_once(*((SETTER, str(root), f"alias-{each}", "6") for each in range(4)))
    assert [code for code, _ in done] == [0] * 4, done
    assert sequences(root) == list(range(1, 4 + 24 + 1))
    assert [event["sequence"] for event in history(root, NAME)] == sequences(root)
    assert [resolve(root, f"{NAME}@alias-{each}").version.number for each in range(4)] == [2] * 4
    assert verify(root) == []


def test_of_two_promotions_at_once_the_later_saw_the_earlier(root: Path) -> None:
    """Version 1 falls behind version 2 by more than the margin: it gets there first, or the gate holds it back."""
    (first, first_said), (second, second_said) = at_once(
        *((PROMOTER, str(root), f"{NAME}:{number}") for number in (1, 2))
    )
    assert second == 0, second_said
    assert resolve(root, NAME).version.number == 2
    promoted = [event["version"] for event in history(root, NAME) if event["stage"] == "production"]
    assert promoted == ([1, 2] if first == 0 else [2])
    if first:
        assert "not promoted to production: the gate gives -0.095" in first_said


def test_what_is_decided_on_what_no_longer_holds_is_decided_anew(root: Path) -> None:
    seen: list[int] = []

    def decide(model: Model) -> Mapping[str, Any]:
        seen.append(model.events)
        if len(seen) == 1:
            set_alias(root, f"{NAME}:1", "champion")  # another one, meanwhile
        about = model.versions[2]
        return {"action": "alias", "alias": "challenger", "version": 2, "checkpoint_digest": about.checkpoint_digest,
                "run_id": about.run_id, "is_forced": False}  # fmt: skip

    assert record(root, NAME, decide, lambda: NOON).events == 6
    assert seen == [4, 5]
    assert sequences(root) == [1, 2, 3, 4, 5, 6]


def test_a_death_between_claim_and_part_is_made_good_by_whoever_looks(root: Path) -> None:
    with child(DIES, str(root)) as process:
        assert process.wait() == 7
    assert sequences(root) == [1, 2, 3, 4]
    assert numbered_path(root / FOLDER / NAME, 5).exists()
    assert resolve(root, f"{NAME}@champion").version.number == 1
    assert sequences(root) == [1, 2, 3, 4, 5]
    set_alias(root, f"{NAME}:2", "champion")
    assert sequences(root) == [1, 2, 3, 4, 5, 6]
    assert verify(root) == []


def test_a_lake_that_cannot_be_written_shows_a_claimed_event_all_the_same(
    root: Path, without_override: Python
) -> None:  # fmt: skip
    with child(DIES, str(root)) as process:
        process.wait()
    with read_only(root):
        done = without_override("-m", "lake", "--lake", str(root), "registry", "resolve", f"{NAME}@champion")
    assert done.returncode == 0, done.stderr
    assert "run-1" in done.stdout
    assert sequences(root) == [1, 2, 3, 4]


def test_a_lake_that_was_copied_without_its_claims_goes_on_counting(root: Path) -> None:
    shutil.rmtree(root / FOLDER)
    set_alias(root, f"{NAME}:2", "champion")
    assert sequences(root) == [1, 2, 3, 4, 5]
    assert [event["sequence"] for event in history(root, NAME)] == [1, 2, 3, 4, 5]
    assert numbered_path(root / FOLDER / NAME, 5).exists()
    assert verify(root) == [], "the claim follows the table's event 4"


def test_lakes_that_each_went_on_and_were_put_together_are_told_apart(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "other")
    set_alias(root, f"{NAME}:1", "champion")
    set_alias(tmp_path / "other", f"{NAME}:2", "champion", Override(reason="mine is better"))
    shutil.copytree(tmp_path / "other" / "registry", root / "registry", dirs_exist_ok=True)
    with pytest.raises(LakeError, match=f"event 5 of {NAME} stands there twice: alias version . by .*put together"):
        resolve(root, f"{NAME}@champion")


def test_an_event_that_is_gone_is_named(root: Path) -> None:
    shutil.rmtree(root / FOLDER)
    for part in (root / "registry" / NAME).glob("000002*"):
        part.unlink()
    with pytest.raises(LakeError, match=f"event 2 of {NAME} is missing"):
        resolve(root, f"{NAME}:1")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"happened_at": "today"}', '{"happened_at": "2026-03-01T12:00:00+00:00"}']
)
def test_a_claim_that_cannot_be_read_is_named(root: Path, content: str) -> None:
    path = numbered_path(root / FOLDER / NAME, 5)
    path.write_text(content)
    with pytest.raises(LakeError, match=r"000005\.json cannot be read as an event of the registry"):
        resolve(root, f"{NAME}:1")


def test_clocks_that_differ_by_a_day_change_no_order(root: Path) -> None:
    set_alias(root, f"{NAME}:1", "champion", clock=lambda: NOON)
    set_alias(root, f"{NAME}:2", "champion", clock=lambda: NOON - timedelta(days=1))
    assert resolve(root, f"{NAME}@champion").version.number == 2


@pytest.mark.parametrize("text", ["", "{}", '{"sequence": 4}', "not json"])
def test_verify_reads_what_was_claimed(root: Path, text: str) -> None:
    claim = numbered_path(root / FOLDER / NAME, 4)
    claim.write_text(text)
    (fault,) = verify(root)
    assert f"{claim} cannot be read as an event of the registry" in fault
    claim.unlink()
    assert verify(root) == [], "the table has that event"


def claim_only(root: Path) -> Path:
    """The claim of an event that never became a part."""
    with child(DIES, str(root)) as process:
        assert process.wait() == 7
    return numbered_path(root / FOLDER / NAME, 5)


def refused(root: Path, words: str, name: str = NAME) -> None:
    """Every reader of the model says so, and so does verify."""
    for read in (lambda: resolve(root, f"{name}:1"), lambda: history(root, name), lambda: models_of(root)):
        with pytest.raises(LakeError, match=words):
            read()
    (fault,) = verify(root)
    assert re.search(words, fault)


def test_claims_in_the_folder_of_another_model_make_no_versions(root: Path) -> None:
    shutil.copytree(root / FOLDER / NAME, root / FOLDER / "other-model")
    refused(root, rf"other-model/000001\.json is event 1 of {NAME}, put under another name", "other-model")
    assert resolve(root, f"{NAME}:2").version.number == 2


def test_a_claim_under_another_number_is_refused(root: Path) -> None:
    numbered_path(root / FOLDER / NAME, 4).rename(numbered_path(root / FOLDER / NAME, 5))
    refused(root, rf"000005\.json is event 4 of {NAME}, put under another name")


def test_a_claim_that_was_edited_is_not_taken_over(root: Path) -> None:
    path = claim_only(root)
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))
    refused(root, r"000005\.json cannot be read as an event of the registry \(its checksum is of another content\)")
    assert sequences(root) == [1, 2, 3, 4]


def test_a_claim_from_before_there_were_checksums_says_what_to_do(root: Path) -> None:
    path = numbered_path(root / FOLDER / NAME, 4)
    path.write_bytes(json_bytes({k: v for k, v in load_manifest(path).items() if k != "previous"}))
    refused(root, r"000004\.json cannot be read .* remove it where the table registry has that event")
    path.unlink()
    assert verify(root) == []


def test_a_claim_of_a_lake_that_went_on_by_itself_follows_another_event(root: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(root, tmp_path / "other"))
    set_alias(root, f"{NAME}:1", "champion")
    for alias in ("champion", "challenger"):
        set_alias(other, f"{NAME}:2", alias)
    shutil.copy(numbered_path(other / FOLDER / NAME, 6), root / FOLDER / NAME)
    refused(root, rf"000006\.json follows another event 5 of {NAME} than the one that is there")


def test_an_event_is_followed_as_the_table_has_it(root: Path) -> None:
    path = claim_only(root)
    claim = load_manifest(path)
    assert len(claim["previous"]) == 64
    path.write_bytes(manifest_bytes({**claim, "previous": None}))
    refused(root, rf"000005\.json follows another event 4 of {NAME}")
    assert load_manifest(numbered_path(root / FOLDER / NAME, 1))["previous"] is None


def test_who_did_it_is_who_the_process_runs_as(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mallory")
    set_alias(root, f"{NAME}:1", "champion")
    assert history(root, NAME)[-1]["who"] == pwd.getpwuid(os.getuid()).pw_name
