"""What makes a folder a lake."""

from pathlib import Path

import pytest

from lake.files import StagedFile
from lake.journal import Journal
from lake.root import MARKER, create_lake, lake_id
from lake.schema import RUNS
from tests.lake.rows import run_row


def test_a_new_lake_is_said_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where a disk was not mounted a training would otherwise write beside the lake, and nobody would know."""
    root.mkdir()
    for run_id in ("run-a", "run-b"):
        with Journal(root, run_id) as journal:
            journal.log({RUNS: [run_row()]})
    create_lake(root)
    (said,) = caplog.messages
    assert said.startswith(f"made a new lake at {root}. ")


def test_of_two_that_make_a_lake_at_once_one_says_so(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    give, ids = StagedFile.give_free_name, []

    def late(staged: StagedFile, path: Path) -> bool:
        monkeypatch.setattr(StagedFile, "give_free_name", give)
        ids.append(lake_id(create_lake(root)))
        return give(staged, path)

    monkeypatch.setattr(StagedFile, "give_free_name", late)
    assert lake_id(create_lake(root)) == ids[0]
    assert len(caplog.messages) == 1
    assert [path.name for path in root.iterdir()] == [MARKER]
