"""A plan as a person reads it, a line each, and as a program does."""

from collections.abc import Iterator
from typing import Any

from pipeline.legacy.found import Found, Move, Piece
from pipeline.legacy.plan import Plan

_SHOWN = 20  # refusals of a file that are printed; JSON has them all


def lines_of(plan: Plan) -> list[str]:
    """What will be done, what is refused and why, and where every row of the source went."""
    done = [_append(piece) for piece in plan.pieces] + [_move(move) for move in plan.moves]
    done += [f"remove   {folder}, once it is empty" for folder in plan.empty]
    done += [f"note     {path} is no store we know; it is left out" for path in plan.others]
    return [
        *done,
        *(line for found in plan.found for line in _said(found)),
        *(f"conflict {one}" for one in plan.conflicts),
    ]


def _append(piece: Piece) -> str:
    return f"append   {piece.rows.num_rows:>7,} {piece.table.name} of {piece.run_id}"


def _move(move: Move) -> str:
    how = "copied, compared, deleted" if move.copies else "renamed"
    return f"move     {move.old} to {move.new} ({move.files} files, {move.size_bytes:,} bytes, {how})"


def _said(found: Found) -> Iterator[str]:
    shown: dict[str, int] = {}
    for one in found.refused:
        shown[one.source] = shown.get(one.source, 0) + 1
        if shown[one.source] <= _SHOWN:
            yield f"refuse   {one}"
    for source, count in shown.items():
        if count > _SHOWN:
            yield f"refuse   {source}: {count - _SHOWN:,} more; --format json lists them"
    yield from (f"note     {note}" for note in found.notes)
    yield f"from     {found.path}: {found.origin}"
    yield from (f"account  {account}" for account in found.accounts)


def summary_of(plan: Plan) -> str:
    """One sentence."""
    if plan.conflicts:
        return f"{len(plan.conflicts)} conflicts: nothing can be imported."
    runs = len({piece.run_id for piece in plan.pieces})
    rows = sum(piece.rows.num_rows for piece in plan.pieces)
    refused = plan.refused
    if plan.is_futile:
        return f"Nothing can be imported: all {refused:,} things in it are refused, each with its reason above."
    if plan.is_done:
        return f"Nothing to do: all {plan.present:,} parts are in the lake; {refused:,} things refused."
    moves = f", {len(plan.moves)} folders moved" if plan.moves else ""
    there = f"; {plan.present:,} parts are there already" if plan.present else ""
    return f"{rows:,} rows of {runs:,} runs in {len(plan.pieces):,} parts{moves}; {refused:,} things refused{there}."


def as_json(plan: Plan, is_executed: bool) -> dict[str, Any]:
    """The same, whole."""
    return {
        "source": str(plan.source), "is_executed": is_executed, "conflicts": list(plan.conflicts),
        "others": [str(path) for path in plan.others],
        "present_parts": plan.present,
        "append": [
            {"table": piece.table.name, "run_id": piece.run_id, "rows": piece.rows.num_rows} for piece in plan.pieces
        ],
        "move": [
            {"from": str(move.old), "to": str(move.new), "files": move.files, "size_bytes": move.size_bytes,
             "copies": move.copies}
            for move in plan.moves
        ],
        "remove": [str(folder) for folder in plan.empty],
        "stores": [
            {
                "kind": found.kind, "path": str(found.path), "origin": found.origin, "notes": found.notes,
                "accounts": [vars(account) for account in found.accounts],
                "refused": [vars(one) for one in found.refused],
            }
            for found in plan.found
        ],
    }  # fmt: skip
