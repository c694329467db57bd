"""What is normal on one vehicle's bus: periods, lengths, counters, payload values and successions of its IDs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.counters import Counters
from pipeline.id_index import index_among

MAX_DLC = 64
_PLAIN = ("arbitration_id", "period_s", "is_periodic", "most_frames", "hamming")


@dataclass(frozen=True, eq=False)
class Habit:
    """`I` arbitration IDs and what each does.

    Attributes:
        seconds: traffic it was learnt from.
        is_trusted: whether that traffic is known to be free of attacks.
        arbitration_id: [I] uint32, rising.
        period_s: [I] float64, median inter-arrival time; NaN for an ID seen once.
        is_periodic: [I] bool, its inter-arrival times keep close to the median.
        most_frames: [I] int64, most frames of the ID in one window.
        has_length: [I, 65] bool, payload lengths it was seen with.
        counters: its rolling counter, if it has one.
        has_value: [I, 8, 256] bool, values its first eight payload bytes took.
        hamming: [I] float32, mean share of payload bits that change from frame to frame, 0..1.
        follows: [I, I] bool, whether the second ID was ever seen right after the first.
    """

    seconds: float
    is_trusted: bool
    arbitration_id: NDArray[np.uint32]
    period_s: NDArray[np.float64]
    is_periodic: NDArray[np.bool_]
    most_frames: NDArray[np.int64]
    has_length: NDArray[np.bool_]
    counters: Counters
    has_value: NDArray[np.bool_]
    hamming: NDArray[np.float32]
    follows: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.arbitration_id)

    @cached_property
    def is_new_value(self) -> NDArray[np.uint8]:
        """[I * 8 * 256] 1 for a byte value never seen: a flat table to look up in."""
        return (~self.has_value).astype(np.uint8).ravel()

    def index(self, arbitration_id: NDArray[np.uint32]) -> NDArray[np.intp]:
        """[N] index of each ID, -1 for an unseen one."""
        return index_among(self.arbitration_id, arbitration_id)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The habit as arrays, boolean tables packed, for a file; `Habit.of` is the way back."""
        return {
            "seconds": np.float64(self.seconds),
            "is_trusted": np.bool_(self.is_trusted),
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: np.packbits(getattr(self, name), axis=None) for name in _shapes(len(self))},
            **{f"counter_{field.name}": getattr(self.counters, field.name) for field in fields(Counters)},
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "Habit":
        """Raises KeyError where an array is missing, ValueError where one has another size."""
        tables = {
            name: np.unpackbits(arrays[name], count=int(np.prod(shape))).astype(bool).reshape(shape)
            for name, shape in _shapes(len(arrays["arbitration_id"])).items()
        }
        return cls(
            seconds=float(arrays["seconds"]),
            is_trusted=bool(arrays["is_trusted"]),
            counters=Counters(*(arrays[f"counter_{field.name}"] for field in fields(Counters))),
            **{name: arrays[name] for name in _PLAIN},
            **tables,
        )


def _shapes(n_ids: int) -> dict[str, tuple[int, ...]]:
    """Of the boolean tables."""
    return {"has_length": (n_ids, MAX_DLC + 1), "has_value": (n_ids, 8, 256), "follows": (n_ids, n_ids)}
