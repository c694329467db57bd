"""A capture as the simple baselines see it: no labels, each frame beside the earlier frames of its ID."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.can_log import CanLog
from pipeline.config import WindowConfig
from pipeline.succession import Succession, by_arbitration_id
from pipeline.windows import in_windows


@dataclass(frozen=True, eq=False)
class Traffic:
    """`N` frames and their `W` full windows; what several baselines count is counted once."""

    log: CanLog
    window: WindowConfig
    _made: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, log: CanLog, window: WindowConfig) -> "Traffic":
        """The capture with its labels blanked, so that no score can come from them."""
        return cls(log.without_labels(), window)

    def part(self, start: int, stop: int) -> "Traffic":
        """Frames start … stop - 1 as traffic of its own."""
        return Traffic(self.log.frames(slice(start, stop)), self.window)

    def once(self, make: Callable[["Traffic"], NDArray[np.float64]]) -> NDArray[np.float64]:
        """What `make` gives for this traffic, worked out the first time: several protocols score one capture."""
        if make not in self._made:
            self._made[make] = make(self)
        found: NDArray[np.float64] = self._made[make]
        return found

    def __len__(self) -> int:
        """Full windows."""
        return max((len(self.log) - self.window.size) // self.window.stride + 1, 0)

    @cached_property
    def succession(self) -> Succession:
        return by_arbitration_id(self.log.arbitration_id, self.log.timestamp_s)

    def gap_s(self, lag: int) -> NDArray[np.float64]:
        """[N] seconds since the ID's lag-th frame before; NaN where it has none."""
        return self._gaps[lag - 1]

    @cached_property
    def _gaps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.in_recording_order(self.succession.gaps(1)), self.in_recording_order(self.succession.gaps(2))

    @cached_property
    def has_past(self) -> NDArray[np.bool_]:
        """[N] whether the frame's ID was on the bus before."""
        return self.in_recording_order(self.succession.age > 0)

    @cached_property
    def code(self) -> NDArray[np.intp]:
        """[N] a number for each of the capture's own IDs, 0 … n_ids - 1, rising with the ID."""
        sorted_id = self.succession.arbitration_id
        starts = np.r_[False, sorted_id[1:] != sorted_id[:-1]]
        return self.in_recording_order(np.cumsum(starts[: len(sorted_id)]).astype(np.intp))

    @cached_property
    def n_ids(self) -> int:
        return int(self.code.max()) + 1 if len(self.code) else 0

    @cached_property
    def word(self) -> NDArray[np.uint64]:
        """[N] the first eight payload bytes."""
        return self.log.payload_word

    @cached_property
    def word_before(self) -> NDArray[np.uint64]:
        """[N] the payload of the ID's frame before; a frame's own where it has none."""
        words = self.word[self.succession.order]
        before = np.where(self.succession.age > 0, np.roll(words, 1), words)
        return self.in_recording_order(before)

    @cached_property
    def repeats(self) -> NDArray[np.bool_]:
        """[N] whether the payload is that of the ID's frame before."""
        dlc = self.log.dlc[self.succession.order]
        same_length = self.in_recording_order(dlc == np.roll(dlc, 1))
        return np.asarray(self.has_past & same_length & (self.word == self.word_before))

    def in_recording_order(self, column: NDArray[Any]) -> NDArray[Any]:
        """[N] a column in the succession's order, put back."""
        placed = np.empty_like(column)
        placed[self.succession.order] = column
        return placed

    def windows(self, column: NDArray[Any]) -> NDArray[Any]:
        """[W, size] a per-frame column, window by window."""
        return in_windows(column, self.window.size, self.window.stride)

    def total(self, column: NDArray[Any]) -> NDArray[np.float64]:
        """[W] sum of a per-frame column over each window."""
        return np.asarray(self.windows(column).sum(axis=1), dtype=np.float64)

    def counts(self, code: NDArray[np.intp], n_codes: int) -> NDArray[np.int64]:
        """[W, n_codes] frames of each code in each window; a code of -1 is left out."""
        cells = self.windows(code) + np.arange(len(self))[:, None] * (n_codes + 1) + 1
        counted = np.bincount(cells.ravel(), minlength=len(self) * (n_codes + 1))
        return np.asarray(counted.reshape(len(self), n_codes + 1)[:, 1:])

    @cached_property
    def start_s(self) -> NDArray[np.float64]:
        """[W] time of the first frame since the capture's beginning."""
        clock = self.log.timestamp_s
        return np.asarray(self.windows(clock)[:, 0] - clock[0] if len(self) else np.empty(0))

    @cached_property
    def duration_s(self) -> NDArray[np.float64]:
        """[W] last minus first timestamp."""
        clock = self.windows(self.log.timestamp_s)
        return np.asarray(clock[:, -1] - clock[:, 0])
