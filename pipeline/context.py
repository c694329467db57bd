"""What a stage is given to work with, and how an epoch is chosen. No torch here: stages are listed cheaply."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lake.journal import Journal
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
        journal: keeps the run's rows as they come.
        inputs: the folder of each run this one needs, by stage.
        say: takes a line of progress.
        facts: what is known of the run before it starts.
    """

    journal: Journal
    folder: RunFolder
    inputs: dict[str, RunFolder]
    seed: int
    say: Callable[[str], None]
    tracking: TrackingConfig
    facts: dict[str, Any]
