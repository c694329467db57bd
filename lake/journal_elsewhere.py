"""Where the rows of a journal go that the lake would not take to the very end: the machine's folder for such files."""

from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

from lake.errors import LakeError
from lake.files import write_whole
from lake.journal_lines import Lines


def put_elsewhere(path: Path, lines: Lines, flushed: int) -> str:
    """Write the whole journal in another place; where it cannot be read either, all that is not known to be on the
    disk, with empty records for the others. Gives a sentence that says where, and what to do.

    Args:
        path: of the journal, whose first bytes are known to be on the disk, so many as `flushed`.

    Raises:
        LakeError: there is no such place either, and the rows are lost.
    """
    kept = b""
    with suppress(OSError):
        kept = path.read_bytes()[:flushed]
    is_whole = len(kept) == flushed
    data = kept + lines.behind(flushed) if is_whole else lines.standing_in(flushed).behind(0)
    try:
        place = Path(gettempdir()) / path.name
        write_whole(place, data)
    except (OSError, LakeError) as error:
        raise LakeError(
            f"the run's last rows could not be put elsewhere either ({error}): those of {lines.count_behind(flushed)} "
            f"log calls are LOST, unless {path} has them all the same. What was logged before is in the lake."
        ) from error
    rest = "" if is_whole else f" What was logged before lies in {path}, which could not be read."
    return f"the run's last rows were put into {place}.{rest} Free some space, then: ./run lake recover --from {place}"
