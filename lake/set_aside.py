"""Takes a part out of the lake without losing it: one that contradicts another, once a person knows which is right."""

from datetime import UTC, datetime
from pathlib import Path

from lake.errors import LakeError
from lake.files import flush, make_folder, rename, write_json
from lake.held import held
from lake.journal_writer import writer_of
from lake.journals import list_journals, read_named
from lake.parts import Part
from lake.recover import put_away
from lake.root import check_lake
from lake.who import user_name

FOLDER = "set-aside"


def set_aside(root: Path, path: str, reason: str) -> Path:
    """Move a part to `set-aside/`, where no reader looks, with a note of who did it, when and why; gives its new place.

    Args:
        path: below the root, as `verify` names it.

    Raises:
        LakeError: it is no part that counts, as one that is in a pack already.
    """
    check_lake(root)
    if not reason.strip():
        raise LakeError("say why: --reason WHY. It is kept beside the part.")
    part = _counting(root, path)
    if part.journalled:
        _put_away_journal_of(root, part)
    target = root / FOLDER / part.path
    make_folder(target.parent)
    about = {"path": part.path, "reason": reason, "by": user_name(), "at": datetime.now(UTC).isoformat()}
    write_json(target.with_suffix(".json"), about)  # first, so that no part is without its reason
    rename(root / part.path, target)
    flush((root / part.path).parent)
    return target


def _counting(root: Path, path: str) -> Part:
    parts = {part.path: part for listed in held(root).parts.values() for part in listed}
    if path not in parts:
        raise LakeError(
            f"{path} is no part of {root} that counts and is in no pack. Name it as ./run lake verify does: "
            "<table>/<run>/<part>.parquet."
        )
    return parts[path]


def _put_away_journal_of(root: Path, part: Part) -> None:
    """The journal that a part came from would have its rows count again."""
    assert part.journalled
    journal, _, end = part.journalled
    for name in list_journals(root):
        if name.journal == journal:
            content = read_named(name)
            if writer_of(name) == "alive" or len(content.records) > end:
                raise LakeError(
                    f"{name.path} is still written, or has rows that {part.path} has not. End its run, then "
                    "./run lake recover, and look again."
                )
            put_away(name, content)
