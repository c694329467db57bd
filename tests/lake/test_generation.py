"""The generation that holds is found whatever another process does meanwhile."""

from pathlib import Path

import pytest

from lake.append import append
from lake.compact import compact
from lake.generation import current_generation
from lake.read import query
from lake.schema import EPOCHS
from tests.lake.rows import epoch_row

COUNT = "SELECT count(*) AS n FROM epochs"


@pytest.fixture
def with_news(small_lake: Path) -> Path:
    """A lake of three epochs, with a part that no generation knows yet."""
    compact(small_lake)
    append(small_lake, EPOCHS, "run-a", "epoch-00003", [epoch_row(epoch=3)])
    return small_lake


@pytest.mark.parametrize("looked_at", ["last_number", "known_generation"])
def test_a_reader_goes_on_while_another_process_compacts(
    with_news: Path, monkeypatch: pytest.MonkeyPatch, looked_at: str
) -> None:
    """Between its look at the numbers that were given and its look at the one that is known."""
    import lake.generation as module

    seen = getattr(module, looked_at)

    def late(path: Path) -> int:
        found = seen(path)
        monkeypatch.setattr(module, looked_at, seen)
        compact(with_news)
        return int(found)

    monkeypatch.setattr(module, looked_at, late)
    assert query(with_news, COUNT).to_pylist() == [{"n": 4}]
    assert current_generation(with_news).number == 2


def test_a_generation_that_an_old_listing_lacks_is_found_by_its_name(
    with_news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact(with_news)
    monkeypatch.setattr("lake.generation.last_number", lambda _: 1)
    assert current_generation(with_news).number == 2
    assert query(with_news, COUNT).to_pylist() == [{"n": 4}]
