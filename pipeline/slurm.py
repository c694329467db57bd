"""The same stages as Slurm jobs: one batch script a stage, each waiting for the stages it needs."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lake.files import write_whole
from lake.settings import REPOSITORY
from pipeline.batch_script import Batch, batch_script
from pipeline.clusters import Cluster
from pipeline.config import RunConfig
from pipeline.config_file import expand, load_config
from pipeline.data_catalogue import is_bundled
from pipeline.datasets import list_captures
from pipeline.errors import ConfigError, KdGatError
from pipeline.runs import digest_of
from pipeline.settings import Settings
from pipeline.stages import STAGES, Stage, find_stage
from pipeline.toml import to_toml


class SubmitError(KdGatError):
    """Slurm did not take the jobs; those it had taken already were cancelled."""


@dataclass(frozen=True)
class Job:
    """A stage and the script that runs it; `job_id` is Slurm's, or the stage's name in brackets in a dry run."""

    stage: Stage
    job_id: str
    path: Path
    script: str


def dry_run(config: RunConfig, settings: Settings, cluster: Cluster) -> list[Job]:
    """The scripts that `submit` would hand over, with placeholders for job ids; nothing is written."""
    return _jobs(config, _batch(config, settings, cluster), lambda stage, _, __: f"<{stage.name}>")


def submit(config: RunConfig, settings: Settings, cluster: Cluster) -> list[Job]:
    """Freeze the config and submit every stage.

    Raises:
        SubmitError: there is no sbatch here, or Slurm refuses a job.
        ConfigError: the dataset is not here, or a name cannot stand in a batch script.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise SubmitError(
            "sbatch is not on PATH, so there is no Slurm to submit to. Run this on a login node of the cluster, "
            "or look at the scripts: ./run submit CONFIG --dry-run"
        )
    batch = _batch(config, settings, cluster)
    folder = batch.config.parent
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    settings.lake.mkdir(parents=True, exist_ok=True)  # a container can bind only what exists
    freeze(config, batch.config)
    submitted: list[str] = []

    def hand_over(_: Stage, path: Path, script: str) -> str:
        write_whole(path, script.encode())
        submitted.append(_sbatch(sbatch, path, submitted))
        return submitted[-1]

    return _jobs(config, batch, hand_over)


def freeze(config: RunConfig, path: Path) -> None:
    """Write the whole config as an experiment of its own, so that later edits reach no queued job."""
    write_whole(path, to_toml(config.model_dump(mode="json")).encode())
    if load_config(str(path)) != config:
        raise ConfigError(f"{path} does not read back as the config that was submitted; please report its text.")


def dependency(stage: Stage, config: RunConfig, job_ids: Mapping[str, str]) -> str:
    """`--dependency` of a stage: element by element between arrays, else the whole of what it needs in any variant."""
    needed: dict[str, list[str]] = {"afterok": [], "aftercorr": []}
    asked = [name for varied in expand(config).values() for name in stage.asks(varied)]
    for name in dict.fromkeys([*stage.needs, *asked]):
        both_arrays = stage.has_seed and find_stage(name).has_seed
        needed["aftercorr" if both_arrays else "afterok"].append(job_ids[name])
    return ",".join(":".join([kind, *ids]) for kind, ids in needed.items() if ids)


def _jobs(config: RunConfig, batch: Batch, hand_over: Callable[[Stage, Path, str], str]) -> list[Job]:
    jobs: dict[str, Job] = {}
    for stage in STAGES:
        waits_for = dependency(stage, config, {name: job.job_id for name, job in jobs.items()})
        script = batch_script(batch, stage, waits_for)
        path = batch.config.with_name(f"{stage.name}.sbatch")
        jobs[stage.name] = Job(stage, hand_over(stage, path, script), path, script)
    return list(jobs.values())


def _batch(config: RunConfig, settings: Settings, cluster: Cluster) -> Batch:
    list_captures(config.dataset, settings)  # a missing dataset should fail here, not in the queue
    lake, runs, data = (path.resolve() for path in (settings.lake, settings.runs, settings.data))
    digest = digest_of(config.model_dump(mode="json"))
    return Batch(
        experiment=config.name,
        seeds=config.seeds,
        config=runs / "submissions" / f"{config.name}-{digest[:10]}" / "experiment.toml",
        checkout=REPOSITORY,
        environment={
            "AWS_EC2_METADATA_DISABLED": "true",  # W&B would ask a cloud's address, which a node cannot reach
            "KDGAT_DATA": str(data),
            "KDGAT_LAKE": str(lake),
            "KDGAT_RUNS": str(runs),
            "PYTHONUNBUFFERED": "1",
        },
        binds=(lake, runs) if is_bundled(config.dataset) else (lake, runs, data),
        cluster=cluster,
        account=settings.slurm_account,
        partition=settings.slurm_partition,
        container=settings.container.resolve() if settings.container else None,
    )


def _sbatch(sbatch: str, path: Path, submitted: list[str]) -> str:
    """Slurm's id of the job.

    Raises:
        SubmitError: with Slurm's own words.
    """
    done = subprocess.run([sbatch, "--parsable", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        if submitted:
            subprocess.run(["scancel", *submitted], capture_output=True, check=False)
        taken = f"The jobs before it ({', '.join(submitted)}) were cancelled" if submitted else "Nothing was submitted"
        raise SubmitError(
            f"sbatch refuses {path}: {done.stderr.strip() or f'status {done.returncode}'}\n{taken}. Account and "
            "partition come from KDGAT_SLURM_ACCOUNT and KDGAT_SLURM_PARTITION, limits from clusters.toml."
        )
    return done.stdout.strip().split(";")[0]  # "id;cluster" where there are several clusters
