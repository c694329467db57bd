"""From reconstruction errors to one anomaly score."""

import torch
from torch import Tensor, nn

# The columns of `vgae.reconstruction_errors`.
ERRORS = ("feature_mean", "feature_max", "id", "edge")


class AnomalyScale(nn.Module):
    """Turns reconstruction errors into one anomaly score in [0, 1): 0.5 at a benign quantile.

    Each error is standardised on benign training windows; the largest of them, over its own benign
    quantile q, gives v / (v + q), which never saturates (a clipped score made the lab's states constant).
    """

    mean: Tensor
    deviation: Tensor
    quantile: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(ERRORS)))
        self.register_buffer("deviation", torch.ones(len(ERRORS)))
        self.register_buffer("quantile", torch.ones(1))

    def fit(self, errors: Tensor, quantile: float) -> None:
        """Learn from [G, len(ERRORS)] errors of benign training windows."""
        self.mean.copy_(errors.mean(0))
        self.deviation.copy_(errors.std(0, correction=0).clamp(min=1e-6))
        largest = self.standardised(errors).amax(1).clamp(min=0)
        self.quantile.copy_(torch.quantile(largest, quantile).clamp(min=1e-6))

    def standardised(self, errors: Tensor) -> Tensor:
        return (errors - self.mean) / self.deviation

    def forward(self, errors: Tensor) -> Tensor:
        """[G] anomaly score."""
        largest = self.standardised(errors).amax(1).clamp(min=0)
        return largest / (largest + self.quantile)
