"""Lakes to look into, a disk that is too small, and a process that obeys file modes."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lake.append import append
from lake.schema import EPOCHS, RUNS
from tests.lake.rows import epoch_row, run_row

REPOSITORY = Path(__file__).resolve().parents[2]


def child(code: str, *arguments: str, **options: object) -> "subprocess.Popen[str]":
    """A Python process with our packages on its path."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,  # type: ignore[call-overload]
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a lake may be made."""
    return tmp_path / "lake"


@pytest.fixture
def small_lake(tmp_path: Path) -> Path:
    """Two runs, one of them with three epochs."""
    root = tmp_path / "lake"
    for run_id in ("run-a", "run-b"):
        append(root, RUNS, run_id, "001-running", [run_row()])
    for epoch in range(3):
        append(root, EPOCHS, "run-a", f"epoch-{epoch:05d}", [epoch_row(epoch=epoch)])
    return root


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 256 KiB, mounted for the test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system that fills up")
    with tempfile.TemporaryDirectory(prefix="kdgat-disk-") as place:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "none", place], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Nothing below `root` may be written for the time of the block."""
    below = [root, *root.rglob("*")]
    for path in below:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path in below:
            path.chmod(0o755 if path.is_dir() else 0o644)
