"""After each epoch: its metrics are in the lake's journal before the next epoch begins."""

import re
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch

from lake.journal import Journal
from pipeline.progress import EpochBar

_METRIC = re.compile(r"(train|validation)/(\w+)")


class EpochLog(pl.Callback):
    """Logs each epoch's metrics; where a resumed run logs an epoch again, the later attempt's rows count."""

    def __init__(self, journal: Journal, say: Callable[[str], None]) -> None:
        self.journal, self.say = journal, say

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        epoch, shown = trainer.current_epoch, []
        for split, values in epoch_values(trainer.callback_metrics).items():
            self.journal.log_epoch(epoch, split, values)
            shown += [f"{split} {metric} {value:.4f}" for metric, value in values.items()]
        self.say(f"epoch {epoch} ({epoch + 1} of {trainer.max_epochs})  {'  '.join(shown)}")


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


def epoch_values(metrics: dict[str, torch.Tensor]) -> dict[str, dict[str, float]]:
    """By split, the metrics named `split/metric`; others, as a step's, are left out."""
    values: dict[str, dict[str, float]] = {}
    for name, value in sorted(metrics.items()):
        if found := _METRIC.fullmatch(name):
            values.setdefault(found[1], {})[found[2]] = float(value)
    return values
