import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lake.read import query
from pipeline.clusters import Cluster, find_cluster, load_clusters
from pipeline.config import RunConfig
from pipeline.config_file import CONFIGS, load_config
from pipeline.errors import ConfigError
from pipeline.settings import Settings
from pipeline.slurm import SubmitError, dependency, dry_run, freeze, submit
from pipeline.stages import STAGES
from pipeline.toml import to_toml
from tests.pipeline.conftest import Place
from tests.release.recordings import write_recordings

CLUSTER = Cluster(title="a cluster")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(lake=tmp_path / "lake", runs=tmp_path / "runs", data=tmp_path)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, sbatch: str) -> Path:
    """Programs of a cluster that write down how they were called, in place of those that may be installed."""
    calls = folder / "calls"
    for name, body in (("sbatch", sbatch), ("scancel", "true")):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{calls}"\n{body}\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return calls


@pytest.mark.parametrize("path", sorted((CONFIGS / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_a_frozen_experiment_reads_back_as_it_was(path: Path, tmp_path: Path) -> None:
    config = load_config(
        str(path), ["seeds=[1,2]", "train.learning_rate=1e-9", 'description="ä\\n\\"quoted\\" \\u007f"']
    )
    freeze(config, tmp_path / "experiment.toml")
    assert load_config(str(tmp_path / "experiment.toml")) == config


def test_what_has_no_form_in_toml_is_refused() -> None:
    with pytest.raises(TypeError, match="no form"):
        to_toml({"when": object()})


def test_stages_wait_for_what_they_need_seed_by_seed() -> None:
    ids = {stage.name: stage.name.upper() for stage in STAGES}
    config = load_config("sample", ["train.curriculum.enabled=true"])
    found = {stage.name: dependency(stage, config, ids) for stage in STAGES}
    assert found["prepare"] == ""
    assert found["vgae_teacher"] == "afterok:PREPARE"
    assert found["gat_teacher"] == "afterok:PREPARE,aftercorr:VGAE_TEACHER", "a curriculum asks what is hard"
    assert found["gat_student"] == "afterok:PREPARE,aftercorr:GAT_TEACHER:VGAE_TEACHER"
    assert found["fusion"] == "afterok:PREPARE,aftercorr:VGAE_STUDENT:GAT_STUDENT"


def test_a_dry_run_writes_nothing_and_names_stages_for_job_ids(settings: Settings) -> None:
    jobs = dry_run(load_config("sample"), settings, CLUSTER)
    assert [job.stage for job in jobs] == list(STAGES)
    assert "#SBATCH --dependency=afterok:<prepare>,aftercorr:<gat_teacher>" in jobs[4].script
    assert not settings.runs.exists()
    assert not settings.lake.exists()


def test_jobs_run_the_very_command_of_a_terminal(settings: Settings) -> None:
    jobs = dry_run(load_config("sample"), settings, CLUSTER)
    frozen = jobs[0].path.with_name("experiment.toml")
    assert f"command=(./run train {frozen} --stage prepare)" in jobs[0].script


def test_an_unknown_cluster_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pitzer'"):
        find_cluster("pitser")


def test_a_wrong_catalogue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clusters.toml"
    path.write_text('[x]\ntitle = "x"\nparttion = "gpu"\n')
    with pytest.raises(ConfigError, match="is not a catalogue of clusters"):
        load_clusters(path)


def test_a_missing_dataset_fails_before_anything_is_submitted(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        dry_run(load_config("sample", ["dataset=set_01"]), settings, CLUSTER)


def test_without_sbatch_it_says_what_works_instead(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SubmitError, match="--dry-run"):
        submit(load_config("sample"), settings, CLUSTER)
    assert not settings.runs.exists()


def test_scripts_name_the_ids_that_slurm_gave(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = f'n=$(grep -c sbatch "{tmp_path}/calls"); echo "$((n + 100));a_cluster"'
    calls = stand_in(tmp_path, monkeypatch, count)
    jobs = submit(load_config("sample"), settings, CLUSTER)
    assert [job.job_id for job in jobs] == [str(101 + i) for i in range(len(STAGES))]
    assert "--dependency=afterok:101,aftercorr:102\n" in jobs[3].path.read_text()
    assert calls.read_text().splitlines()[3] == f"sbatch --parsable {jobs[3].path}"


def test_a_refused_job_cancels_those_before_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = 'case "$2" in *gat_teacher*) echo "Invalid account" >&2; exit 1;; esac; echo 5'
    calls = stand_in(tmp_path, monkeypatch, refuse)
    with pytest.raises(SubmitError, match=r"Invalid account\n.*\(5, 5\) were cancelled"):
        submit(load_config("sample"), settings, CLUSTER)
    assert calls.read_text().splitlines()[-1] == "scancel 5 5"


def test_a_later_edit_of_the_experiment_does_not_reach_the_jobs(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "echo 1")
    path = tmp_path / "mine.toml"
    path.write_text('dataset = "sample"\n[train]\nepochs = 3\n')
    jobs = submit(load_config(str(path)), settings, CLUSTER)
    path.write_text('dataset = "sample"\n[train]\nepochs = 9\n')
    assert str(path) not in jobs[1].script
    assert load_config(str(jobs[1].path.with_name("experiment.toml"))).train.epochs == 3


def test_the_command_prints_scripts_and_exits_well(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "submit", "sample", "--dry-run", "--set", "seeds=[1,2]"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("#!/bin/bash") == len(STAGES)
    checked = subprocess.run(["bash", "-n"], input=done.stdout, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.slurm
def test_a_real_slurm_takes_a_small_experiment_to_its_metrics(tmp_path: Path) -> None:
    if shutil.which("sbatch") is None:
        pytest.skip("sbatch is not on PATH: no Slurm here")
    cluster = Cluster(title="this one", has_gpus=False, memory_gb=2, cpus=1, hours=1)
    place = Place(tmp_path, write_recordings(tmp_path / "data"))
    config: RunConfig = place.config("seeds=[7,8]")
    settings = replace(place.settings, slurm_account=os.environ.get("KDGAT_SLURM_ACCOUNT"))
    last = submit(config, settings, cluster)[-1]
    deadline = time.monotonic() + 600
    while _is_queued(last.job_id) and time.monotonic() < deadline:
        time.sleep(2)
    sql = "SELECT seed, slurm_job_id FROM runs WHERE stage = 'evaluate' AND status = 'complete' ORDER BY seed"
    evaluated = query(settings.lake, sql).to_pylist()
    assert [row["seed"] for row in evaluated] == [7, 8]
    assert all(row["slurm_job_id"] for row in evaluated)


def _is_queued(job_id: str) -> bool:
    listed = subprocess.run(["squeue", "-h", "-j", job_id], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())
