"""Where an arbitration ID stands among known ones."""

import numpy as np
from numpy.typing import NDArray

_TABLE = 2**16  # below, a table to look up in is faster than a search


def index_among(known: NDArray[np.uint32], arbitration_id: NDArray[np.uint32]) -> NDArray[np.intp]:
    """[N] the place of each ID in `known`, which rises; -1 for one that is not there."""
    if not len(known):
        return np.full(arbitration_id.shape, -1, dtype=np.intp)
    last = int(known[-1])
    if last < _TABLE:
        table = np.full(last + 2, -1, dtype=np.intp)
        table[known] = np.arange(len(known))
        return np.asarray(table[np.minimum(arbitration_id, last + 1)])
    place = np.minimum(np.searchsorted(known, arbitration_id), len(known) - 1)
    return np.where(known[place] == arbitration_id, place, -1)
