"""Half precision: losses near those of float32, finite whatever comes in. The lab's runs in fp16 ended in NaN."""

from typing import Any

import pytest
import torch
from torch import Tensor

from models.build import build_model
from models.classification import window_losses
from models.distillation import EmbeddingProjection, LatentProjection, soft_label_loss
from models.graph_batch import GraphBatch, segment_max, segment_mean, segment_sum
from models.vgae import draw_missing_edges, vgae_terms
from tests.models.graphs import GAT, INPUTS, VGAE, batch_of

LAYOUT = [(6, 20), (40, 99), (1, 1), (3, 0), (25, 80)]


def losses(batch: GraphBatch) -> dict[str, Tensor]:
    """Every loss term of both networks and of both distillations, in training mode."""
    torch.manual_seed(0)
    vgae: Any = build_model("vgae", VGAE, INPUTS).to(batch.x.device)
    gat: Any = build_model("gat", GAT, INPUTS).to(batch.x.device)
    latent, embedding = (
        projection.to(batch.x.device)
        for projection in (LatentProjection(VGAE.latent, 9), EmbeddingProjection(GAT.readout, 9))
    )
    torch.manual_seed(1)  # dropout and noise
    told, said = vgae(batch), gat(batch)
    terms = vgae_terms(batch, told, vgae.edge_logits(told.latent, draw_missing_edges(batch)))._asdict()
    return terms | {
        "classification": window_losses(said.logits, batch.y, 2.0).mean(),
        "soft labels": soft_label_loss(said.logits, said.logits.detach().flip(0), 4.0),
        "latent": latent(told, torch.zeros_like(told.mean[:, :1]).expand(-1, 9), told.scaled),
        "embedding": embedding(said.embedding, torch.zeros(len(said.embedding), 9, device=batch.x.device)),
    }


def test_bf16_losses_are_float32_and_near_those_of_32_bits() -> None:
    batch = batch_of(LAYOUT, seed=2)
    whole = losses(batch)
    with torch.autocast("cpu", torch.bfloat16):
        half = losses(batch)
    for name, loss in half.items():
        assert loss.dtype == torch.float32, name
        assert loss.item() == pytest.approx(whole[name].item(), rel=0.05, abs=0.02), name
    assert any(half[name].item() != whole[name].item() for name in half), "autocast must have been at work"


@pytest.mark.parametrize("scale", [0.0, 1e4, 1e30])
def test_bf16_losses_and_gradients_are_finite_on_extreme_inputs(scale: float) -> None:
    batch = batch_of(LAYOUT, seed=2)
    batch = batch._replace(
        x=(batch.x.sign() * scale).requires_grad_(), edge_attr=(batch.edge_attr.sign() * scale).requires_grad_()
    )
    with torch.autocast("cpu", torch.bfloat16):
        found = losses(batch)
    torch.stack(list(found.values())).sum().backward()
    assert all(torch.isfinite(loss) for loss in found.values()), found
    assert torch.isfinite(batch.x.grad).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sums_over_segments_are_float32(dtype: torch.dtype) -> None:
    """100,000 ones: fp16 knows no such number, bf16 stops counting at 256."""
    ones, index = torch.ones(100_000, 1, dtype=dtype), torch.zeros(100_000, dtype=torch.int64)
    assert segment_sum(ones, index, 1).item() == 100_000
    assert segment_mean(ones, index, 1).item() == 1
    assert segment_max(ones, index, 2).tolist() == [[1], [0]]


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 1e4, 1e30])
def test_half_precision_on_a_gpu_is_finite(dtype: torch.dtype, scale: float) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    batch = GraphBatch(*(column.cuda() for column in batch_of(LAYOUT, seed=2)))
    batch = batch._replace(x=batch.x * scale, edge_attr=batch.edge_attr * scale)
    with torch.autocast("cuda", dtype):
        found = losses(batch)
    assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in found.values()), found
