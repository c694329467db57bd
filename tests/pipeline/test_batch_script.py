import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lake.files import sha256_of
from pipeline.batch_script import CONTAINER_CHECKOUT, Batch, batch_script
from pipeline.clusters import Cluster
from pipeline.errors import ConfigError
from pipeline.stages import STAGES, find_stage
from tests.golden.compare import assert_golden

LOCAL = Batch(
    experiment="sample",
    seeds=(42, 43, 44),
    config=Path("/scratch/me/runs/submissions/sample-0123456789/experiment.toml"),
    checkout=Path("/projects/kd-gat"),
    environment={"KDGAT_LAKE": "/scratch/me/lake", "KDGAT_RUNS": "/scratch/me/runs"},
    binds=(Path("/scratch/me/lake"), Path("/scratch/me/runs")),
    cluster=Cluster(title="a cluster"),
)
CONTAINED = replace(
    LOCAL,
    container=Path("/projects/kd-gat.sif"),
    account="PAS0000",
    cluster=Cluster(title="one with small nodes", cpu_partition="serial", gpu_partition="gpus", gpu="v100",
                    memory_gb=40, cpus=4, hours=3),
)  # fmt: skip


@pytest.mark.parametrize("stage", ["prepare", "vgae_student", "evaluate"])
@pytest.mark.parametrize(("where", "batch"), [("checkout", LOCAL), ("container", CONTAINED)])
def test_scripts_are_the_recorded_ones(where: str, batch: Batch, stage: str) -> None:
    dependency = {"vgae_student": "afterok:1,aftercorr:2"}.get(stage, "")
    assert_golden(f"slurm/{where}-{stage}.sbatch", batch_script(batch, find_stage(stage), dependency))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
@pytest.mark.parametrize("batch", [LOCAL, CONTAINED], ids=["checkout", "container"])
def test_every_script_is_bash(batch: Batch, stage, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text(batch_script(batch, stage, "afterok:1"))
    subprocess.run(["bash", "-n", path], check=True)
    if shutil.which("shellcheck"):
        checked = subprocess.run(["shellcheck", "-s", "bash", path], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


def test_a_cluster_without_gpus_is_asked_for_none() -> None:
    script = batch_script(replace(CONTAINED, cluster=Cluster(title="", has_gpus=False)), find_stage("gat_teacher"), "")
    assert "gres" not in script
    assert "--nv" not in script


@pytest.mark.parametrize(
    "name", ["a\nb", "a,b", "a:b", 'a"b', "a'b", "a%j", "a\\b"], ids=["line", "comma", "colon", "2", "1", "%", "\\"]
)
def test_a_path_that_would_change_the_script_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot stand in a batch script"):
        batch_script(replace(LOCAL, config=Path("/scratch") / name / "experiment.toml"), find_stage("prepare"), "")


@pytest.mark.parametrize("name", ["a b", "a\n#SBATCH --wrap=x", "", "$(x)", "-x"])
def test_an_account_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="KDGAT_SLURM_ACCOUNT"):
        batch_script(replace(LOCAL, account=name or " "), find_stage("prepare"), "")


class Node:
    """A compute node's view of one job: real bash, with stand-ins for the programs of the cluster.

    `./run` of the checkout does what `stage` says; scontrol writes down that it was called, and so does the sleep
    in which a script waits for its end.
    """

    def __init__(self, folder: Path, stage: str) -> None:
        self.folder, self.calls = folder, folder / "calls"
        self.checkout, self.programs = folder / "check out", folder / "programs"
        for place in (self.checkout, self.programs):
            place.mkdir(parents=True)
        self._program(self.checkout / "run", f'printf "run"; printf " [%s]" "$@"; echo\n{stage}')
        self._program(self.programs / "scontrol", 'echo "scontrol $*"')
        self._program(self.programs / "sleep", '[ "$1" = 120 ] || exec /bin/sleep "$@"; echo "sleep $*"')
        # as the real one: options, the image, then the command, whose words are what matters here
        self._program(self.programs / "apptainer", 'printf "apptainer"; printf " [%s]" "$@"; echo')

    def _program(self, path: Path, body: str) -> None:
        path.write_text(f"#!/bin/bash\nexec >>'{self.calls}'\n{body}\n")
        path.chmod(0o755)

    def start(self, batch: Batch, **variables: str) -> subprocess.Popen[str]:
        script = self.folder / "script"
        script.write_text(batch_script(replace(batch, checkout=self.checkout), find_stage("vgae_teacher"), ""))
        environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", **variables,
        }  # fmt: skip
        return subprocess.Popen(["bash", script], env=environment, stderr=subprocess.PIPE, text=True)

    def run(self, batch: Batch, **variables: str) -> tuple[int, list[str]]:
        process = self.start(batch, **variables)
        process.communicate(timeout=60)
        return process.returncode, self.calls.read_text().splitlines()


TRAINED = f"run [train] [{LOCAL.config}] [--stage] [vgae_teacher] [--set] [seeds=[43]]"


def test_an_array_task_trains_its_own_seed(tmp_path: Path) -> None:
    assert Node(tmp_path, "true").run(LOCAL) == (0, [TRAINED])


def test_a_failed_stage_is_requeued_twice_and_then_fails(tmp_path: Path) -> None:
    node = Node(tmp_path, "exit 3")
    assert node.run(LOCAL)[1] == [TRAINED, "scontrol requeue 7", "sleep 120"]
    assert node.run(LOCAL, SLURM_RESTART_COUNT="1")[1][3:] == [TRAINED, "scontrol requeue 7", "sleep 120"]
    status, calls = node.run(LOCAL, SLURM_RESTART_COUNT="2")
    assert (status, calls[6:]) == (3, [TRAINED])


def test_a_stage_at_its_time_limit_ends_cleanly_and_is_requeued(tmp_path: Path) -> None:
    # a wrapper that passes no signal on stands between the script and the training, as some launchers do
    training = 'trap "/bin/sleep 0.5; echo recorded; exit 130" TERM; touch started; while :; do /bin/sleep 0.05; done'
    node = Node(tmp_path, f"bash -c '{training}' & wait $!; wait $!")
    process = node.start(LOCAL, SLURM_RESTART_COUNT="5")
    while not (node.checkout / "started").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    calls = node.calls.read_text().splitlines()
    assert "recorded" in calls
    assert calls[-2:] == ["scontrol requeue 7", "sleep 120"]


def test_a_stage_that_ends_well_after_the_signal_is_not_requeued(tmp_path: Path) -> None:
    node = Node(tmp_path, 'trap "exit 0" TERM; touch started; while :; do /bin/sleep 0.05; done')
    process = node.start(LOCAL)
    while not (node.checkout / "started").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert node.calls.read_text().splitlines() == [TRAINED]


def test_the_container_is_given_the_jobs_variables_and_folders_only(tmp_path: Path) -> None:
    image = tmp_path / "kd gat.sif"
    image.write_bytes(b"an image")
    node = Node(tmp_path, "true")
    status, (call,) = node.run(replace(CONTAINED, container=image), CUDA_VISIBLE_DEVICES="0,1", SECRET="mine")
    assert status == 0
    assert call.startswith(f"apptainer [exec] [--nv] [--cleanenv] [--pwd] [{CONTAINER_CHECKOUT}]")
    assert f"[--bind] [{node.checkout}:{CONTAINER_CHECKOUT}] [--bind] [/scratch/me/lake]" in call
    assert "[--env] [CUDA_VISIBLE_DEVICES=0,1]" in call
    assert "[--env] [SLURM_JOB_ID=7]" in call
    assert "[--env] [KDGAT_LAKE=/scratch/me/lake]" in call
    assert f"[--env] [KDGAT_CONTAINER_DIGEST={sha256_of(image)}]" in call
    assert "SECRET" not in call
    assert call.endswith(f"[{image}] [pixi] [run] [--as-is] [--environment] [gpu] " + TRAINED.removeprefix("run "))


def test_a_gpu_stage_outside_a_container_asks_pixi_for_the_gpu_environment(tmp_path: Path) -> None:
    node = Node(tmp_path, "true")
    (node.programs / "pixi").symlink_to("/bin/true")
    assert node.run(LOCAL)[1] == ["run [-e] [gpu]" + TRAINED.removeprefix("run")]
