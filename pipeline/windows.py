"""Cuts a capture into windows of consecutive frames; never across captures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.can_log import CanLog
from pipeline.config import WindowConfig
from pipeline.errors import StageError


@dataclass(frozen=True, eq=False)
class WindowSet:
    """`W` windows of `size` frames of one capture, `stride` frames apart.

    Attributes:
        is_attack: [W] bool, whether any frame of the window is an attack frame.
    """

    log: CanLog
    size: int
    stride: int
    is_attack: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.is_attack)

    @property
    def start_frame(self) -> NDArray[np.int64]:
        """[W] first frame of each window."""
        return np.arange(len(self), dtype=np.int64) * self.stride

    def view(self, column: NDArray[Any]) -> NDArray[Any]:
        """[W, size, …] a per-frame column of the capture, window by window, without a copy."""
        return in_windows(column, self.size, self.stride)


def in_windows(column: NDArray[Any], size: int, stride: int) -> NDArray[Any]:
    """[W, size, …] full windows of `column`; a tail shorter than one window is left out."""
    if stride == size:
        whole = len(column) // size
        return column[: whole * size].reshape(whole, size, *column.shape[1:])
    view = sliding_window_view(column, size, axis=0)[::stride]
    return np.moveaxis(view, -1, 1)


def cut_windows(log: CanLog, config: WindowConfig) -> WindowSet:
    """The capture's windows with a label each.

    Raises:
        StageError: the capture is shorter than one window.
    """
    if len(log) < config.size:
        raise StageError(
            f"{log.path} has {len(log)} frames, fewer than one window of {config.size}. "
            "Lower window.size, or check that the capture was read whole."
        )
    is_attack = in_windows(log.is_attack, config.size, config.stride).any(axis=1)
    return WindowSet(log, config.size, config.stride, np.asarray(is_attack))
