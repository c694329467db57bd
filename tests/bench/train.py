"""Training the GAT student: graphs a second, memory, time to a validation loss; beside PyG and Lightning as documented.

Each side trains in a process of its own, in alternation, on the same windows in batches of the same size: ours by
`pipeline.fit`, with all that it writes, theirs by `plain_loop`, which writes nothing.
"""

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lake.journal import Journal
from models.build import Inputs, build_model
from pipeline.batches import Batches, GraphTensors
from pipeline.config import DistillationConfig, GatPair, TrackingConfig, TrainConfig
from pipeline.context import Monitor, StageContext
from pipeline.device import choose_device
from pipeline.device_graphs import graph_source
from pipeline.imbalance import class_weights
from tests.bench.sample import sample_graphs

REPOSITORY = Path(__file__).resolve().parents[2]
_EPOCHS, _TURNS = 4, 2
_QUIET = 10  # percentile
_REAL_EPOCHS = 20  # of `train.epochs`, over which the teacher's one answer is shared out
_BLOCK, _VALIDATION = 50, 40  # of each block of windows, those from the 40th on validate
_CONFIG = TrainConfig(epochs=_EPOCHS, patience=_EPOCHS)
_DISTILLATION = DistillationConfig()
SIDES = ("ours", "plain")


class Timed:
    """Mixed into a Lightning module: seconds and processor seconds a step, and each epoch's validation loss."""

    def begin(self) -> None:
        self.steps_s: list[float] = []
        self.steps_cpu_s: list[float] = []
        self.losses: list[float] = []
        self._ended: tuple[float, float] | None = None

    def seen(self) -> dict[str, list[float]]:
        return {"steps_s": self.steps_s, "steps_cpu_s": self.steps_cpu_s, "losses": self.losses}

    def on_train_batch_end(self, *_: Any) -> None:
        now = time.perf_counter(), time.process_time()
        if self._ended is not None:
            self.steps_s.append(now[0] - self._ended[0])
            self.steps_cpu_s.append(now[1] - self._ended[1])
        self._ended = now

    def on_train_epoch_end(self) -> None:
        if hasattr(super(), "on_train_epoch_end"):
            super().on_train_epoch_end()  # type: ignore[misc]
        self._ended = None  # validation is no step
        self.losses.append(float(self.trainer.callback_metrics["validation/loss"]))  # type: ignore[attr-defined]


def split(n_graphs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices that train and that validate."""
    is_validation = np.arange(n_graphs) % _BLOCK >= _VALIDATION
    return np.flatnonzero(~is_validation), np.flatnonzero(is_validation)


def train_ours(with_teacher: bool) -> dict[str, Any]:
    from pipeline.fit import fit
    from pipeline.learners import GatLearner
    from pipeline.lessons import Taught, lessons
    from pipeline.runs import RunFolder

    class Ours(Timed, GatLearner):
        pass

    graphs, vocabulary = sample_graphs()
    train, validation = split(len(graphs))
    inputs = Inputs(len(vocabulary), graphs.x.shape[1], graphs.edge_attr.shape[1])
    torch.manual_seed(0)
    network, teacher = (build_model("gat", shape, inputs) for shape in (GatPair().student, GatPair().teacher))
    source = graph_source(GraphTensors(graphs), choose_device("auto").kind)
    benign = source.batch(torch.from_numpy(train[~graphs.is_attack[train]]))
    for one in (network, teacher):
        one.input.node_scale.fit(benign.x)  # type: ignore[union-attr, operator]
        one.input.edge_scale.fit(benign.edge_attr)  # type: ignore[union-attr, operator]
    weight = class_weights(graphs.is_attack[train])
    taking = (teacher, _DISTILLATION) if with_teacher else (None, None)
    learner = Ours(network, weight, _CONFIG, 0, *taking)  # type: ignore[arg-type]
    learner.begin()
    begun_s = time.perf_counter()
    taught = Taught(teacher, source, train) if with_teacher else None  # type: ignore[arg-type]
    asked_s = time.perf_counter() - begun_s
    with tempfile.TemporaryDirectory() as folder:
        context = StageContext(
            journal=Journal(Path(folder) / "lake", "bench"), folder=RunFolder(Path(folder) / "runs", "bench"),
            inputs={}, seed=0, say=lambda line: None, tracking=TrackingConfig(wandb="off"), facts={},
        )  # fmt: skip
        fit(
            learner, Batches(lessons(source, taught), train, _CONFIG.batch_size, 0),
            Batches(lessons(source), validation, _CONFIG.batch_size), _CONFIG,
            Monitor("validation/loss", "min"), context,
        )  # fmt: skip
    return {**learner.seen(), "asked_s": asked_s, "graphs": len(train)}


def train_plain(with_teacher: bool) -> dict[str, Any]:
    import lightning.pytorch as pl
    from torch_geometric.loader import DataLoader

    from tests.bench.collate import data_list
    from tests.bench.plain_loop import PlainLearner, PygGat

    class Plain(Timed, PlainLearner):
        pass

    graphs, vocabulary = sample_graphs()
    train, validation = split(len(graphs))
    inputs = (len(vocabulary), graphs.x.shape[1], graphs.edge_attr.shape[1])
    torch.manual_seed(0)
    network, teacher = (PygGat(shape, *inputs) for shape in (GatPair().student, GatPair().teacher))
    benign = GraphTensors(graphs).batch(torch.from_numpy(train[~graphs.is_attack[train]]))
    for one in (network, teacher):
        one.node_scale.fit(benign.x)
        one.edge_scale.fit(benign.edge_attr)
    objects = data_list(graphs)
    taking = (teacher, _DISTILLATION.alpha, _DISTILLATION.temperature) if with_teacher else ()
    weight = class_weights(graphs.is_attack[train])
    learner = Plain(network, weight, _CONFIG.learning_rate, _CONFIG.weight_decay, *taking)
    trainer = pl.Trainer(
        max_epochs=_EPOCHS, accelerator="auto", devices=1, gradient_clip_val=_CONFIG.gradient_clip, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    learner.begin()
    trainer.fit(
        learner,
        DataLoader([objects[g] for g in train], batch_size=_CONFIG.batch_size, shuffle=True),
        DataLoader([objects[g] for g in validation], batch_size=_CONFIG.batch_size),
    )
    return {**learner.seen(), "asked_s": 0.0, "graphs": len(train)}


def main() -> dict[str, Any]:
    """Both sides without and with a teacher, several turns each."""
    figures: dict[str, Any] = {"batch_size": _CONFIG.batch_size, "device": choose_device("auto").name}
    for name, with_teacher in (("student", False), ("distilled_student", True)):
        turns: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for _ in range(_TURNS):
            for side in SIDES:
                turns[side].append(_in_a_process(side, with_teacher))
        figures[name] = compare(turns)
    ratios = [figures[name]["ratio"] for name in ("student", "distilled_student")]
    return {**figures, "ratio": min(ratios), "bar": {"ratio": 5 if torch.cuda.is_available() else 1.3}}


def compare(turns: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Speeds over a training of `_REAL_EPOCHS` epochs, asking the teacher included; and the time until each side
    has the validation loss that the worse of the two reaches.

    A step's time is the tenth percentile of all steps of all turns, so that what else the machine does is hardly
    measured; `ratio_cpu` is of processor seconds, which it touches less still.
    """
    n_graphs = turns["ours"][0]["graphs"]
    n_steps = -(-n_graphs // _CONFIG.batch_size)
    goal = max(min(turns[side][0]["losses"]) for side in SIDES)
    epoch_s, asked_s, goal_s, cpu_s = {}, {}, {}, {}
    for side in SIDES:
        step_s = np.percentile(np.concatenate([turn["steps_s"] for turn in turns[side]]), _QUIET)
        cpu_s[side] = np.percentile(np.concatenate([turn["steps_cpu_s"] for turn in turns[side]]), _QUIET)
        asked_s[side] = min(turn["asked_s"] for turn in turns[side])
        epoch_s[side] = n_steps * step_s + asked_s[side] / _REAL_EPOCHS
        epochs = next(epoch for epoch, loss in enumerate(turns[side][0]["losses"], 1) if loss <= goal)
        goal_s[side] = epochs * n_steps * step_s + asked_s[side]
    return {
        "graphs": n_graphs,
        "graphs_per_s": round(n_graphs / epoch_s["ours"]),
        "graphs_per_s_plain": round(n_graphs / epoch_s["plain"]),
        "ratio": round(epoch_s["plain"] / epoch_s["ours"], 2),
        "ratio_cpu": round(cpu_s["plain"] / cpu_s["ours"], 2),
        "asking_the_teacher_s": round(asked_s["ours"], 2),
        "validation_loss": round(goal, 4),
        "seconds_to_it": round(goal_s["ours"], 1),
        "seconds_to_it_plain": round(goal_s["plain"], 1),
        **{
            f"{what}{'' if side == 'ours' else '_plain'}": turns[side][-1][what]
            for what in ("peak_memory_mib", "gpu_busy") for side in SIDES
        },
    }  # fmt: skip


def _in_a_process(side: str, with_teacher: bool) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.train", side, str(int(with_teacher))]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the {side} side of the bench failed:\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


class _GpuBusy(threading.Thread):
    """The share of the time in which the GPU computed, as its driver has it; None where there is none."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[float] = []
        self._ended = threading.Event()

    def run(self) -> None:
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while torch.cuda.is_available() and not self._ended.wait(0.2):
            said = subprocess.run(command, capture_output=True, text=True)
            self.seen += [float(line) / 100 for line in said.stdout.split()]

    def stop(self) -> float | None:
        self._ended.set()
        self.join()
        return round(float(np.median(self.seen)), 2) if self.seen else None


def _one(side: str, with_teacher: bool) -> None:
    warnings.simplefilter("ignore")
    busy = _GpuBusy()
    busy.start()
    figures = (train_ours if side == "ours" else train_plain)(with_teacher)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    print(json.dumps({**figures, "gpu_busy": busy.stop(), "peak_memory_mib": round(peak / 2**20)}))


if __name__ == "__main__":
    _one(sys.argv[1], sys.argv[2] == "1")
