"""A name means one snapshot; a change of that is forced, has a reason and is remembered."""

from pathlib import Path

import pytest

from lake.append import append
from lake.check import verify
from lake.errors import LakeError
from lake.schema import EPOCHS
from lake.snapshot import Snapshot, snapshot_path, take_snapshot
from lake.tags import find_snapshot, put_tag, tag_history, tags
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
