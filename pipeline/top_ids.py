"""Which arbitration IDs of a window to look at first: those that depart most from their habit."""

import numpy as np

from models.habit_expert import HABIT_FEATURES
from pipeline.graphs import NODE_FEATURES, GraphArrays

_TOP = 3
_COUNTED = [NODE_FEATURES.index(name) for name in HABIT_FEATURES[:6] if name != "early_depth"]
_GAP, _PERIODIC = NODE_FEATURES.index("gap_max_log2"), NODE_FEATURES.index("is_periodic")


def top_ids(graphs: GraphArrays) -> list[str]:
    """[G] up to three IDs that depart most from habit, the worst first, in hex and separated by blanks.

    Departures are counted in frames; where no ID has any, periodic IDs are ranked by how far a gap was off.
    """
    rank = np.zeros(len(graphs.x), dtype=np.float32)
    for column in _COUNTED:
        rank += graphs.x[:, column]
    rank += np.float32(1e-3) * graphs.x[:, _PERIODIC] * graphs.x[:, _GAP]
    # the bits of floats that are not negative rise with them; below them a place that is the larger the earlier
    behind = np.uint64(2**32 - 1) - np.arange(len(rank), dtype=np.uint64)
    key = (rank.view(np.uint32).astype(np.uint64) << np.uint64(32)) | behind
    key[rank <= 0] = 0
    text: list[list[str]] = [[] for _ in range(len(graphs))]
    start = graphs.node_ptr[:-1]
    for _ in range(_TOP):
        largest = np.maximum.reduceat(key, start)
        found = np.flatnonzero(largest)
        place = (np.uint64(2**32 - 1) - (largest[found] & np.uint64(2**32 - 1))).astype(np.intp)
        for graph, number in zip(found.tolist(), graphs.arbitration_id[place].tolist(), strict=True):
            text[graph].append(f"{number:03X}")
        key[place] = 0
    return [" ".join(words) for words in text]
