"""Carries out a plan: rows first, then folders; what was done is looked at again afterwards."""

from collections.abc import Callable
from pathlib import Path

from lake.append import append_arrow
from lake.parts import part_name
from pipeline.legacy.errors import MigrateError
from pipeline.legacy.found import Piece, Wishes
from pipeline.legacy.moves import move_folder, remove_empty, size_of
from pipeline.legacy.plan import Plan, make_plan


def execute(plan: Plan, lake: Path, wishes: Wishes, say: Callable[[str], None]) -> None:
    """Do what the plan lists, then plan again: nothing may be left.

    Killed half-way it is only less done: the next plan has the rest.

    Raises:
        MigrateError: something stands against the plan, or is not as planned afterwards.
        LakeError: the lake cannot be written; folders are as they were.
    """
    if plan.conflicts:
        raise MigrateError("\n".join(plan.conflicts))
    before = sum(move.size_bytes for move in plan.moves)
    for number, piece in enumerate(plan.pieces, 1):
        _append(lake, piece)
        if number % 50 == 0:
            say(f"{number} of {len(plan.pieces)} parts written")
    for move in plan.moves:
        move_folder(move)
    for folder in plan.empty:
        remove_empty(folder)
    after = sum(size_of(move.new) for move in plan.moves)
    if after != before:
        raise MigrateError(f"{before:,} bytes were moved and {after:,} are there. Compare {plan.source} with a copy.")
    _verify(plan, lake, wishes)


def _append(lake: Path, piece: Piece) -> None:
    # the name says the latest attempt among the rows: by it a reader knows that some may not count
    attempts = piece.rows["attempt"].to_pylist() if "attempt" in piece.rows.column_names else [1]
    append_arrow(lake, piece.table, piece.run_id, part_name(max(attempts), "import"), piece.rows)


def _verify(plan: Plan, lake: Path, wishes: Wishes) -> None:
    """The source, read once more, holds nothing that the lake does not."""
    rest = make_plan(plan.source, lake, wishes)
    if not rest.is_done:
        what = [*rest.conflicts, *(f"{piece.table.name} of {piece.run_id} is missing" for piece in rest.pieces)]
        what += [f"{move.old} is still there" for move in rest.moves]
        raise MigrateError("the migration is not whole: " + "; ".join(what[:5]) + ". Run the same command again.")
