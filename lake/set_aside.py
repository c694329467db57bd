"""Takes a part out of the lake without losing it: one that contradicts another, once a person knows which is right."""

from datetime import UTC, datetime
from pathlib import Path

from lake.errors import LakeError
from lake.files import flush, make_folder, rename, write_json
from lake.generation import current_generation
from lake.held import have_same_rows, held
from lake.journalled import SET_ASIDE, packed_of
from lake.parts import Part, owner_parts
from lake.root import check_lake
from lake.who import user_name


def set_aside(root: Path, path: str, reason: str) -> Path:
    """Move a part to `set-aside/`, where no reader looks, with a note of who did it, when and why; gives its new place.

    Parts that only repeat its records go with it. Its journal stays as it is: of the records that were set aside
    readers and `recover` take no rows for that table any more, of all others they do. Moved back, a part counts again.

    Args:
        path: below the root, as `verify` names it.

    Raises:
        LakeError: it is no part that counts, as one that is in a pack already; or it came into one meanwhile.
    """
    check_lake(root)
    if not reason.strip():
        raise LakeError("say why: --reason WHY. It is kept beside the part.")
    part = _counting(root, path)
    about = {"reason": reason, "by": user_name(), "at": datetime.now(UTC).isoformat()}
    for one in [*_repeating(root, part), part]:  # the longest last, which the others count without
        target = root / SET_ASIDE / one.path
        make_folder(target.parent)
        write_json(target.with_suffix(".json"), {"path": one.path, **about})  # first: no part is without its reason
        rename(root / one.path, target)
        flush((root / one.path).parent)
    generation = current_generation(root)
    if any((one.table, one.name) == (part.table, part.name) for one in packed_of(root, generation, part.owner)):
        raise LakeError(
            f"{path} was packed by a compaction at the same moment, so that its rows count in generation "
            f"{generation.number} all the same; the part is kept as {target}. What is packed cannot be taken out: "
            "the newest snapshot without it can be pulled into a new lake."
        )
    return target


def _counting(root: Path, path: str) -> Part:
    parts = {part.path: part for listed in held(root).parts.values() for part in listed}
    if path not in parts:
        raise LakeError(
            f"{path} is no part of {root} that counts and is in no pack. Name it as ./run lake verify does: "
            "<table>/<run>/<part>.parquet."
        )
    return parts[path]


def _repeating(root: Path, part: Part) -> list[Part]:
    """Parts that would count in its place: with fewer of its journal's records, or its rows as other bytes."""
    others = [other for other in owner_parts(root, part.table, part.owner) if other != part]
    found = [other for other in others if other.name == part.name and have_same_rows(root, part, other)]
    if part.journalled:
        journal, first, end = part.journalled
        for other in others:
            span = other.journalled
            if span and span[0] == journal and first <= span[1] and span[2] <= end and other.name != part.name:
                found.append(other)
    return found
