"""Which runs are repeats of one another: those whose configuration agrees but for the seeds."""

import hashlib
import re

_SEEDS = r'"(seeds?|repeat)": ?(\[[^\]]*\]|-?[0-9]+),? ?'
# The same over columns of `runs`, for rows of schemas that had no such column.
CONFIGURATION_SQL = f"left(md5(concat_ws(' ', data_digest, regexp_replace(config_json, '{_SEEDS}', '', 'g'))), 8)"


def configuration_of(config_json: str, data_digest: str | None) -> str:
    """A digest of all of config and data that decides the numbers, seeds left out."""
    said = " ".join([*([data_digest] if data_digest else []), re.sub(_SEEDS, "", config_json)])
    return hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()[:8]
