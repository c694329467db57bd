"""How long a training waits for one log call of 5 scalars, and what it may lose; beside trackers that people use.

W&B (offline), Trackio and MLflow (SQLite) are measured where KDGAT_PEERS names a Python that has them. Bare writes of
as many bytes, with and without a flush, are measured in the same run: they tell what this machine's disk adds.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lake.journal import Durable, Journal

REPOSITORY = Path(__file__).resolve().parents[2]
CALLS, WARM = 5_000, 100
_PACED, _PACE_S = 500, 0.01  # calls, seconds between them, as of a quick training
_PEER_CALLS = 500
_PEERS = """
import json, os, sys, time
name, folder, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": folder, "TRACKIO_DIR": folder}
out, sys.stdout = sys.stdout, sys.stderr
if name == "wandb":
    import wandb
    run = wandb.init(project="bench", dir=folder)
    log = lambda step, values: run.log(values, step=step)
elif name == "trackio":
    import trackio
    trackio.init(project="bench")
    log = lambda step, values: trackio.log(values)
else:
    import mlflow
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    mlflow.start_run()
    log = lambda step, values: mlflow.log_metrics(values, step=step)
taken = []
for step in range(calls):
    values = {f"metric_{n}": step / 7 + n for n in range(5)}
    begun = time.perf_counter()
    log(step, values)
    taken.append(time.perf_counter() - begun)
out.write(json.dumps({"version": sys.modules[name].__version__, "taken": taken}))
out.flush()
os._exit(0)  # what it does at its end is its own time
"""


def main() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        figures: dict[str, Any] = {"calls": CALLS}
        for durable in ("process", "disk"):
            figures[durable] = _ours(place, durable, CALLS, 0)
            figures[f"{durable}_paced"] = _ours(place, durable, _PACED, _PACE_S)
        figures["bare_write_paced"] = _figures(_bare(place, _PACED, lambda descriptor: None, _PACE_S))
        figures["bare_write"] = _figures(_bare(place, CALLS, lambda descriptor: None))
        figures["bare_write_and_flush"] = _figures(_bare(place, CALLS, os.fdatasync))
        for peer in ("wandb", "trackio", "mlflow"):
            if found := _peer(peer, place):
                figures[peer] = found
                figures[f"ratio_{peer}"] = round(found["p50_us"] / figures["process"]["p50_us"], 1)
    return {**figures, "bar": {"process_p99_us": 60, "disk_p99_us": 250}}


def _ours(place: Path, durable: Durable, calls: int, pace_s: float) -> dict[str, float]:
    """At a pace also how many calls were not on the disk yet when the next one came, at most."""
    journal = Journal(place / "lake", f"bench-{durable}-{calls}", durable=durable)

    behind = 0

    def log(step: int) -> None:
        nonlocal behind
        behind = max(behind, journal.unflushed if pace_s else 0)
        journal.log_epoch(step, "train", {f"metric_{n}": step / 7 + n for n in range(5)})

    taken = _timed(log, calls, pace_s)
    journal.close()
    return {**_figures(taken), **({"calls_behind": behind} if pace_s else {})}


def _bare(place: Path, calls: int, flush: Callable[[int], None], pace_s: float = 0) -> list[float]:
    """Writes of as many bytes as a row of ours has."""
    descriptor = os.open(place / "bare", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def write(step: int) -> None:
        os.pwrite(descriptor, bytes(150), 150 * step)
        flush(descriptor)

    taken = _timed(write, calls, pace_s)
    os.close(descriptor)
    return taken


def _timed(call: Callable[[int], None], calls: int, pace_s: float) -> list[float]:
    taken = []
    for step in range(WARM + calls):
        begun = time.perf_counter()
        call(step)
        taken.append(time.perf_counter() - begun)
        if pace_s:
            time.sleep(pace_s)
    return taken[WARM:]


def _peer(name: str, place: Path) -> dict[str, Any] | None:
    python = os.environ.get("KDGAT_PEERS")
    if not python:
        print(f"bench log_call: KDGAT_PEERS names no Python, so {name} was not measured", file=sys.stderr)
        return None
    folder = place / name
    folder.mkdir()
    done = subprocess.run(
        [python, "-c", _PEERS, name, str(folder), str(WARM + _PEER_CALLS)], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        print(f"bench log_call: {name} was not measured:\n{done.stderr[-500:]}", file=sys.stderr)
        return None
    found = json.loads(done.stdout)
    return {"version": found["version"], "calls": _PEER_CALLS, **_figures(found["taken"][WARM:])}


def _figures(taken: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(taken, (50, 99)) * 1e6
    return {"p50_us": round(float(p50), 1), "p99_us": round(float(p99), 1)}
