"""Arbitration ID <-> node index, learnt on benign training frames; index 0 is every ID not seen there."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.id_index import index_among

UNSEEN = 0


@dataclass(frozen=True)
class Vocabulary:
    """Known IDs in rising order; the i-th has index i + 1."""

    arbitration_ids: tuple[int, ...]

    def __len__(self) -> int:
        """Number of indices, the one for unseen IDs included."""
        return len(self.arbitration_ids) + 1

    @property
    def digest(self) -> str:
        return hashlib.sha256(",".join(map(str, self.arbitration_ids)).encode()).hexdigest()

    def index(self, arbitration_id: NDArray[np.uint32]) -> NDArray[np.int32]:
        """[N] node index of each ID, `UNSEEN` for those not learnt."""
        known = np.asarray(self.arbitration_ids, dtype=np.uint32)
        return (index_among(known, arbitration_id) + 1).astype(np.int32)  # an unknown one's -1 is UNSEEN


NO_VOCABULARY = Vocabulary(())  # of an unknown vehicle: an ID that it shares with another means something else there


def learn_vocabulary(benign_ids: Iterable[NDArray[np.uint32]]) -> Vocabulary:
    """The IDs that occur in any of these columns of benign training frames."""
    distinct: set[int] = set()
    for column in benign_ids:
        distinct.update(np.unique(column).tolist())
    return Vocabulary(tuple(sorted(distinct)))
