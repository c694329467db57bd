"""A loss or a gradient that is no number ends a run, with all that is known of the step it came in."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import StageError

_SHOWN = 8  # windows of a batch that an error names


@dataclass(frozen=True)
class Step:
    """Where a loss was computed, and from what.

    Attributes:
        terms: the parts the loss was made of, by name.
        numbers: [G] the graphs of the batch, where they are known.
    """

    epoch: int
    number: int
    learning_rate: float
    terms: Mapping[str, Tensor]
    numbers: Tensor | None = None

    def described(self) -> str:
        parts = ", ".join(f"{name} {float(term):.4g}" for name, term in self.terms.items())
        text = f"in epoch {self.epoch}, step {self.number}, learning rate {self.learning_rate:g}; {parts}"
        if self.numbers is None:
            return text
        named = ", ".join(str(number) for number in self.numbers.tolist()[:_SHOWN])
        return f"{text}; graphs {named}{' …' if len(self.numbers) > _SHOWN else ''} of the prepared set"


class FiniteGuard:
    """Looks at every step's loss and gradient.

    On a CPU at once; on an accelerator every `every` steps and at an epoch's end, since a look waits for the device.
    Nothing is lost by then: no checkpoint is written between a bad step and the look.
    """

    def __init__(self, run: str = "", every: int = 1) -> None:
        self.run, self.every = run, every
        self._kept: list[tuple[Step, str, Tensor]] = []

    def note(self, step: Step, what: str, value: Tensor) -> None:
        """Remember a `loss` or a `gradient norm`, and look when it is time.

        Raises:
            StageError: one that was noted is not finite.
        """
        self._kept.append((step, what, value.detach()))
        if len(self._kept) >= 2 * self.every or (self.every == 1 and value.device.type == "cpu"):
            self.look()

    def look(self) -> None:
        """Raises StageError for the first value noted since the last look that is not finite."""
        if not self._kept:
            return
        kept, self._kept = self._kept, []
        is_finite = torch.isfinite(torch.stack([value.float() for _, _, value in kept])).tolist()
        for (step, what, value), fine in zip(kept, is_finite, strict=True):
            if not fine:
                raise StageError(
                    f"{self.run + ': ' if self.run else ''}the {what} became {value.item()} {step.described()}. "
                    "Lower train.learning_rate or train.gradient_clip, or train with --set train.precision=32; if a "
                    "term was no number from the first step, look at those graphs. The last complete epoch is kept."
                )
