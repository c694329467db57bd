"""Asks again where no certain answer came. Only for what may happen twice without harm."""

import random
from collections.abc import Callable, Sequence
from time import sleep
from typing import TypeVar

from lake.remote.errors import UnsureError

T = TypeVar("T")

PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # nine tries: of a request in ten that fails, one in 10⁹ gives up
FIRST_PAUSES_S = (0.1, 0.4, 1.0)  # for the first question, whose failure is mostly a mistyped address


def patiently(action: Callable[[], T], pauses_s: Sequence[float] = PAUSES_S) -> T:
    """What `action` gives, once it gives something certain.

    Raises:
        UnsureError: it did not in `len(pauses_s) + 1` tries.
    """
    for pause_s in pauses_s:
        try:
            return action()
        except UnsureError:
            wait(pause_s)
    return action()


def wait(pause_s: float) -> None:
    """About that long: those who failed together should not come back together."""
    sleep(pause_s * random.uniform(0.5, 1.5))
