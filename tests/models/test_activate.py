"""Norm and ELU by products, as scoring has them: the numbers that double precision gives."""

import pytest
import torch

from models.activate import Elu, NormElu, is_at_rest
from tests.models.graphs import close


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("width", [1, 6, 16])
def test_norm_and_elu_are_the_same_at_rest(width: int, scale: float) -> None:
    torch.manual_seed(0)
    layer, states = NormElu(width), scale * torch.randn(40, width) + 3
    torch.nn.init.normal_(layer.weight)
    torch.nn.init.normal_(layer.bias)
    exact = torch.nn.functional.elu(
        torch.nn.functional.layer_norm(states.double(), (width,), layer.weight.double(), layer.bias.double(), layer.eps)
    )
    with torch.no_grad():
        assert is_at_rest(states)
        before = states.clone()
        close(layer(states).double(), exact)
        close(Elu()(states), torch.nn.functional.elu(states))
        assert torch.equal(states, before), "what is given is not written over"
    assert not is_at_rest(states)
    assert layer(states).requires_grad
    kernel = torch.nn.functional.layer_norm(states, (width,), layer.weight, layer.bias, layer.eps)
    assert torch.equal(layer(states), torch.nn.functional.elu(kernel)), "training takes torch's own"
