"""A name means one snapshot; a change of that is forced, has a reason and is remembered."""

import hashlib
import os
import pwd
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.gc import collect
from lake.manifest_file import load_manifest, manifest_bytes
from lake.numbered import numbered_path
from lake.schema import EPOCHS
from lake.snapshot import Snapshot, snapshot_path, take_snapshot
from lake.tags import find_snapshot, forget_snapshot, last_event, put_tag, tag_history, tags
from tests.lake.rows import epoch_row


@pytest.fixture
def two(small_lake: Path) -> tuple[Snapshot, Snapshot]:
    first = take_snapshot(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    return first, take_snapshot(small_lake)


def test_a_snapshot_is_found_by_its_name_and_by_its_id(small_lake: Path, two: tuple[Snapshot, Snapshot]) -> None:
    put_tag(small_lake, "paper-v1", two[0])
    put_tag(small_lake, "paper-v1", two[0])
    assert find_snapshot(small_lake, "paper-v1") == find_snapshot(small_lake, two[0].snapshot_id[:12]) == two[0]
    assert len(tag_history(small_lake, "paper-v1")) == 1


def test_it_moves_only_by_force_and_with_a_reason(small_lake: Path, two: tuple[Snapshot, Snapshot]) -> None:
    put_tag(small_lake, "paper-v1", two[0])
    for options in ({}, {"force": True}, {"reason": "why not"}):
        with pytest.raises(LakeError, match=r"paper-v1 names the snapshot \w+, and what is cited must not change"):
            put_tag(small_lake, "paper-v1", two[1], **options)  # type: ignore[arg-type]
    put_tag(small_lake, "paper-v1", two[1], "a wrong capture", force=True)
    assert find_snapshot(small_lake, "paper-v1") == two[1]
    assert [event.reason for event in tag_history(small_lake, "paper-v1")] == [None, "a wrong capture"]
    put_tag(small_lake, "paper-v1", None, "withdrawn", force=True)
    assert tags(small_lake) == {}
    assert len(tag_history(small_lake, "paper-v1")) == 3


def test_of_two_at_once_one_is_told(
    small_lake: Path, two: tuple[Snapshot, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    import lake.tags as module

    seen = module.last_event

    def late(root: Path, name: str) -> object:
        monkeypatch.setattr(module, "last_event", seen)
        put_tag(root, name, two[1])
        return None

    monkeypatch.setattr(module, "last_event", late)
    with pytest.raises(LakeError, match="another process has just changed paper-v1"):
        put_tag(small_lake, "paper-v1", two[0])
    assert tags(small_lake) == {"paper-v1": two[1].snapshot_id}


@pytest.mark.parametrize("late", ["tags", "rename", "put_numbered"])
def test_a_snapshot_that_is_named_while_it_is_forgotten_stays(
    small_lake: Path, two: tuple[Snapshot, Snapshot], monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """The one comes between any two steps of the other: once the names were looked at, the file was put away, or the
    name was given."""
    import lake.tags as module

    step = getattr(module, late)

    def with_the_other(*arguments: Any) -> Any:
        is_naming = late == "put_numbered"
        given = None if is_naming else step(*arguments)
        monkeypatch.setattr(module, late, step)
        if is_naming:
            forget_snapshot(small_lake, two[0].snapshot_id)
        else:
            put_tag(small_lake, "paper-v1", two[0])
        return step(*arguments) if is_naming else given

    monkeypatch.setattr(module, late, with_the_other)
    if late == "put_numbered":
        put_tag(small_lake, "paper-v1", two[0])
    else:
        with pytest.raises(LakeError, match="is protected: paper-v1 names it"):
            forget_snapshot(small_lake, two[0].snapshot_id)
    assert find_snapshot(small_lake, "paper-v1") == two[0]
    assert [path.suffix for path in (small_lake / "snapshots").iterdir()] == [".json", ".json"]
    assert verify(small_lake) == []


def test_a_name_that_is_given_to_a_snapshot_that_is_gone_is_said(
    small_lake: Path, two: tuple[Snapshot, Snapshot]
) -> None:
    forget_snapshot(small_lake, two[0].snapshot_id)
    collect(small_lake, timedelta(0))
    with pytest.raises(LakeError, match=r"snapshot \w+ is gone, which was just given the name paper-v1\. Restore it"):
        put_tag(small_lake, "paper-v1", two[0])


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a" * 300])
def test_a_name_that_could_leave_its_folder_is_refused(
    small_lake: Path, two: tuple[Snapshot, Snapshot], name: str
) -> None:
    with pytest.raises(LakeError, match="cannot name a snapshot"):
        put_tag(small_lake, name, two[0])


def test_an_unknown_name_is_said_with_those_there_are(small_lake: Path, two: tuple[Snapshot, Snapshot]) -> None:
    put_tag(small_lake, "paper-v1", two[0])
    with pytest.raises(LakeError, match=r"no snapshot has the name paper-v2\. Names: paper-v1"):
        put_tag(small_lake, "paper-v2", None)


def test_a_spoiled_event_or_a_name_of_what_is_gone_is_found(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    put_tag(small_lake, "paper-v1", snapshot)
    (path,) = (small_lake / "tags" / "paper-v1").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"number": 1', b'"number": 3'))
    (fault,) = verify(small_lake)
    assert fault.startswith(f"{path} cannot be read as a tag's event")
    path.write_bytes(whole)
    assert verify(small_lake) == []
    snapshot_path(small_lake, snapshot.snapshot_id).unlink()
    assert verify(small_lake) == [
        f"paper-v1 names the snapshot {snapshot.snapshot_id[:12]}, which is missing. Restore it from a copy."
    ]


@pytest.fixture
def moved(small_lake: Path, two: tuple[Snapshot, Snapshot]) -> Path:
    """The folder of a name with three events."""
    put_tag(small_lake, "paper-v1", two[0])
    put_tag(small_lake, "paper-v1", two[1], "a wrong capture", force=True)
    put_tag(small_lake, "paper-v1", two[0], "it was right", force=True)
    assert verify(small_lake) == []
    return small_lake / "tags" / "paper-v1"


def refused(root: Path, name: str, words: str) -> None:
    """Every reader of the name says so, and so does verify."""
    for read in (lambda: last_event(root, name), lambda: tag_history(root, name), lambda: tags(root)):
        with pytest.raises(LakeError, match=words):
            read()
    (fault,) = verify(root)
    assert re.search(words, fault)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("000001", "000004", r"paper-v1 has the events 2, 3, 4, and they count from 1 without a gap"),
        ("000003", "000004", r"paper-v1 has the events 1, 2, 4, and"),
        ("000003", "0000002", r"paper-v1 has the events 1, 2, 2, and"),
        ("000002", "000002.old", r"paper-v1 has the events 1, 3, and"),
    ],
)
def test_events_count_from_1_without_a_gap(moved: Path, before: str, after: str, words: str) -> None:
    (moved / f"{before}.json").rename(moved / f"{after}.json")
    refused(moved.parents[1], "paper-v1", words)


def test_the_only_event_under_another_number_is_found(small_lake: Path, two: tuple[Snapshot, Snapshot]) -> None:
    put_tag(small_lake, "paper-v1", two[0])
    folder = small_lake / "tags" / "paper-v1"
    (folder / "000001.json").rename(folder / "000003.json")
    refused(small_lake, "paper-v1", "paper-v1 has the events 3, and they count from 1")
    (folder / "000003.json").rename(folder / "1.json")
    (fault,) = verify(small_lake)
    assert fault.startswith(f"{folder / '1.json'} is no event of paper-v1, and no reader sees it.")


def test_two_events_that_changed_places_are_refused(moved: Path) -> None:
    (moved / "000002.json").rename(moved / "x")
    (moved / "000003.json").rename(moved / "000002.json")
    (moved / "x").rename(moved / "000003.json")
    refused(moved.parents[1], "paper-v1", r"000002\.json is event 3 of paper-v1, put under another name")


def test_events_in_the_folder_of_another_name_are_refused(moved: Path) -> None:
    moved.rename(moved.with_name("paper-v2"))
    refused(moved.parents[1], "paper-v2", r"paper-v2/000001\.json is event 1 of paper-v1, put under another name")


def test_an_event_follows_the_one_that_was_there(moved: Path) -> None:
    first = moved / "000001.json"
    assert load_manifest(moved / "000002.json")["previous"] == hashlib.sha256(first.read_bytes()).hexdigest()
    first.write_bytes(manifest_bytes({**load_manifest(first), "by": "somebody else"}))
    refused(moved.parents[1], "paper-v1", r"000002\.json follows another event 1 than the one that is there")


def test_an_event_renumbered_over_a_gap_is_refused(moved: Path) -> None:
    (moved / "000002.json").unlink()
    third = load_manifest(moved / "000003.json")
    (moved / "000003.json").unlink()
    (moved / "000002.json").write_bytes(manifest_bytes({**third, "number": 2}))
    refused(moved.parents[1], "paper-v1", r"000002\.json follows another event 1")


def test_events_written_before_they_were_chained_are_read_and_continued(
    moved: Path, two: tuple[Snapshot, Snapshot]
) -> None:
    for path in moved.iterdir():
        about = load_manifest(path)
        del about["previous"]
        path.write_bytes(manifest_bytes(about))
    root = moved.parents[1]
    assert [event.previous for event in tag_history(root, "paper-v1")] == [None] * 3
    put_tag(root, "paper-v1", two[1], "after all", force=True)
    third = hashlib.sha256((moved / "000003.json").read_bytes()).hexdigest()
    assert [event.previous for event in tag_history(root, "paper-v1")] == [None, None, None, third]
    assert verify(root) == []


@pytest.mark.parametrize("reason", ["", " ", "\t\n"])
def test_blanks_are_no_reason(small_lake: Path, two: tuple[Snapshot, Snapshot], reason: str) -> None:
    put_tag(small_lake, "paper-v1", two[0])
    for snapshot in (two[1], None):
        with pytest.raises(LakeError, match="say --force --reason WHY"):
            put_tag(small_lake, "paper-v1", snapshot, reason, force=True)
    assert put_tag(small_lake, "paper-v1", two[1], "  why ", force=True).reason == "why"


def test_who_did_it_is_who_the_process_runs_as(
    small_lake: Path, two: tuple[Snapshot, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    own = pwd.getpwuid(os.getuid()).pw_name
    assert put_tag(small_lake, "paper-v1", two[0]).by.split("@")[0] == own
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert put_tag(small_lake, "paper-v2", two[0]).by.split("@")[0] == "user 4000000000"


def test_a_damaged_name_keeps_nobody_from_other_snapshots(small_lake: Path) -> None:
    snapshot = take_snapshot(small_lake)
    put_tag(small_lake, "paper-v1", snapshot)
    put_tag(small_lake, "draft", snapshot)
    numbered_path(small_lake / "tags" / "draft", 1).write_text("{")
    assert find_snapshot(small_lake, "paper-v1") == find_snapshot(small_lake, snapshot.snapshot_id) == snapshot
    with pytest.raises(LakeError, match="cannot be read as a tag's event"):
        find_snapshot(small_lake, "draft")
