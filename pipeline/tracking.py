"""W&B beside the lake: wanted, never needed. Whatever it does, training goes on."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from pipeline.config import TrackingConfig
from pipeline.runs import RunFolder
from pipeline.settings import has_wandb_account

_LOG = logging.getLogger("kdgat.tracking")
_INIT_TIMEOUT_S = 30
_unreachable: list[str] = []  # why W&B's server could not be reached, once that is known


class PatientWandbLogger(WandbLogger):
    """Lightning's W&B logger, which after its first failure says so once and is silent from then on."""

    _broken = False

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._try("log_metrics", lambda: super(PatientWandbLogger, self).log_metrics(metrics, step))

    def log_hyperparams(self, params: Any) -> None:
        self._try("log_hyperparams", lambda: super(PatientWandbLogger, self).log_hyperparams(params))

    def finalize(self, status: str) -> None:
        self._try("finalize", lambda: super(PatientWandbLogger, self).finalize(status))

    def close(self, exit_code: int) -> None:
        """End the W&B run; without this, offline rows stay in memory."""
        run: Any = self._experiment
        if run is not None:
            self._try("finish", lambda: run.finish(exit_code=exit_code))

    def _try(self, what: str, action: Callable[[], Any]) -> None:
        if self._broken:
            return
        try:
            action()
        except Exception as error:
            # Any failure of a third party's service must leave the training alone; the lake has the rows.
            self._broken = True
            _LOG.warning("W&B %s failed (%s); it is left out of this run. The lake keeps every row.", what, error)


def wandb_logger(config: TrackingConfig, folder: RunFolder, facts: dict[str, Any]) -> PatientWandbLogger | None:
    """The logger of a run, or None where tracking is off or W&B cannot start."""
    if config.wandb == "off":
        return None
    offline = config.wandb == "offline" or (config.wandb == "auto" and not has_wandb_account())
    if not offline and not _unreachable:
        try:
            return _start(config, folder, facts, folder.run_id, offline=False)
        except Exception as error:  # as above
            _unreachable.append(str(error))  # the next run of this process need not wait for it again
            _LOG.warning("W&B cannot be reached (%s); runs are kept offline, wandb sync sends them later.", error)
    # W&B holds the id of a run that could not be started for a while, so one kept offline instead has its own
    run_id = folder.run_id if offline else f"{folder.run_id}-offline"
    try:
        return _start(config, folder, facts, run_id, offline=True)
    except Exception as error:  # as above
        _LOG.warning("W&B cannot start (%s); the run goes on without it.", error)
        return None


def _start(
    config: TrackingConfig, folder: RunFolder, facts: dict[str, Any], run_id: str, offline: bool
) -> PatientWandbLogger:
    import wandb

    Path(folder.wandb).mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(
        mode="offline" if offline else "online", init_timeout=_INIT_TIMEOUT_S, silent=True, console="off",
        x_disable_stats=True, disable_git=True,
    )  # fmt: skip
    logger = PatientWandbLogger(
        project=config.project, name=folder.run_id, id=run_id, dir=str(folder.wandb), save_dir=str(folder.wandb),
        offline=offline, config=facts, resume=None if offline else "allow", settings=settings,
    )  # fmt: skip
    logger.experiment  # noqa: B018 -- starts W&B now, so that a failure is met here and not in an epoch
    return logger
