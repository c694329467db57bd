"""What a classified window costs: cross-entropy by window, focal where asked, so that windows can be weighed."""

import torch
from torch import Tensor
from torch.nn import functional


def window_losses(logits: Tensor, is_attack: Tensor, focal_gamma: float = 0.0) -> Tensor:
    """[G] (1 - p)^gamma * -log p of each window's own class (Lin et al., "Focal loss", 2017); gamma 0 is the
    cross-entropy.

    Args:
        logits: [G, 2].
        is_attack: [G] int64.
    """
    loss = functional.cross_entropy(logits.float(), is_attack, reduction="none")
    if focal_gamma == 0:
        return loss
    return (-torch.expm1(-loss)).clamp(min=1e-8) ** focal_gamma * loss  # 1 - p, exact where p is nearly 1
