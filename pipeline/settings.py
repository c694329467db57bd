"""The machine: where things lie, who pays for cluster time. The only reader of environment variables."""

import os
from dataclasses import dataclass
from pathlib import Path

from lake.settings import REPOSITORY, lake_root


@dataclass(frozen=True)
class Settings:
    """Paths and accounts of this machine; nothing here may change a number."""

    lake: Path
    runs: Path
    data: Path
    bundled: Path = REPOSITORY / "data"
    slurm_account: str | None = None
    slurm_partition: str | None = None
    container: Path | None = None


def load_settings() -> Settings:
    """`KDGAT_LAKE`, `KDGAT_RUNS`, `KDGAT_DATA`, `KDGAT_SLURM_ACCOUNT`, `KDGAT_SLURM_PARTITION`, `KDGAT_CONTAINER`."""
    home = REPOSITORY / "data"
    container = os.environ.get("KDGAT_CONTAINER")
    return Settings(
        lake=lake_root(),
        runs=_path("KDGAT_RUNS", home / "runs"),
        data=_path("KDGAT_DATA", home),
        slurm_account=os.environ.get("KDGAT_SLURM_ACCOUNT") or None,
        slurm_partition=os.environ.get("KDGAT_SLURM_PARTITION") or None,
        container=Path(container) if container else None,
    )


def share_processors() -> None:
    """Make idle threads of torch sleep instead of spin; call it before torch is imported.

    On a shared machine spinning threads take the processor from the very ones they wait for: a training
    step on two busy cores took twice as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def has_wandb_account() -> bool:
    """Whether W&B would find a key without asking anybody."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        netrc = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
        return b"api.wandb.ai" in netrc.read_bytes()
    except (OSError, RuntimeError):  # no such file, or no home
        return False


def slurm_job() -> tuple[str | None, str | None]:
    """Job id and cluster of the Slurm job we run in, if any."""
    return os.environ.get("SLURM_JOB_ID"), os.environ.get("SLURM_CLUSTER_NAME")


def container_digest() -> str | None:
    """Digest of the container image, as the batch script passes it on."""
    return os.environ.get("KDGAT_CONTAINER_DIGEST") or None


def _path(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).expanduser()
