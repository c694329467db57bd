"""A curriculum for the classifier: few and hard benign windows first, more of them epoch by epoch.

Every epoch draws as many windows as there are, so that runs with and without it take equally many steps. What is
drawn depends on seed and epoch alone; the lab took the first n windows, the same ones every time.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.vgae import reconstruction_errors
from pipeline.batches import Batches
from pipeline.config import CurriculumConfig
from pipeline.imbalance import Index, cycled


def draw_lesson(
    epoch: int, attacks: Index, benign: Index, difficulty: NDArray[np.float64], count: int, config: CurriculumConfig,
    seed: int,
) -> Index:  # fmt: skip
    """`count` indices: all attacks and the epoch's share of benign windows, repeated until there are enough.

    Args:
        difficulty: [benign] how hard each benign window is; the hard ones are drawn first.
    """
    random = np.random.default_rng([seed, epoch])
    ratio, percentile = stage_of(epoch, config)
    wanted = min(round(ratio * len(attacks)), len(benign))
    is_hard = difficulty >= np.percentile(difficulty, percentile)
    hard, easy = random.permutation(benign[is_hard]), random.permutation(benign[~is_hard])
    return cycled(np.concatenate([attacks, np.concatenate([hard, easy])[:wanted]]), count, random)


def stage_of(epoch: int, config: CurriculumConfig) -> tuple[float, float]:
    """Benign windows per attack, and the percentile from which on they are hard."""
    share = min(epoch / config.epochs, 1.0)
    ratio = config.first_ratio + share * (config.last_ratio - config.first_ratio)
    return ratio, config.first_percentile + share * (config.last_percentile - config.first_percentile)


def window_difficulty(vgae: Any, batches: Batches[Any]) -> NDArray[np.float64]:
    """[K] the VGAE's anomaly score of each window: what it cannot rebuild is hard."""
    with torch.inference_mode():
        parts = [vgae.anomaly(reconstruction_errors(batch, vgae(batch))) for batch in batches]
    score: NDArray[np.float64] = torch.cat(parts).double().numpy()
    return score
