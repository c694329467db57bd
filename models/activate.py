"""Layer norm and ELU between attention layers.

Rows are a few channels short, on which torch's own kernels take twice as long as a product and plain steps;
these are for scoring on a processor. Training and export use the kernels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


def is_at_rest(tensor: Tensor) -> bool:
    """Whether nothing but numbers is asked for: no derivative, no export, on a processor."""
    return not (torch.is_grad_enabled() or torch.compiler.is_compiling()) and tensor.device.type == "cpu"


class Elu(nn.Module):
    """exp(x) - 1 below zero, x above."""

    def forward(self, values: Tensor) -> Tensor:
        if is_at_rest(values) and values.dtype == torch.float32:
            return values.clamp(max=0).exp_().sub_(1).add_(values.clamp(min=0))
        return functional.elu(values)


class NormElu(nn.LayerNorm):
    """[N, W] states, each row normalised, then ELU."""

    def forward(self, states: Tensor) -> Tensor:
        if not is_at_rest(states) or states.dtype != torch.float32:
            return functional.elu(super().forward(states))
        width = states.shape[1]
        # less its first channel: what all of a row share would cost the product the digits in which they differ
        centred = (states - states[:, :1]) @ (torch.eye(width) - 1 / width)
        variance = centred.square() @ torch.full((width, 1), 1 / width)
        normed = centred.mul_(variance.add_(self.eps).rsqrt_()).mul_(self.weight).add_(self.bias)
        return normed.clamp(max=0).exp_().sub_(1).add_(normed.clamp_(min=0))
