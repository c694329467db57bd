"""Dropout: the share that falls out, the mean that stays, the same again from the same seed."""

import pytest
import torch

from models.dropout import Dropout, kept


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.9])
def test_the_share_falls_out_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    mask = kept(torch.empty(1000, 700), share)
    assert (mask == 0).float().mean().item() == pytest.approx(share, abs=0.003)
    assert mask.mean().item() == pytest.approx(1, abs=0.01)
    assert len(mask.unique()) == 2
    for rows in (mask.mean(0), mask.mean(1)):  # no stripe, as bits taken from one draw could leave
        assert rows.std().item() < 3 * (share / (1 - share) / 700) ** 0.5


def test_neighbours_fall_out_independently() -> None:
    torch.manual_seed(0)
    out = (kept(torch.empty(400_000), 0.3) == 0).float()
    for step in (1, 2, 3, 4, 8):
        assert (out[:-step] * out[step:]).mean().item() == pytest.approx(0.09, abs=0.003)


def test_the_same_seed_drops_the_same_and_at_rest_nothing_happens() -> None:
    layer, values = Dropout(0.4), torch.randn(33, 7)
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(layer(values))
    assert torch.equal(*results)
    assert not torch.equal(layer(values), results[0])
    assert torch.equal(layer.eval()(values), values)
    assert torch.equal(Dropout(0.0)(values), values)


def test_what_falls_out_has_no_gradient() -> None:
    values = torch.ones(50, 50, requires_grad=True)
    out = Dropout(0.5)(values)
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())  # type: ignore[arg-type]
