"""A NaN ends the run with its cause: which run, epoch, step, term, windows and learning rate, and what to do next."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lake.read import query
from models.build import build_model
from pipeline.batches import Batches
from pipeline.config import TrainConfig, VgaeLossConfig
from pipeline.context import Monitor
from pipeline.errors import StageError
from pipeline.finite import FiniteGuard, Step
from pipeline.fit import fit
from pipeline.learners import GatLearner, VgaeLearner
from pipeline.lessons import Lesson
from tests.models.graphs import GAT, INPUTS, VGAE, batch_of
from tests.pipeline.test_fit import context

CONFIG = TrainConfig(epochs=4, batch_size=1, device="cpu")
STEP = Step(3, 41, 0.002, {"feature": torch.tensor(0.25), "identity": torch.tensor(float("nan"))}, torch.arange(20))


def test_the_error_says_where_and_what_next() -> None:
    with pytest.raises(StageError) as error:
        FiniteGuard("a-run").note(STEP, "loss", torch.tensor(float("nan")))
    assert str(error.value).startswith(
        "a-run: the loss became nan in epoch 3, step 41, learning rate 0.002; feature 0.25, identity nan; "
        "graphs 0, 1, 2, 3, 4, 5, 6, 7 … of the prepared set. Lower train.learning_rate"
    )


def test_on_an_accelerator_the_first_bad_step_is_found_at_the_look() -> None:
    guard = FiniteGuard(every=10)
    for number in range(7):
        guard.note(Step(0, number, 0.1, {}), "loss", torch.tensor(float("inf") if number in (4, 6) else 1.0))
    with pytest.raises(StageError, match=r"the loss became inf in epoch 0, step 4,"):
        guard.look()
    guard.look()  # what was told is told once


def test_on_an_accelerator_a_look_comes_by_itself() -> None:
    guard = FiniteGuard(every=3)
    for number in range(5):
        guard.note(Step(0, number, 0.1, {}), "loss", torch.tensor(float("nan") if number == 1 else 1.0))
    with pytest.raises(StageError, match="step 1,"):
        guard.note(Step(0, 5, 0.1, {}), "loss", torch.tensor(1.0))


def lesson_of(at: Tensor, bad: int | None = None) -> Lesson:
    batch = batch_of([(6, 20)], seed=int(at))
    if bad is not None and int(at) == bad:
        batch = batch._replace(edge_attr=torch.full_like(batch.edge_attr, float("nan")))
    return Lesson(batch, at)


@pytest.mark.parametrize("kind", ["vgae", "gat"])
def test_a_window_that_is_no_number_is_named(kind: str, tmp_path: Path) -> None:
    """It comes through clipping as NaN, which no maximum and no comparison stops."""
    torch.manual_seed(0)
    network: Any = build_model(kind, VGAE if kind == "vgae" else GAT, INPUTS)
    learner = (
        VgaeLearner(network, VgaeLossConfig(), CONFIG, 0)
        if kind == "vgae"
        else GatLearner(network, torch.ones(2), CONFIG, 0)
    )
    train = Batches(lambda at: lesson_of(at, bad=17), np.arange(10, 20), 1, shuffle_seed=0)
    validation = Batches(lesson_of, np.arange(30, 33), 1)
    with pytest.raises(StageError, match=r"the loss became nan in epoch 0.*graphs 17 of the prepared set"):
        fit(learner, train, validation, CONFIG, Monitor("validation/loss", "min"), context(tmp_path))
    assert not (tmp_path / "runs" / "a-run" / "resume" / "last.ckpt").exists()


def test_a_gradient_that_is_no_number_is_named_though_the_loss_is_one(tmp_path: Path) -> None:
    """The square root of zero: a loss of 0 whose gradient is 0 / 0."""

    class Steep(GatLearner):
        def training_step(self, lesson: Lesson, number: int) -> Tensor:
            loss = super().training_step(lesson, number)
            network: Any = self.network
            zero = (network.classify.weight * 0).sum()
            return loss + zero.sqrt() if self.current_epoch == 1 else loss

    torch.manual_seed(0)
    network: Any = build_model("gat", GAT, INPUTS)
    learner = Steep(network, torch.ones(2), CONFIG, 0)
    train, validation = (Batches(lesson_of, np.arange(first, first + 5), 1) for first in (0, 30))
    with pytest.raises(StageError, match=r"the gradient norm became nan in epoch 1, step 5, .*graphs 0 of"):
        fit(learner, train, validation, CONFIG, Monitor("validation/loss", "min"), context(tmp_path))
    rows = query(tmp_path / "lake", "SELECT max(epoch) AS last FROM epochs").to_pylist()
    assert rows == [{"last": 0}], "the complete epoch is kept"
