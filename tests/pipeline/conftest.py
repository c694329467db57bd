"""A small experiment on stretches of the bundled recordings, and a place of its own to run it in."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lake.read import query
from pipeline.__main__ import main
from pipeline.config import RunConfig
from pipeline.config_file import load_config
from pipeline.execute import run_stages
from pipeline.plan import PlannedRun
from pipeline.settings import Settings
from tests.pipeline.captures import REPOSITORY, SAMPLE

# capture -> first row and rows; DoS-1 from before its attacks until among them
_STRETCHES = {
    "train_01_attack_free/accessory-1": (0, 6_000),
    "train_02_with_attacks/DoS-1": (18_000, 12_000),
    "test_01_known_vehicle_known_attack/DoS-3": (27_000, 6_000),
    "test_04_unknown_vehicle_unknown_attack/systematic-4": (105_000, 3_000),
}
_EXPERIMENT = """
dataset = "set_01"
is_demo = true
seeds = [7]
split = { block_windows = 5, validation_every = 3, embargo_windows = 1 }

[vgae]
teacher = { hidden = [8], heads = 1, latent = 6, id_width = 4 }
student = { hidden = [6], heads = 1, latent = 4, id_width = 2 }

[gat]
teacher = { hidden = 8, layers = 2, heads = 1, id_width = 4, readout = 8 }
student = { hidden = 4, layers = 1, heads = 1, id_width = 2, readout = 4 }

[train]
epochs = 2
batch_size = 32
device = "cpu"

[fusion]
epochs = 2
batch_size = 64
shape = { hidden = [8], steps = 4 }

[alarm]
calibrations_s = [0.5]  # the recordings last three seconds

[tracking]
wandb = "off"
"""


@dataclass(frozen=True)
class Place:
    """A lake, a folder of runs and the small dataset; experiments run there in this process or in another."""

    root: Path
    data: Path

    @property
    def settings(self) -> Settings:
        return Settings(lake=self.root / "lake", runs=self.root / "runs", data=self.data)

    @property
    def experiment(self) -> Path:
        path = self.root / "small.toml"
        if not path.exists():
            path.write_text(_EXPERIMENT)
        return path

    @property
    def env(self) -> dict[str, str]:
        settings = self.settings
        places = {"KDGAT_LAKE": settings.lake, "KDGAT_RUNS": settings.runs, "KDGAT_DATA": settings.data}
        return {**os.environ, **{name: str(path) for name, path in places.items()}}

    def config(self, *overrides: str) -> RunConfig:
        return load_config(str(self.experiment), overrides)

    def train(self, *overrides: str, stage: str | None = None) -> list[PlannedRun]:
        """`./run train` in this process."""
        return run_stages(self.config(*overrides), self.settings, lambda line: None, stage)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """`./run train` as a process of its own."""
        command = [sys.executable, "-m", "pipeline", "train", str(self.experiment), *arguments]
        return subprocess.Popen(
            command, cwd=REPOSITORY, env={**self.env, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def rows(self, sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = query(self.settings.lake, sql).to_pylist()
        return rows


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What KDGAT_DATA would name: `set_01` with four short captures, as plain CSV."""
    data = tmp_path_factory.mktemp("data")
    for name, (first, count) in _STRETCHES.items():
        header, *rows = gzip.decompress((SAMPLE / f"{name}.csv.gz").read_bytes()).splitlines(keepends=True)
        path = data / "can-train-and-test" / "set_01" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join([header, *rows[first : first + count]]))
    return data


@pytest.fixture
def place(tmp_path: Path, small_data: Path) -> Place:
    """A fresh place."""
    return Place(tmp_path, small_data)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Place:
    """A place in which the small experiment is complete; look, but do not touch."""
    place = Place(tmp_path_factory.mktemp("trained"), small_data)
    place.train()
    return place


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """`./run` with these words at a place, in this process: as a user types it, without starting Python anew."""

    def run(place: Place, *words: str | Path) -> int:
        for name, value in place.env.items():
            monkeypatch.setenv(name, value)
        return main([str(word) for word in words])

    handler = signal.getsignal(signal.SIGTERM)  # which a command sets
    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def run_ids(trained: Place) -> dict[str, str]:
    """The run of each stage of the complete experiment."""
    return {row["stage"]: row["run_id"] for row in trained.rows("SELECT stage, run_id FROM runs")}


def config_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The config a `runs` row was made with."""
    whole: dict[str, Any] = json.loads(row["config_json"])
    return whole
