"""The Parquet lake: its tables, their one writer and one reader. No torch here."""

from lake.append import append
from lake.errors import LakeError
from lake.read import open_lake
from lake.snapshot import Snapshot, latest_snapshot, take_snapshot

__all__ = ["LakeError", "Snapshot", "append", "latest_snapshot", "open_lake", "take_snapshot"]
