"""The catalogue: what each dataset is, whose it is, and where its captures lie."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from models.config import Config
from pipeline.config_file import CONFIGS
from pipeline.errors import ConfigError
from pipeline.names import find_named
from pipeline.settings import Settings

Usage = Literal["train", "test"]


class VehiclePattern(Config):
    """Captures whose path fits `pattern` were recorded on `vehicle`."""

    pattern: str
    vehicle: str


class AttackPattern(Config):
    """Captures whose path fits `pattern` hold this attack, or are 'benign'."""

    pattern: str
    attack: str


class ReaderPattern(Config):
    """Captures whose path fits `pattern` are in another format than the rest."""

    pattern: str
    reader: str


class Stretch(Config):
    """Of the files that fit `pattern` the seconds since their first frame, `from_s` included and `to_s` not."""

    pattern: str
    usage: Usage
    from_s: float = 0
    to_s: float | None = None


class Source(Config):
    """Where a dataset can be fetched from: a repository's record, files below an address, or by asking.

    Attributes:
        kind: `zenodo` and `figshare` list the record's files with checksums, `files` are named here.
        sha256: digest of a file by its path, where it is known.
        steps: what a person does where no command may.
    """

    kind: Literal["zenodo", "figshare", "files", "ask"]
    record: str = ""
    address: str = ""
    files: tuple[str, ...] = ()
    sha256: Mapping[str, str] = {}
    steps: str = ""


class Dataset(Config):
    """A row of the catalogue: a dataset, or a collection of `members`, whose other facts are theirs."""

    title: str
    root: str = ""
    reader: str = ""
    readers: tuple[ReaderPattern, ...] = ()
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    licence: str = ""
    citation: str = ""
    address: str = ""
    vehicles: tuple[VehiclePattern, ...] = ()
    attacks: tuple[AttackPattern, ...] = ()
    bundled: bool = False
    source: Source | None = None
    members: tuple[str, ...] = ()
    optional: bool = False

    @model_validator(mode="after")
    def _is_dataset_or_collection(self) -> "Dataset":
        own = {"root": self.root, "reader": self.reader, "licence": self.licence, "citation": self.citation}
        missing = [name for name, value in own.items() if not value]
        if not self.members and missing:
            raise ValueError(f"a dataset needs {', '.join(missing)}; a collection needs members")
        if self.members and len(missing) < len(own):
            raise ValueError("a collection has no root, reader, licence or citation of its own")
        return self

    def folder(self, settings: Settings) -> Path:
        """Where its captures are looked for."""
        return (settings.bundled if self.bundled else settings.data) / self.root


def load_catalogue(path: Path = CONFIGS / "datasets.toml") -> Mapping[str, Dataset]:
    """Raises ConfigError where the catalogue itself is wrong."""
    try:
        found = {name: Dataset.model_validate(row) for name, row in tomllib.loads(path.read_text()).items()}
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{path} is not a catalogue of datasets: {error}") from error
    for name, row in found.items():
        strange = [member for member in row.members if member not in found or found[member].members]
        if strange:
            raise ConfigError(f"{path}: collection {name} names {', '.join(strange)}, which is no dataset of it.")
    return found


def find_dataset(name: str) -> Dataset:
    """Raises ConfigError, with the nearest name, for one that the catalogue lacks."""
    return find_named("dataset", name, load_catalogue(), "pipeline/configs/datasets.toml")


def is_bundled(name: str) -> bool:
    """Whether all of it lies in the checkout."""
    row = find_dataset(name)
    return all(is_bundled(member) for member in row.members) if row.members else row.bundled


def describe_dataset(name: str) -> dict[str, Any]:
    """All that the catalogue says of a dataset and of its members: what a run over it depends on."""
    row = find_dataset(name)
    facts = row.model_dump(mode="json", exclude_defaults=True, exclude={"source"})
    return facts | ({"rows": {member: describe_dataset(member) for member in row.members}} if row.members else {})
