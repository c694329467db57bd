"""The text of a batch script: pure, so that what a cluster will be asked can be read beforehand."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.clusters import Cluster
from pipeline.errors import ConfigError
from pipeline.stages import Stage

SIGNAL_SECONDS = 300  # before the time limit: enough for the epoch under way to be left and the run recorded
RETRIES = 2  # of a failed stage
REQUEUES = 10  # of a stage at its time limit, which goes on from its last epoch
CONTAINER_CHECKOUT = "/opt/kd-gat"  # where container/kd-gat.def wants the checkout
# What a job sees inside a container besides what the container sets itself.
PASSED = (
    "AWS_EC2_METADATA_DISABLED", "CUDA_VISIBLE_DEVICES", "KDGAT_CONTAINER_DIGEST", "KDGAT_DATA", "KDGAT_LAKE",
    "KDGAT_RUNS", "PYTHONUNBUFFERED", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME",
    "SLURM_JOB_ID", "SLURM_RESTART_COUNT", "WANDB_MODE",
)  # fmt: skip
_UNFIT = re.compile(r"[\x00-\x1f\x7f\"'\\,:%]")  # would end or change a #SBATCH line or an argument of --bind


@dataclass(frozen=True)
class Batch:
    """One experiment on one cluster: what all its scripts share. All paths are absolute.

    Attributes:
        config: the frozen experiment that the jobs read; scripts and logs lie beside it.
        container: image to run in; None runs in the checkout's own environment.
        binds: folders besides the checkout that a container must see.
    """

    experiment: str
    seeds: tuple[int, ...]
    config: Path
    checkout: Path
    environment: Mapping[str, str]
    binds: tuple[Path, ...]
    cluster: Cluster
    account: str | None = None
    partition: str | None = None
    container: Path | None = None


def batch_script(batch: Batch, stage: Stage, dependency: str) -> str:
    """The script of one stage: a job, or an array with a task a seed where the stage has seeds.

    Args:
        dependency: `--dependency` of sbatch, or nothing.

    Raises:
        ConfigError: a path or a name cannot stand in a batch script.
    """
    wants_gpu = stage.resources.gpus > 0 and batch.cluster.has_gpus
    lines = [
        "#!/bin/bash",
        f"# Stage {stage.name} of experiment {batch.experiment}, written by ./run submit.",
        *(f"#SBATCH {option}" for option in _options(batch, stage, dependency, wants_gpu)),
        "",
        "set -euo pipefail",
        f"cd {_quoted(batch.checkout)}",
        *(f"export {name}={shlex.quote(value)}" for name, value in sorted(batch.environment.items())),
        "",
        *_command(batch, stage, wants_gpu),
        "",
        _EXECUTION,
    ]
    return "\n".join(lines)


def _options(batch: Batch, stage: Stage, dependency: str, wants_gpu: bool) -> list[str]:
    """Options of sbatch, as they stand in the script."""
    cluster, wanted = batch.cluster, stage.resources
    partition = batch.partition or (cluster.gpu_partition if wants_gpu else cluster.cpu_partition)
    log = "%x-%A_%a.out" if stage.has_seed else "%x-%j.out"
    gpu = f"gpu:{cluster.gpu}:{wanted.gpus}" if cluster.gpu else f"gpu:{wanted.gpus}"
    return [
        f"--job-name=kdgat-{batch.experiment}-{stage.name}",
        *([f"--account={_word(batch.account)}"] if batch.account else []),
        *([f"--partition={_word(partition)}"] if partition else []),
        f"--time={min(wanted.hours, cluster.hours or wanted.hours)}:00:00",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={min(wanted.cpus, cluster.cpus or wanted.cpus)}",
        f"--mem={min(wanted.memory_gb, cluster.memory_gb or wanted.memory_gb)}G",
        *([f"--gres={gpu}"] if wants_gpu else []),
        *([f"--array=0-{len(batch.seeds) - 1}"] if stage.has_seed else []),
        *([f"--dependency={dependency}"] if dependency else []),
        "--kill-on-invalid-dep=yes",  # else what follows a failed stage waits for ever
        f"--signal=B:USR1@{SIGNAL_SECONDS}",
        "--requeue",
        "--open-mode=append",
        f'--output="{_plain(batch.config.parent / "logs")}/{log}"',
    ]


def _command(batch: Batch, stage: Stage, wants_gpu: bool) -> list[str]:
    """Lines that set `command` to what a person would type for this stage."""
    lines = []
    words = f"train {_quoted(batch.config)} --stage {stage.name}"
    if stage.has_seed:
        lines.append(f"seeds=({' '.join(map(str, batch.seeds))})")
        words += ' --set "seeds=[${seeds[SLURM_ARRAY_TASK_ID]}]"'
    if batch.container is None:
        if not wants_gpu:
            return [*lines, f"command=(./run {words})"]
        lines += [
            "environment=()",
            f"if command -v pixi >/dev/null; then environment=(-e {batch.cluster.environment}); fi",
        ]
        return [*lines, f'command=(./run "${{environment[@]}}" {words})']
    binds = [
        f"--bind {_quoted(batch.checkout)}:{CONTAINER_CHECKOUT}",
        *(f"--bind {_quoted(path)}" for path in batch.binds),
    ]
    return [
        *lines,
        f"container={_quoted(batch.container)}",
        'KDGAT_CONTAINER_DIGEST=$(sha256sum <"$container")',
        "export KDGAT_CONTAINER_DIGEST=${KDGAT_CONTAINER_DIGEST%% *}",
        "passed=()",
        f"for name in {' '.join(PASSED)}; do",
        '  if [ -n "${!name:-}" ]; then passed+=(--env "$name=${!name}"); fi',
        "done",
        "command=(",
        f"  apptainer exec {'--nv ' if wants_gpu else ''}--cleanenv --pwd {CONTAINER_CHECKOUT}",
        *(f"  {bind}" for bind in binds),
        '  "${passed[@]}" "$container"',
        f"  pixi run --as-is --environment {batch.cluster.environment} {words}",
        ")",
    ]


# The stage runs in a process group of its own, so that one signal reaches it through any wrapper.
_EXECUTION = f"""\
interrupted=no
setsid "${{command[@]}}" &
child=$!
trap 'interrupted=yes; kill -TERM -- "-$child" || true' USR1 # the time limit is near: end cleanly, then go on

await() {{
  status=0
  wait "$child" || status=$?
}}
await
if [ "$interrupted" = yes ]; then await; fi # the first one was ended by the signal
for _ in {{1..240}}; do # a launcher may be gone before the training that it started has recorded its end
  kill -0 -- "-$child" 2>/dev/null || break
  sleep 1
done

restarts=${{SLURM_RESTART_COUNT:-0}}
limit={RETRIES}
if [ "$interrupted" = yes ]; then limit={REQUEUES}; fi
if [ "$status" -ne 0 ] && [ "$restarts" -lt "$limit" ]; then
  echo "ended with status $status after $restarts restarts; requeued" >&2
  scontrol requeue "$SLURM_JOB_ID"
  sleep 120 # Slurm ends this script; reaching the next line first would count as the job's end
fi
exit "$status"
"""


def _quoted(path: Path) -> str:
    return shlex.quote(_plain(path))


def _plain(path: Path) -> str:
    if not path.is_absolute() or _UNFIT.search(str(path)):
        raise ConfigError(
            f"{str(path)!r} cannot stand in a batch script: it must be absolute and have no quote, backslash, comma, "
            "colon, per cent sign or control character. Move the folder, or set KDGAT_LAKE, KDGAT_RUNS, KDGAT_DATA or "
            "KDGAT_CONTAINER to another."
        )
    return str(path)


def _word(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.,+-]*", name):
        raise ConfigError(
            f"{name!r} is no name of a Slurm account or partition. Set KDGAT_SLURM_ACCOUNT and KDGAT_SLURM_PARTITION "
            "to names as `sacctmgr show associations` and `sinfo` list them."
        )
    return name
