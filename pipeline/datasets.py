"""The catalogue: which captures a dataset has, how they are read, whose they are."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from models.config import Config
from pipeline.config import CONFIGS, nearest
from pipeline.errors import ConfigError
from pipeline.settings import Settings

_BENIGN_NAMES = ("attack-free", "accessory")


class VehiclePattern(Config):
    """Captures whose path fits `pattern` were recorded on `vehicle`."""

    pattern: str
    vehicle: str


class Dataset(Config):
    """A row of the catalogue."""

    title: str
    root: str
    reader: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    licence: str
    citation: str
    address: str
    vehicles: tuple[VehiclePattern, ...]
    bundled: bool = False


@dataclass(frozen=True)
class CaptureFile:
    """A capture of a dataset: `name` is its path below the dataset's folder, without ending."""

    path: Path
    name: str
    usage: str
    vehicle: str
    attack: str


def load_catalogue(path: Path = CONFIGS / "datasets.toml") -> Mapping[str, Dataset]:
    """Raises ConfigError where the catalogue itself is wrong."""
    try:
        return {name: Dataset.model_validate(row) for name, row in tomllib.loads(path.read_text()).items()}
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{path} is not a catalogue of datasets: {error}") from error


def find_dataset(name: str) -> Dataset:
    """Raises ConfigError, with the nearest name, for one that the catalogue lacks."""
    catalogue = load_catalogue()
    if name not in catalogue:
        known = list(catalogue)
        raise ConfigError(
            f"no dataset is called {name!r}{nearest(name, known)} "
            f"Datasets: {', '.join(known)} (pipeline/configs/datasets.toml)."
        )
    return catalogue[name]


def list_captures(name: str, settings: Settings) -> list[CaptureFile]:
    """Every capture of the dataset, by name.

    Raises:
        ConfigError: unknown dataset, its folder is missing, or it has no training or no test capture.
    """
    dataset = find_dataset(name)
    root = (settings.bundled if dataset.bundled else settings.data) / dataset.root
    if not root.is_dir():
        raise ConfigError(
            f"dataset {name}: the folder {root} does not exist. Get the data ({dataset.address}; "
            f"{dataset.licence}) and set KDGAT_DATA to the folder that holds {dataset.root}/."
        )
    captures = []
    for usage, patterns in (("train", dataset.train), ("test", dataset.test)):
        paths = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
        if not paths:
            raise ConfigError(f"dataset {name}: no {usage} capture in {root} fits {', '.join(patterns)}.")
        captures += [_capture_file(dataset, root, path, usage) for path in paths]
    return sorted(captures, key=lambda capture: (capture.usage, capture.name))


def _capture_file(dataset: Dataset, root: Path, path: Path, usage: str) -> CaptureFile:
    relative = PurePosixPath(path.relative_to(root).as_posix())
    name = str(relative.with_name(relative.name.split(".")[0]))
    fitting = [row.vehicle for row in dataset.vehicles if fnmatch(name, row.pattern)]
    return CaptureFile(path, name, usage, fitting[0] if fitting else "unknown", attack_of(name))


def attack_of(capture: str) -> str:
    """The attack a capture's name announces: its file name without the closing vehicle number."""
    stem = PurePosixPath(capture).name.rsplit("-", 1)[0]
    return "benign" if stem in _BENIGN_NAMES else stem
