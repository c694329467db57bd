"""A disk that fills up while a run's files are written."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from lake.errors import LakeError
from lake.files import whole_file
from pipeline.config_file import load_config
from pipeline.execute import run_stages
from pipeline.settings import Settings
from tests.pipeline.conftest import Place

SIZE = 2 * 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB, mounted for the test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system that fills up")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def leave_free(disk: Path, size_bytes: int) -> Path:
    """Fills the disk but for `size_bytes`."""
    filler = disk / "filler"
    filler.write_bytes(b"")
    state = os.statvfs(disk)
    filler.write_bytes(bytes(state.f_bavail * state.f_frsize - size_bytes))
    return filler


def write_numpy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(2**20), allow_pickle=False)


WRITERS: dict[str, Callable[[Path], object]] = {
    "bytes": lambda path: path.write_bytes(os.urandom(2**23)),
    "numpy": write_numpy,
    "torch": lambda path: torch.save({"a": torch.ones(2**21)}, path),
    "safetensors": lambda path: save_file({"a": torch.ones(2**21)}, path),
    "polars": lambda path: pl.DataFrame({"a": np.random.default_rng(0).random(2**20)}).write_parquet(path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_each_librarys_failure_is_known_as_a_full_disk(writer: str, small_disk: Path) -> None:
    target = small_disk / "target"
    target.write_bytes(b"before")
    full = pytest.raises(LakeError, match=r"target was not written: the disk or your quota is full.* free some space")
    with full, whole_file(target) as staged:
        WRITERS[writer](staged)
    assert [path.name for path in small_disk.iterdir()] == ["target"]
    assert target.read_bytes() == b"before"


def test_another_failure_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="of its own"), whole_file(tmp_path / "target"):
        raise RuntimeError("of its own")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("stage", "free"), [("prepare", 200_000), ("prepare", 0), ("gat_teacher", 20_000)])
def test_a_stage_fails_with_the_reason_and_the_next_train_completes_it(
    stage: str, free: int, place: Place, small_disk: Path
) -> None:
    """Runs lie on the small disk, the lake elsewhere, so that the failure itself can be kept."""
    settings = Settings(lake=place.settings.lake, runs=small_disk / "runs", data=place.data)
    config = load_config(str(place.experiment))

    def train(name: str) -> None:
        run_stages(config, settings, lambda line: None, name)

    if stage != "prepare":
        train("prepare")
    (small_disk / "runs").mkdir(exist_ok=True)
    filler = leave_free(small_disk, free)
    with pytest.raises(LakeError, match=r"was not written: the disk or your quota is full"):
        train(stage)
    status = place.rows(f"SELECT status, reason FROM run_events WHERE stage = '{stage}' AND status <> 'running'")
    assert [row["status"] for row in status] == ["failed"]
    assert all("disk or your quota is full" in row["reason"] for row in status)
    filler.unlink()
    train(stage)
    assert place.rows(f"SELECT status FROM runs WHERE stage = '{stage}'") == [{"status": "complete"}]
    assert [path for path in small_disk.rglob("*.tmp") if path.is_file()] == []
