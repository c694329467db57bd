"""A private Slurm for the time of a block, and jobs in it."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("cluster.sh")
_NEEDED = ("sbatch", "slurmctld", "slurmdbd", "munged", "mariadbd")


@dataclass(frozen=True)
class Slurm:
    """A running Slurm; `environment` makes its commands talk to it."""

    folder: Path
    environment: Mapping[str, str]

    def command(self, *words: str) -> str:
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def submit(self, script: str, *options: str) -> str:
        """The id of a job that runs these lines of shell."""
        output = f"--output={self.folder}/jobs-%A-%a.out"
        return self.command("sbatch", "--parsable", "--account=kdgat", output, *options, "--wrap", script)

    def state(self, job_id: str) -> str:
        """The state of the job's latest record, as `sacct` has it."""
        records = self.command("sacct", "-n", "-P", "-X", "-j", job_id, "-o", "State").splitlines()
        return records[-1].split()[0] if records else ""

    def wait(self, job_id: str, *states: str) -> None:
        wait_for(lambda: self.state(job_id) in states, f"job {job_id} in {' or '.join(states)}")


def missing() -> str | None:
    """Why no private Slurm can be started here, or None where one can."""
    if absent := [name for name in _NEEDED if shutil.which(name) is None]:
        return f"{', '.join(absent)} not on PATH: no Slurm to start (packages: {SCRIPT.name})"
    return None if os.geteuid() == 0 else "only root can start a Slurm of its own"


@contextmanager
def private_slurm(folder: Path, port: int = 27300, memory: str = "") -> Iterator[Slurm]:
    """Args: memory: "poll" has memory limits watched by polling."""
    options = {"KDGAT_SLURM_PORT": str(port), "KDGAT_SLURM_MEMORY": memory}
    try:
        _script("up", folder, options)
        own = {"SLURM_CONF": str(folder / "etc" / "slurm.conf"), "KDGAT_SLURM_ACCOUNT": "kdgat"}
        yield Slurm(folder, {**os.environ, **own})
    finally:
        _script("down", folder, options)


def wait_for(is_so: Callable[[], bool], what: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.3)


def _script(verb: str, folder: Path, options: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cluster.log").open("a") as log:  # a pipe would be held open by the daemons
        done = subprocess.run(
            [str(SCRIPT), verb, str(folder)], env={**os.environ, **options}, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, timeout=180, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (folder / "cluster.log").read_text()
