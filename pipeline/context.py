"""What a stage is given to work with, and how an epoch is chosen. No torch here: stages are listed cheaply."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import TrackingConfig
from pipeline.runs import RunFolder


@dataclass(frozen=True)
class Monitor:
    """The declared metric that chooses the checkpoint, and whether it should be `min` or `max`."""

    metric: str
    mode: str


@dataclass(frozen=True)
class StageContext:
    """Where a stage works: places, seed and voice, all passed in.

    Attributes:
        inputs: the folder of each run this one needs, by stage.
        say: takes a line of progress.
        facts: what is known of the run before it starts.
    """

    lake: Path
    folder: RunFolder
    inputs: dict[str, RunFolder]
    seed: int
    say: Callable[[str], None]
    tracking: TrackingConfig
    facts: dict[str, Any]
