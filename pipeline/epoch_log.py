"""After each epoch: its metrics are in the lake's journal before the next epoch begins."""

import re
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch

from lake.journal import Journal
from lake.schema import EPOCHS
from lake.table import Row
from pipeline.progress import EpochBar

_METRIC = re.compile(r"(train|validation)/(\w+)")


class EpochLog(pl.Callback):
    """Logs each epoch's metrics; where a resumed run logs an epoch again, the later attempt's rows count."""

    def __init__(self, journal: Journal, say: Callable[[str], None]) -> None:
        self.journal, self.say = journal, say

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        rows = epoch_rows(trainer.current_epoch, trainer.callback_metrics)
        self.journal.log({EPOCHS: [{**row, "attempt": self.journal.attempt} for row in rows]})
        shown = "  ".join(f"{row['split']} {row['metric']} {row['value']:.4f}" for row in rows)
        self.say(f"epoch {trainer.current_epoch} ({trainer.current_epoch + 1} of {trainer.max_epochs})  {shown}")


class EpochProgress(pl.Callback):
    """Shows the batches of the epoch under way."""

    def __init__(self) -> None:
        self.bar = EpochBar()

    def on_train_epoch_start(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        self.bar.start(trainer.current_epoch, int(trainer.num_training_batches))

    def on_train_batch_end(self, *_: Any) -> None:
        self.bar.advance()

    def on_train_epoch_end(self, *_: Any) -> None:
        self.bar.stop()

    def on_exception(self, *_: Any) -> None:
        self.bar.stop()


def epoch_rows(epoch: int, metrics: dict[str, torch.Tensor]) -> list[Row]:
    """One row for each metric named `split/metric`; others, as a step's, are left out."""
    rows: list[Row] = []
    for name, value in sorted(metrics.items()):
        if found := _METRIC.fullmatch(name):
            rows.append({"epoch": epoch, "split": found[1], "metric": found[2], "value": float(value)})
    return rows
