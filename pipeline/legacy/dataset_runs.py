"""What an old store says of a dataset: kept as the config of a `prepare` run that the import makes for it.

The lake's own `datasets` rows want a licence, attack frames and a digest of the frames, which no old store has.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import Place, run_id_of
from pipeline.legacy.runs import OldRun, When

MADE = "this run is made by the import, to hold what the source says of the dataset."


def add_dataset_run(
    gathering: Gathering, source: str, name: str, dataset: str, record: Mapping[str, Any], when: When
) -> OldRun:
    """A run for the dataset; `record` is kept whole in its config."""
    old = f"{dataset}/dataset"
    if old in gathering.runs:
        return gathering.runs[old]
    text = json.dumps(record, sort_keys=True, default=str)
    run = OldRun(
        run_id=run_id_of(name, old), old=old, place=Place(dataset, "prepare", None, None), when=when, status="",
        config_text=text, notes=(MADE,),
    )  # fmt: skip
    gathering.add_run(run)
    gathering.counted(source, 1, 1, "config_json of a prepare run each; the table datasets wants what is not there")
    return run
