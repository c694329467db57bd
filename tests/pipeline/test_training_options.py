"""Options of `[train]`, `[vgae_loss]` and `[distillation]`: off they do nothing, at work they change the loss."""

from typing import Any

import numpy as np
import pytest
import torch

from models.build import build_model
from pipeline.config import DistillationConfig, VgaeLossConfig
from pipeline.learner import cosine
from pipeline.learners import GatLearner, VgaeLearner, mined_weights
from tests.models.graphs import GAT, INPUTS, VGAE
from tests.pipeline.test_learners import STEP, steps


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        ("vgae", "id_dropout"), ("vgae", "mask_share"), ("gat", "id_dropout"), ("gat", "focal_gamma"),
        ("gat", "mining"), ("gat", "embedding_weight"),
    ],
)  # fmt: skip
def test_an_option_changes_what_is_learnt_and_its_default_does_not(kind: str, option: str) -> None:
    """Each option at 0 is the plain loss; at work it gives another."""

    def losses(value: float) -> list[float]:
        train, loss, distillation = STEP, VgaeLossConfig(), DistillationConfig()
        if option == "id_dropout":
            train = STEP.model_copy(update={option: value})
        elif option == "mask_share":
            loss = VgaeLossConfig(mask_share=value)
        elif option == "embedding_weight":
            distillation = DistillationConfig(embedding_weight=value)
        else:
            train = STEP.model_copy(update={"imbalance": STEP.imbalance.model_copy(update={option: value})})
        torch.manual_seed(0)
        shape = VGAE if kind == "vgae" else GAT
        teacher, network = build_model(kind, shape, INPUTS), build_model(kind, shape, INPUTS)
        taught: Any = (teacher, distillation)
        if kind == "vgae":
            return steps(VgaeLearner(network, loss, train, 0, *taught))  # type: ignore[arg-type]
        learner = GatLearner(network, torch.ones(2), train, 0, *taught, n_graphs=4)  # type: ignore[arg-type]
        if train.imbalance.mining:
            learner._mined = mined_weights(torch.tensor([0.1, 0.0, 2.0, 0.4]), value)
        return steps(learner)

    plain, again, at_work = losses(0.0), losses(0.0), losses(0.9)
    assert plain == again
    assert plain != at_work
    assert np.isfinite(at_work).all()


def test_mined_weights_follow_the_last_loss_and_keep_the_mean() -> None:
    seen = torch.tensor([0.0, 0.1, 0.1, 0.4, 100.0])
    weights = mined_weights(seen, 0.5)
    assert weights[1:].mean().item() == pytest.approx(1)
    assert weights[0] == 1, "a window not seen yet"
    assert weights[1] == weights[2] < weights[3] < weights[4]
    assert torch.equal(mined_weights(torch.zeros(3), 0.5), torch.ones(3)), "the first epoch"
    assert torch.equal(mined_weights(seen, 0.0), torch.ones(5))


def test_a_cosine_falls_from_one_to_a_hundredth() -> None:
    values = [cosine(share / 10) for share in range(13)]
    assert values[0] == pytest.approx(1)
    assert values[5] == pytest.approx(0.505)
    assert values[10:] == pytest.approx([0.01] * 3)
    assert values[:11] == sorted(values[:11], reverse=True)
