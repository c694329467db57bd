"""The catalogue of clusters: what a batch job may ask for on each."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, ValidationError

from models.config import Config
from pipeline.config_file import CONFIGS
from pipeline.errors import ConfigError
from pipeline.names import find_named

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:+-]*$")]


class Cluster(Config):
    """A row of the catalogue.

    Attributes:
        cpu_partition, gpu_partition: where a stage without and with a GPU goes; None leaves it to Slurm.
        gpu: kind of GPU as `--gres` names it; None takes any.
        has_gpus: False runs every stage on processors.
        memory_gb, cpus, hours: the most a job can be given; a stage that wants more asks for this.
        environment: pixi's environment with a GPU build of torch, which the container holds.
    """

    title: str
    cpu_partition: Word | None = None
    gpu_partition: Word | None = None
    gpu: Word | None = None
    has_gpus: bool = True
    memory_gb: PositiveInt | None = None
    cpus: PositiveInt | None = None
    hours: PositiveInt | None = None
    environment: Word = "gpu"


def load_clusters(path: Path = CONFIGS / "clusters.toml") -> Mapping[str, Cluster]:
    """Raises ConfigError where the catalogue itself is wrong."""
    try:
        return {name: Cluster.model_validate(row) for name, row in tomllib.loads(path.read_text()).items()}
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{path} is not a catalogue of clusters: {error}") from error


def find_cluster(name: str) -> Cluster:
    """Raises ConfigError, with the nearest name, for one that the catalogue lacks."""
    return find_named("cluster", name, load_clusters(), "pipeline/configs/clusters.toml")
