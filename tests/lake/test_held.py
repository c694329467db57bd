"""Which of a lake's parts count."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lake.append import append
from lake.compact import compact
from lake.errors import LakeError
from lake.held import held, longest
from lake.parts import Part, journalled_name
from lake.read import query
from lake.schema import EPOCHS, RUNS
from lake.set_aside import set_aside
from tests.lake.rows import epoch_row, run_row

JOURNAL = "0" * 16


@pytest.mark.parametrize(
    ("spans", "counting"),
    [
        ([(0, 2), (0, 4)], [(0, 4)]),
        ([(0, 4), (2, 4)], [(0, 4)]),
        ([(0, 2), (2, 4), (0, 6)], [(0, 6)]),
        ([(0, 2), (2, 4)], [(0, 2), (2, 4)]),
        ([(0, 3), (2, 4)], [(0, 3), (2, 4)]),
        ([(0, 2), (0, 4), (2, 6)], [(0, 4), (2, 6)]),
    ],
)
def test_of_a_journals_parts_those_count_that_lie_in_no_other(
    spans: list[tuple[int, int]], counting: list[tuple[int, int]]
) -> None:
    listed = [Part("epochs", "run-a", journalled_name(1, JOURNAL, *span), "a") for span in spans]
    others = [Part("epochs", "run-a", journalled_name(1, "1" * 16, 0, 9), "a"), Part("epochs", "run-a", "other", "a")]
    found = [part.journalled for part in longest([*listed, *others])]
    assert found == [*((JOURNAL, *span) for span in counting), ("1" * 16, 0, 9), None]


def test_a_part_within_what_packs_hold_together_does_not_count(root: Path) -> None:
    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    for first, end in ((0, 2), (2, 4)):
        rows = [epoch_row(epoch=epoch) for epoch in range(first, end)]
        append(root, EPOCHS, "run-a", journalled_name(1, JOURNAL, first, end), rows)
    compact(root)
    append(root, EPOCHS, "run-a", journalled_name(1, JOURNAL, 1, 4), [epoch_row(epoch=epoch) for epoch in (1, 2, 3)])
    assert held(root).parts["epochs"] == []
    append(root, EPOCHS, "run-a", journalled_name(1, JOURNAL, 4, 5), [epoch_row(epoch=4)])
    assert query(root, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 5}]


@pytest.mark.parametrize("is_journalled", [False, True])
def test_the_same_part_written_by_two_releases_of_pyarrow_at_once_counts_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, is_journalled: bool
) -> None:
    name = journalled_name(1, JOURNAL, 1, 2) if is_journalled else "a001-rows"
    write, rows = pq.write_table, [epoch_row()]

    def other(data: Any, sink: Any, **options: Any) -> None:
        write(data, sink, **options, use_dictionary=False)

    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    first = append(root, EPOCHS, "run-a", name, rows)
    hidden = first.rename(root / "elsewhere")
    with monkeypatch.context() as release:
        release.setattr(pq, "write_table", other)
        second = append(root, EPOCHS, "run-a", name, rows)
    hidden.rename(first)
    assert first != second
    assert query(root, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 1}]
    (counting,) = held(root).parts["epochs"]
    set_aside(root, counting.path, "of another run")
    assert query(root, "SELECT count(*) AS n FROM epochs").to_pylist() == [{"n": 0}]


def test_parts_of_one_name_and_other_rows_both_count_until_one_is_taken_out(root: Path) -> None:
    append(root, RUNS, "run-a", "a001-rows", [run_row()])
    name = journalled_name(1, JOURNAL, 1, 2)
    first = append(root, EPOCHS, "run-a", name, [epoch_row()])
    hidden = first.rename(root / "elsewhere")
    append(root, EPOCHS, "run-a", name, [epoch_row(value=0.25)])
    hidden.rename(first)
    assert query(root, "SELECT count(*) AS n FROM epoch_events").to_pylist() == [{"n": 2}]
    with pytest.raises(LakeError, match="stands in more than one row"):
        compact(root)
    set_aside(root, first.relative_to(root).as_posix(), "a bit was flipped when it was written")
    assert query(root, "SELECT value FROM epochs").to_pylist() == [{"value": 0.25}]
    assert compact(root).packs
