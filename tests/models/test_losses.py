"""Losses, scores and rewards against their formulas."""

import math

import pytest
import torch

from models.anomaly import ERRORS, AnomalyScale
from models.build import build_model
from models.classification import window_losses
from models.distillation import EmbeddingProjection, LatentProjection, blend, soft_label_loss
from models.fusion import reward
from models.vgae import Vgae, VgaeOutput, vgae_terms
from tests.models.graphs import INPUTS, VGAE, batch_of, close


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_soft_labels_equal_the_formula_graph_by_graph(temperature: float) -> None:
    """T^2 times the mean over graphs of sum_c p_c log(p_c / q_c), with plain Python."""
    student, teacher = torch.randn(7, 2), torch.randn(7, 2) * 3
    total = 0.0
    for s, t in zip(student.tolist(), teacher.tolist(), strict=True):
        q, p = (
            [math.exp(v / temperature) / sum(math.exp(u / temperature) for u in row) for v in row] for row in (s, t)
        )
        total += sum(pc * math.log(pc / qc) for pc, qc in zip(p, q, strict=True))
    expected = temperature**2 * total / 7
    assert soft_label_loss(student, teacher, temperature).item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_soft_labels_do_not_depend_on_how_a_batch_is_cut() -> None:
    student, teacher = torch.randn(8, 2), torch.randn(8, 2)
    whole = soft_label_loss(student, teacher, 4.0)
    single = torch.stack([soft_label_loss(student[g : g + 1], teacher[g : g + 1], 4.0) for g in range(8)]).mean()
    close(whole, single)
    assert soft_label_loss(teacher, teacher, 4.0).item() == pytest.approx(0.0, abs=1e-6)


def test_soft_labels_are_finite_for_sure_teachers_and_pull_the_right_way() -> None:
    student = torch.zeros(2, 2, requires_grad=True)
    loss = soft_label_loss(student, torch.tensor([[1e4, -1e4], [-1e4, 1e4]]), 1.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert student.grad is not None
    assert student.grad.sign().tolist() == [[-1, 1], [1, -1]]


@pytest.mark.parametrize(("alpha", "expected"), [(0.0, 1.0), (1.0, 5.0), (0.7, 0.3 * 1 + 0.7 * 5)])
def test_alpha_is_the_teachers_share(alpha: float, expected: float) -> None:
    assert blend(torch.tensor(1.0), torch.tensor(5.0), alpha).item() == pytest.approx(expected)


def test_the_latent_projection_compares_in_the_teachers_space() -> None:
    torch.manual_seed(0)
    batch = batch_of([(5, 9)])
    network: Vgae = build_model("vgae", VGAE, INPUTS).eval()  # type: ignore[assignment]
    output = network(batch)
    wide = output._replace(mean=torch.randn(5, 11), features=output.features + 2)
    projection = LatentProjection(5, 11)
    expected = 0.5 * ((projection.linear(output.mean) - wide.mean) ** 2).mean() + 0.5 * 4
    close(projection(output, wide.mean, wide.features), expected)


def test_the_embedding_projection_compares_in_the_teachers_space() -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(3, 4), torch.randn(3, 6)
    projection = EmbeddingProjection(4, 6)
    close(projection(student, teacher), ((projection.linear(student) - teacher) ** 2).mean())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_window_costs_its_focal_loss(gamma: float) -> None:
    logits, label = torch.randn(9, 2), torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1])
    expected = []
    for row, y in zip(logits.tolist(), label.tolist(), strict=True):
        p = math.exp(row[y]) / sum(math.exp(value) for value in row)
        expected.append((1 - p) ** gamma * -math.log(p))
    assert window_losses(logits, label, gamma).tolist() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_focal_loss_has_a_gradient_for_sure_windows(gamma: float) -> None:
    logits = torch.tensor([[60.0, -60.0], [-60.0, 60.0], [0.0, 0.0]], requires_grad=True)
    window_losses(logits, torch.tensor([0, 0, 0]), gamma).sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[1].abs().max() > 0.5, "a sure miss pulls"
    assert logits.grad[0].abs().max() < 1e-6, "a sure hit does not"


def test_the_vgae_loss_equals_its_four_terms() -> None:
    torch.manual_seed(0)
    batch = batch_of([(4, 6), (3, 2)])
    n, e = 7, 8
    output = VgaeOutput(*(torch.randn(*s) for s in [(n, 5), (n, 5), (n, 5), (n, 13), (n, 13), (n, 12), (e,)]))
    missing = torch.randn(e)
    feature = sum((a - b) ** 2 for a, b in zip(output.features.flatten(), output.scaled.flatten(), strict=True)) / (
        n * 13
    )
    identity = -sum(output.id_logits[i].log_softmax(0)[batch.node_id[i]] for i in range(n)) / n
    sigmoid = torch.sigmoid
    edge = -sigmoid(output.edge_logits).log().mean() - (1 - sigmoid(missing)).log().mean()
    mu, lv = output.mean, output.log_variance
    kl = (0.5 * (lv.exp() + mu**2 - 1 - lv)).mean()
    loss = vgae_terms(batch, output, missing).weighted(id_weight=0.3, edge_weight=0.2, kl_weight=0.1)
    close(loss, feature + 0.3 * identity + 0.2 * edge + 0.1 * kl)


def fitted(n: int = 1000, quantile: float = 0.99) -> tuple[AnomalyScale, torch.Tensor]:
    errors = torch.rand(n, len(ERRORS), generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 5.0, 0.1, 20.0]
    )
    scale = AnomalyScale()
    scale.fit(errors, quantile)
    return scale, errors


def test_the_anomaly_score_is_a_half_at_the_benign_quantile() -> None:
    scale, errors = fitted()
    score = scale(errors)
    assert score.quantile(0.99).item() == pytest.approx(0.5, abs=1e-4)
    assert (score > 0.5).float().mean().item() == pytest.approx(0.01, abs=0.002)


def test_the_anomaly_score_rises_with_the_error_and_never_saturates() -> None:
    """A clipped score made every attack alike. It rises as far as float32 can tell one from the next."""
    scale, errors = fitted()
    rising = torch.zeros(40, len(ERRORS))
    rising[:, 3] = errors[:, 3].mean() + torch.logspace(0, 5, 40)
    score = scale(rising)
    assert (score[1:] > score[:-1]).all()
    assert score.max() < 1
    assert score.min() >= 0


@pytest.mark.parametrize("column", range(len(ERRORS)))
def test_any_one_error_raises_the_alarm(column: int) -> None:
    scale, errors = fitted()
    window = errors.mean(0, keepdim=True).clone()
    assert scale(window).item() < 0.5
    window[0, column] += 100 * errors[:, column].std()
    assert scale(window).item() > 0.5


@pytest.mark.parametrize("n", [1, 2])
def test_an_anomaly_scale_fitted_on_few_windows_is_finite(n: int) -> None:
    scale, _ = fitted(n)
    assert torch.isfinite(scale(torch.rand(5, len(ERRORS)))).all()


@pytest.mark.parametrize(
    ("score", "is_attack", "expected"),
    [(1.0, 1, 1 / 1.1), (0.0, 1, -1 / 1.1), (1.0, 0, -1 / 1.1), (0.0, 0, 1 / 1.1), (0.5, 1, 0.0), (0.55, 1, 0.5)],
)
def test_the_reward_is_positive_on_the_right_side_of_a_half(score: float, is_attack: int, expected: float) -> None:
    assert reward(torch.tensor([score]), torch.tensor([is_attack])).item() == pytest.approx(expected)
