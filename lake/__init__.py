"""The Parquet lake: its tables, their journal, writer and reader. No torch here.

What is named here is imported when it is used, so that a training's log call costs no query engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lake.errors import LakeError
    from lake.journal import Journal
    from lake.opened import Lake
    from lake.opened import open_any as open
    from lake.read import open_lake
    from lake.snapshot import Snapshot, latest_snapshot, take_snapshot

_HOMES = {
    "Journal": "lake.journal.Journal",
    "Lake": "lake.opened.Lake",
    "LakeError": "lake.errors.LakeError",
    "Snapshot": "lake.snapshot.Snapshot",
    "latest_snapshot": "lake.snapshot.latest_snapshot",
    "open": "lake.opened.open_any",
    "open_lake": "lake.read.open_lake",
    "take_snapshot": "lake.snapshot.take_snapshot",
}

__all__ = [
    "Journal", "Lake", "LakeError", "Snapshot", "latest_snapshot", "open", "open_lake", "take_snapshot",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lake' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].rpartition(".")
    return getattr(import_module(module), attribute)
