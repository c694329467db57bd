"""Rare attacks: what a window of each class weighs, and which windows an epoch draws."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import StageError

Index = NDArray[np.int64]


def class_weights(
    is_attack: NDArray[np.bool_], largest_ratio: float = float("inf"), attack_share: float = 0.0
) -> Tensor:
    """[2] weights with which both classes count equally in a mean over the windows an epoch draws.

    Their mean over those windows is 1. An attack window's weight is at most `largest_ratio` times a benign
    window's: beyond, one window among hundreds would decide the step of its batch alone.

    Args:
        attack_share: see `draw_attacks`.

    Raises:
        StageError: a class is missing.
    """
    attacks = int(is_attack.sum())
    benign = len(is_attack) - attacks
    if not attacks or not benign:
        raise StageError(
            f"the training split has {benign} benign and {attacks} attack windows; a classifier needs both. "
            "Add a capture with attacks to the dataset, or lower split.block_windows."
        )
    share = max(attacks / len(is_attack), attack_share)
    ratio = min((1 - share) / share, largest_ratio)
    weight = 1 / (1 - share + ratio * share)
    return torch.tensor([weight, ratio * weight], dtype=torch.float32)


def draw_attacks(epoch: int, chosen: Index, is_attack: NDArray[np.bool_], attack_share: float, seed: int) -> Index:
    """As many indices as `chosen` has, at least `attack_share` of them attacks, which repeat where they must;
    the benign ones are another part of all of them in each epoch.

    Args:
        is_attack: [K], of the chosen.
    """
    attacks, benign = chosen[is_attack], chosen[~is_attack]
    wanted = round(attack_share * len(chosen))
    if wanted <= len(attacks):
        return chosen
    random = np.random.default_rng([seed, epoch])
    return np.concatenate([cycled(attacks, wanted, random), random.permutation(benign)[: len(chosen) - wanted]])


def cycled(indices: Index, count: int, random: np.random.Generator) -> Index:
    """`count` of the indices, each as often as any other or once more."""
    whole, rest = divmod(count, len(indices))
    return np.concatenate([np.tile(indices, whole), random.permutation(indices)[:rest]])
