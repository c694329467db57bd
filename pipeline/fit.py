"""One training: Lightning's loop, resumed where a killed one stopped; the best epoch's weights are what counts."""

import logging
import signal
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from lake.errors import LakeError
from lake.files import whole_file
from pipeline.batches import Batches
from pipeline.config import TrainConfig
from pipeline.context import Monitor, StageContext
from pipeline.device import choose_device, choose_precision
from pipeline.epoch_log import EpochLog, EpochProgress
from pipeline.finite import FiniteGuard
from pipeline.learner import Learner
from pipeline.memory import keep_freed_memory
from pipeline.tracking import wandb_logger

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
_PRECISIONS: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
_LOOK_EVERY = 64  # steps on a GPU between two looks at its losses, each of which waits for it


@dataclass(frozen=True)
class Fit:
    """The best epoch of a training, and its network's weights."""

    weights: dict[str, Tensor]
    best_epoch: int
    best_value: float


def fit(
    learner: Learner, train: Batches[Any], validation: Batches[Any], config: TrainConfig, monitor: Monitor,
    context: StageContext, resumable: bool = True,
) -> Fit:  # fmt: skip
    """Train `learner` and give the weights of its best epoch by `monitor`.

    Raises:
        StageError: the loss or a gradient became NaN, or the device asked for does not work.
        LakeError: the disk was still full at the end.
    """
    device = choose_device(config.device)
    if device.warning:
        context.say(device.warning)
    keep_freed_memory()
    pl.seed_everything(context.seed, verbose=False)
    learner.precision = choose_precision(config.precision, device)
    learner.guard = FiniteGuard(context.folder.run_id, every=1 if device.kind == "cpu" else _LOOK_EVERY)
    best = ModelCheckpoint(
        context.folder.resume, "best", monitor=monitor.metric, mode=monitor.mode, enable_version_counter=False
    )
    last = ModelCheckpoint(context.folder.resume, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    logger = wandb_logger(context.tracking, context.folder, context.facts)
    checkpoints = _WholeCheckpoints(context.say)
    trainer = pl.Trainer(
        max_epochs=config.epochs,
        accelerator=device.kind,
        devices=1,
        precision=_PRECISIONS[learner.precision],
        # sums in parallel take another order each time; on a GPU this asks for those that do not, or an error
        deterministic=device.kind == "cuda",
        logger=logger or False,
        callbacks=[
            EpochProgress(),
            EpochLog(context.journal, context.say),
            EarlyStopping(monitor.metric, mode=monitor.mode, patience=config.patience),
            best,
            last,
        ],
        gradient_clip_val=config.gradient_clip,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=context.folder.path,
        # one process a run, also inside a Slurm job, whose variables Lightning would read as a world of its own
        plugins=[LightningEnvironment(), checkpoints],
    )
    resume_from = context.folder.resume / "last.ckpt" if resumable else None
    goes_on = resume_from is not None and resume_from.exists()
    context.say("goes on after its last complete epoch" if goes_on else f"{len(train)} batches an epoch")
    ok = False
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with warnings.catch_warnings():
            # our batches are no torch DataLoader; its advice on workers does not apply
            warnings.filterwarnings("ignore", module="lightning")
            trainer.fit(
                learner, train, validation,
                ckpt_path=resume_from if goes_on else None, weights_only=False,
            )  # fmt: skip
        ok = trainer.interrupted is False
    except SystemExit as stop:  # what Lightning makes of Ctrl-C, after which it leaves SIGINT ignored
        signal.signal(signal.SIGINT, on_interrupt)
        asked = stop.__context__  # the interruption that Lightning caught; it says which signal it was
        raise KeyboardInterrupt(*(asked.args if isinstance(asked, KeyboardInterrupt) else ())) from stop
    finally:
        if logger:
            logger.close(0 if ok else 1)
    if not ok:
        raise KeyboardInterrupt
    checkpoints.insist()
    return _best(best, monitor)


def _best(best: ModelCheckpoint, monitor: Monitor) -> Fit:
    if not best.best_model_path:
        raise RuntimeError(f"{monitor.metric} was never computed, so no epoch can be called best")
    kept = torch.load(best.best_model_path, map_location="cpu", weights_only=False)
    prefix = "network."
    weights = {name.removeprefix(prefix): w for name, w in kept["state_dict"].items() if name.startswith(prefix)}
    return Fit(weights, int(kept["epoch"]), float(best.best_model_score))  # type: ignore[arg-type]


class _WholeCheckpoints(TorchCheckpointIO):
    """Lightning's checkpoints, which a kill may not cut in half and a full disk may not stop.

    What cannot be written now waits in memory for the next epoch; the end of the training insists.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        self._waiting: dict[Path, dict[str, Any]] = {}

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        was_waiting = bool(self._waiting)
        self._waiting[Path(path)] = checkpoint
        try:
            self.insist()
        except LakeError as error:
            if not was_waiting:
                self._say(f"{error} Training goes on; its checkpoints wait in memory.")
            self._waiting[Path(path)] = deepcopy(checkpoint)  # the next step changes the network's own tensors

    def insist(self) -> None:
        """Write what waits.

        Raises:
            LakeError: it still cannot be written.
        """
        for path in list(self._waiting):
            with whole_file(path) as staged:
                torch.save(self._waiting[path], staged)
            del self._waiting[path]
