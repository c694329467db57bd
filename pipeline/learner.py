"""What all learners share: the optimiser, its schedule, the guard against NaN, and the teacher of a student."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from pipeline.config import DistillationConfig, TrainConfig
from pipeline.finite import FiniteGuard, Step
from pipeline.lessons import Lesson, word_of

_LOWEST_RATE = 0.01  # of the first learning rate, at a cosine's end


class Learner(pl.LightningModule):
    """A network with an AdamW optimiser; subclasses say what a step's loss is."""

    network: nn.Module
    precision = "32"  # what `train.precision` comes to on this machine; `fit` says

    def __init__(self, config: TrainConfig, seed: int) -> None:
        super().__init__()
        self.train_config, self.seed = config, seed
        self.guard = FiniteGuard()
        self._step: Step | None = None

    def on_train_epoch_start(self) -> None:
        # Dropout and noise depend on seed and epoch alone, so that a resumed run equals an undisturbed one.
        torch.manual_seed(self.seed * 100_003 + self.current_epoch)
        batches: Any = self.trainer.train_dataloader
        batches.epoch = self.current_epoch

    def on_validation_start(self) -> None:
        self.guard.look()  # before an epoch's weights can be kept as the best

    def on_train_epoch_end(self) -> None:
        self.guard.look()  # before they are kept as the last

    def configure_optimizers(self) -> Any:
        config = self.train_config
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(
            parameters, lr=config.learning_rate, weight_decay=config.weight_decay,
            fused=self.precision != "16",
        )  # fmt: skip
        if config.schedule == "constant":
            return optimizer
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: cosine(epoch / config.epochs))
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, gradient_clip_val or math.inf)
        # fp16 scales its loss until gradients overflow, skips that step and goes on with a smaller scale
        if self._step is not None and self.precision != "16":
            self.guard.note(self._step, "gradient norm", norm)

    def report(self, split: str, name: str, value: Tensor, n: int) -> None:
        self.log(f"{split}/{name}", value, on_step=False, on_epoch=True, batch_size=n, prog_bar=False)

    def finite(self, loss: Tensor, terms: Mapping[str, Tensor] | None = None, numbers: Tensor | None = None) -> Tensor:
        """The loss, once it is known to be a number; NaN weights must not train on in silence.

        Raises:
            StageError: it is none, or one noted before it was none.
        """
        shown = {name: term.detach() for name, term in (terms or {"loss": loss}).items()}
        optimizers: Any = self.trainer.optimizers if self._trainer is not None else []
        rate = optimizers[0].param_groups[0]["lr"] if optimizers else self.train_config.learning_rate
        self._step = Step(self.current_epoch, self.global_step, rate, shown, numbers)
        self.guard.note(self._step, "loss", loss)
        return loss


def cosine(share: float) -> float:
    """From 1 to `_LOWEST_RATE` as the share of the training that is over goes from 0 to 1."""
    return _LOWEST_RATE + (1 - _LOWEST_RATE) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


class StudentLearner(Learner):
    """A learner that may have a teacher, whose word is in the lesson or is asked for."""

    def __init__(
        self, config: TrainConfig, seed: int, teacher: nn.Module | None, distillation: DistillationConfig | None
    ) -> None:
        super().__init__(config, seed)
        self._teacher = frozen(teacher) if distillation is not None else None
        self.distillation = distillation or DistillationConfig(enabled=False)

    def taught(self, lesson: Lesson) -> tuple[Tensor, ...] | None:
        if lesson.taught is not None or self._teacher is None:
            return lesson.taught
        with torch.autocast(self.device.type, enabled=False):
            return word_of(self._teacher(self.device), lesson.graphs)


def frozen(network: nn.Module | None) -> Callable[[torch.device], nn.Module] | None:
    """A teacher that is no part of the learner: not trained, not saved with the student's weights."""
    if network is None:
        return None
    network.requires_grad_(False).eval()
    return lambda device: network.to(device)
