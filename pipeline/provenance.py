"""What made a number besides its config: commit, uncommitted changes, locks, package versions, device."""

import hashlib
import json
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lake.files import sha256_of
from lake.settings import REPOSITORY
from pipeline.settings import container_digest, slurm_job

_PACKAGES = ("torch", "lightning", "numpy", "polars", "pyarrow", "duckdb", "scikit-learn")


@cache
def code_provenance(repository: Path = REPOSITORY) -> dict[str, Any]:
    """The provenance columns of `runs`; null where there is nothing to know, as outside a git checkout."""
    job_id, cluster = slurm_job()
    patch = _git(repository, "diff", "HEAD", "--binary")
    lock = repository / "requirements.lock"
    return {
        "code_commit": (_git(repository, "rev-parse", "HEAD") or "").strip() or None,
        "code_patch_digest": hashlib.sha256(patch.encode()).hexdigest() if patch else None,
        "lock_digest": sha256_of(lock) if lock.exists() else None,
        "container_digest": container_digest(),
        "versions_json": json.dumps(_versions(), sort_keys=True),
        "slurm_job_id": job_id,
        "slurm_cluster": cluster,
    }


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # a login node may have a part of the packages only
    return found


def _git(repository: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True, text=True, timeout=30, errors="replace", check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
