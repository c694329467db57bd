"""The training loop: the best epoch is what is kept, each epoch has its own order, NaN ends a run."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lake.errors import LakeError
from lake.journal import Journal
from lake.read import query
from pipeline import fit as fitting
from pipeline.batches import Batches
from pipeline.config import TrackingConfig, TrainConfig
from pipeline.context import Monitor, StageContext
from pipeline.errors import StageError
from pipeline.fit import Fit, fit
from pipeline.learner import Learner
from pipeline.runs import RunFolder


class Scripted(Learner):
    """Its only weight is the epoch it stands after; its validation metric is what a list says."""

    def __init__(self, config: TrainConfig, values: list[float]) -> None:
        super().__init__(config, seed=3)
        self.network = nn.Linear(1, 1, bias=False)
        self.values = values
        self.seen: dict[int, list[int]] = {}

    def training_step(self, batch: Tensor, _: int) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).extend(batch.tolist())
        with torch.no_grad():
            self.network.weight.fill_(self.current_epoch)
        return self.finite(0.0 * self.network.weight.sum())

    def validation_step(self, batch: Tensor, _: int) -> None:
        self.report("validation", "quality", torch.tensor(self.values[self.current_epoch]), len(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def context(root: Path) -> StageContext:
    return StageContext(
        journal=Journal(root / "lake", "a-run"), folder=RunFolder(root / "runs", "a-run"), inputs={}, seed=3,
        say=lambda line: None, tracking=TrackingConfig(wandb="off"), facts={},
    )  # fmt: skip


CONTEXT = context


def run(root: Path, learner: Learner, mode: str, epochs: int, **options: Any) -> Fit:
    train = Batches(lambda at: at, np.arange(40), 8, shuffle_seed=3)
    validation = Batches(lambda at: at, np.arange(8), 8)
    config = TrainConfig(epochs=epochs, patience=options.pop("patience", 100), device="cpu")
    return fit(learner, train, validation, config, Monitor("validation/quality", mode), context(root), **options)


@pytest.mark.parametrize(
    ("mode", "values", "best"),
    [
        ("max", [0.2, 0.9, 0.5, 0.4], 1),
        ("min", [0.2, 0.9, 0.1, 0.4], 2),
        ("max", [0.9, 0.8, 0.7, 0.6], 0),
        ("min", [0.9, 0.8, 0.7, 0.6], 3),
        ("max", [0.5, 0.5, 0.5, 0.5], 0),
    ],
)
def test_a_learner_that_gets_worse_is_kept_as_it_was_at_its_best(
    tmp_path: Path, mode: str, values: list[float], best: int
) -> None:
    fitted = run(tmp_path, Scripted(TrainConfig(), values), mode, len(values))
    assert fitted.best_epoch == best
    assert fitted.weights["weight"].item() == best, "the weights of that epoch, not of the last"
    assert fitted.best_value == pytest.approx(values[best])
    rows = query(
        tmp_path / "lake", "SELECT epoch, value FROM epochs WHERE metric = 'quality' ORDER BY epoch"
    ).to_pylist()
    assert [row["value"] for row in rows] == pytest.approx(values)


def test_patience_ends_a_training_that_no_longer_improves(tmp_path: Path) -> None:
    learner = Scripted(TrainConfig(), [0.5, 0.9, *[0.1] * 20])
    fitted = run(tmp_path, learner, "max", 20, patience=3)
    assert (fitted.best_epoch, max(learner.seen)) == (1, 4)


def test_every_epoch_sees_all_in_an_order_of_its_own_that_a_second_training_repeats(tmp_path: Path) -> None:
    first, second = (Scripted(TrainConfig(), [0.0] * 4) for _ in range(2))
    run(tmp_path / "a", first, "max", 4)
    run(tmp_path / "b", second, "max", 4)
    assert first.seen == second.seen
    orders = [tuple(order) for order in first.seen.values()]
    assert len(set(orders)) == 4
    assert all(sorted(order) == list(range(40)) for order in orders)


def test_a_resumed_training_goes_on_with_the_epochs_and_orders_it_would_have_had(tmp_path: Path) -> None:
    whole = Scripted(TrainConfig(), [0.0, 0.9, 0.1, 0.2, 0.3])
    run(tmp_path / "a", whole, "max", 5)
    begun, resumed = (Scripted(TrainConfig(), whole.values) for _ in range(2))
    run(tmp_path / "b", begun, "max", 2)
    fitted = run(tmp_path / "b", resumed, "max", 5)
    assert {**begun.seen, **resumed.seen} == whole.seen
    assert min(resumed.seen) == 2
    assert (fitted.best_epoch, fitted.weights["weight"].item()) == (1, 1), "the best epoch lies before the stop"


def test_a_disk_that_is_full_for_some_epochs_stops_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best epoch falls into that time; its checkpoint waits in memory and is the one that counts."""
    learner, said = Scripted(TrainConfig(), [0.0, 0.9, 0.1, 0.2, 0.3]), []
    whole = fitting.whole_file

    def full_at_first(path: Path) -> Any:
        if learner.current_epoch in (1, 2):
            raise LakeError(f"{path} was not written: the disk or your quota is full.")
        return whole(path)

    monkeypatch.setattr(fitting, "whole_file", full_at_first)
    monkeypatch.setattr(sys.modules[__name__], "context", lambda root: replace(CONTEXT(root), say=said.append))
    fitted = run(tmp_path, learner, "max", 5)
    assert (fitted.best_epoch, fitted.weights["weight"].item()) == (1, 1)
    assert sum("Training goes on; its checkpoints wait in memory" in line for line in said) == 1
    assert query(tmp_path / "lake", "SELECT count(DISTINCT epoch) AS n FROM epochs").to_pylist() == [{"n": 5}]


def test_a_disk_that_is_full_to_the_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> Any:
        raise LakeError(f"{path} was not written: the disk or your quota is full.")

    monkeypatch.setattr(fitting, "whole_file", full)
    with pytest.raises(LakeError, match="the disk or your quota is full"):
        run(tmp_path, Scripted(TrainConfig(), [0.0, 0.9]), "max", 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, value: float) -> None:
    class Diverging(Scripted):
        def training_step(self, batch: Tensor, index: int) -> Tensor:
            loss = super().training_step(batch, index)
            return self.finite(loss + value) if self.current_epoch == 2 else loss

    with pytest.raises(StageError, match=r"a-run: the loss became (nan|inf) in epoch 2, step 10, learning rate"):
        run(tmp_path, Diverging(TrainConfig(), [0.0] * 5), "max", 5)
    rows = query(tmp_path / "lake", "SELECT max(epoch) AS last FROM epochs").to_pylist()
    assert rows == [{"last": 1}]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_monitor_that_is_no_number_ends_the_run_with_its_name(tmp_path: Path, value: float) -> None:
    with pytest.raises(Exception, match=r"(?i)quality|finite") as ended:
        run(tmp_path, Scripted(TrainConfig(), [0.5, value, 0.5]), "max", 3)
    assert type(ended.value).__name__ in ("StageError", "LakeError", "RuntimeError")


def test_a_monitor_that_is_never_computed_ends_the_run_with_its_name(tmp_path: Path) -> None:
    class Silent(Scripted):
        def validation_step(self, batch: Tensor, _: int) -> None:
            return None

    with pytest.raises((StageError, RuntimeError), match="validation/quality"):
        run(tmp_path, Silent(TrainConfig(), [0.0] * 2), "max", 2)
