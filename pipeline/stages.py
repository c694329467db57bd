"""The whole pipeline as one table, and its execution: what is missing, in order, a run at a time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config import RunConfig, nearest
from pipeline.context import StageContext
from pipeline.data_catalogue import describe_dataset
from pipeline.datasets import list_captures
from pipeline.errors import ConfigError, StageError
from pipeline.prepare import file_digests
from pipeline.provenance import code_provenance
from pipeline.runs import Outcome, RunFolder, claim, digest_of, recorded, run_id_of, run_statuses
from pipeline.settings import Settings


@dataclass(frozen=True)
class Resources:
    """What a batch job of the stage asks for."""

    hours: int
    memory_gb: int
    cpus: int = 4
    gpus: int = 0


@dataclass(frozen=True)
class Stage:
    """A row of the pipeline.

    Attributes:
        run: does the work; imports what is heavy itself, so that listing stages stays quick.
        needs: stages whose runs it reads.
        sections: the parts of the config that it reads; they and the needed runs make its run id.
        model, role: the network it trains, if it trains one.
        has_seed: whether it draws random numbers, and so runs once a seed.
    """

    name: str
    run: Callable[[RunConfig, Settings, StageContext, Outcome], None]
    needs: tuple[str, ...]
    sections: tuple[str, ...]
    resources: Resources
    model: str | None = None
    role: str | None = None
    has_seed: bool = True


def _prepare(config: RunConfig, settings: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.prepare import prepare

    files = list_captures(config.dataset, settings)
    prepare(context, outcome, files, config.window, config.split, config.habit)


def _vgae_teacher(config: RunConfig, _: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.train import train_vgae

    train_vgae(context, outcome, config.vgae.teacher, config.vgae_loss, config.train, config.alarm)


def _gat_teacher(config: RunConfig, _: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.train import train_gat

    train_gat(context, outcome, config.gat.teacher, config.train)


def _vgae_student(config: RunConfig, _: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.train import train_vgae

    distillation = config.distillation if config.distillation.enabled else None
    loss, alarm = config.vgae_loss, config.alarm
    train_vgae(context, outcome, config.vgae.student, loss, config.train, alarm, distillation)


def _gat_student(config: RunConfig, _: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.train import train_gat

    distillation = config.distillation if config.distillation.enabled else None
    train_gat(context, outcome, config.gat.student, config.train, distillation)


def _fusion(config: RunConfig, _: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.train_fusion import train_fusion

    train_fusion(context, outcome, config.fusion, config.train, config.alarm)


def _evaluate(config: RunConfig, settings: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.evaluate import evaluate

    evaluate(context, outcome, list_captures(config.dataset, settings), config.alarm)


_GPU = Resources(hours=6, memory_gb=48, cpus=8, gpus=1)
_VGAE = ("vgae_loss", "train", "alarm")
STAGES: tuple[Stage, ...] = (
    Stage("prepare", _prepare, (), ("window", "split", "habit"), Resources(hours=2, memory_gb=64), has_seed=False),
    Stage("vgae_teacher", _vgae_teacher, ("prepare",), ("vgae.teacher", *_VGAE), _GPU, "vgae", "teacher"),
    Stage("gat_teacher", _gat_teacher, ("prepare",), ("gat.teacher", "train"), _GPU, "gat", "teacher"),
    Stage(
        "vgae_student", _vgae_student, ("prepare", "vgae_teacher"), ("vgae.student", "distillation", *_VGAE),
        _GPU, "vgae", "student",
    ),
    Stage(
        "gat_student", _gat_student, ("prepare", "gat_teacher"), ("gat.student", "distillation", "train"),
        _GPU, "gat", "student",
    ),
    Stage(
        "fusion", _fusion, ("prepare", "vgae_student", "gat_student"), ("fusion", "train", "alarm"),
        Resources(hours=1, memory_gb=32, cpus=8, gpus=1), "fusion", "student",
    ),
    Stage(
        "evaluate", _evaluate,
        ("prepare", "vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion"), ("alarm",),
        Resources(hours=1, memory_gb=32, cpus=8, gpus=1),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class PlannedRun:
    """One run of an experiment: its stage and seed, its id, and the runs it needs."""

    stage: Stage
    seed: int
    run_id: str
    inputs: Mapping[str, str]


def find_stage(name: str) -> Stage:
    """Raises ConfigError, with the nearest name, where no such stage exists."""
    by_name = {stage.name: stage for stage in STAGES}
    if name not in by_name:
        known = list(by_name)
        raise ConfigError(f"no stage is called {name!r}{nearest(name, known)} Stages: {', '.join(known)}.")
    return by_name[name]


def plan(config: RunConfig, settings: Settings) -> list[PlannedRun]:
    """Every run of the experiment, in an order that can be executed.

    Raises:
        ConfigError: the dataset is unknown or its captures are missing.
    """
    data = file_digests(list_captures(config.dataset, settings))
    planned: dict[tuple[str, int], PlannedRun] = {}
    for seed in config.seeds:
        for stage in STAGES:
            inputs = {name: planned[name, seed].run_id for name in stage.needs}
            determinants = {
                "sections": {section: _section(config, section) for section in stage.sections},
                "inputs": inputs,
                "seed": seed if stage.has_seed else None,
                "repeat": config.repeat,
                "data": data if not stage.needs else None,
                "dataset": describe_dataset(config.dataset) if not stage.needs else None,
                "is_demo": config.is_demo,
            }
            run_id = run_id_of(config.name, stage.name, seed if stage.has_seed else None, determinants)
            planned[stage.name, seed] = PlannedRun(stage, seed, run_id, inputs)
    return list({run.run_id: run for run in planned.values()}.values())


def run_stages(
    config: RunConfig, settings: Settings, say: Callable[[str], None], stage: str | None = None
) -> list[PlannedRun]:
    """Execute what is missing and give every run asked for, done before or now.

    Args:
        stage: only this stage's runs; those it needs must be complete.

    Raises:
        StageError: a needed run is not complete, or another process executes one.
    """
    runs = plan(config, settings)
    wanted = [run for run in runs if stage is None or run.stage == find_stage(stage)]
    for run in wanted:
        execute(run, config, settings, say)
    return wanted


def execute(run: PlannedRun, config: RunConfig, settings: Settings, say: Callable[[str], None]) -> None:
    """Bring one run to its end; a complete one is left as it is."""
    folder = RunFolder(settings.runs, run.run_id)
    if _status(run, settings)[0] == "complete":
        say(f"{run.run_id}: complete")
        return
    with claim(folder):
        status, attempt = _status(run, settings)  # another process may have finished it meanwhile
        if status == "complete":
            return
        _check_inputs(run, settings)
        say(f"{run.run_id}: started" + (f", attempt {attempt + 1}" if attempt else ""))
        started = time.monotonic()
        facts = _first_row(run, config, settings)
        with recorded(settings.lake, folder, facts, attempt + 1) as outcome:
            inputs = {name: RunFolder(settings.runs, run_id) for name, run_id in run.inputs.items()}
            context = StageContext(
                lake=settings.lake, folder=folder, inputs=inputs, seed=run.seed, tracking=config.tracking,
                facts=facts, say=lambda line: say(f"{run.run_id}: {line}"),
            )  # fmt: skip
            run.stage.run(config, settings, context, outcome)
            outcome.lineage += [("prepared_from", run.inputs["prepare"])] if run.inputs else []
        say(f"{run.run_id}: complete after {time.monotonic() - started:.1f} s")


def _status(run: PlannedRun, settings: Settings) -> tuple[str, int]:
    return run_statuses(settings.lake, [run.run_id]).get(run.run_id, ("missing", 0))


def _check_inputs(run: PlannedRun, settings: Settings) -> None:
    found = run_statuses(settings.lake, list(run.inputs.values()))
    for name, run_id in run.inputs.items():
        status = found.get(run_id, ("missing", 0))[0]
        if status != "complete":
            raise StageError(
                f"{run.stage.name} needs the run {run_id}, which is {status}. Run {name} first: "
                f"leave --stage away, or give --stage {name}."
            )


def _first_row(run: PlannedRun, config: RunConfig, settings: Settings) -> dict[str, Any]:
    whole = config.model_dump_json()
    return {
        "experiment": config.name,
        "stage": run.stage.name,
        "dataset": config.dataset,
        "model": run.stage.model,
        "role": run.stage.role,
        "seed": run.seed if run.stage.has_seed else None,
        "is_demo": config.is_demo,
        "config_json": whole,
        "config_digest": digest_of(config.model_dump(mode="json")),
        "data_digest": _data_digest(run, settings),
        "device": _device(run, config),
        **code_provenance(),
    }


def _data_digest(run: PlannedRun, settings: Settings) -> str | None:
    if "prepare" not in run.inputs:
        return None  # known once the captures are read
    from pipeline.graph_set import data_digest_of

    return data_digest_of(RunFolder(settings.runs, run.inputs["prepare"]).graphs)


def _device(run: PlannedRun, config: RunConfig) -> str:
    if run.stage.model is None:
        return "cpu"
    from pipeline.device import describe_device

    return describe_device(config.train.device)


def _section(config: RunConfig, dotted: str) -> Any:
    value: Any = config
    for name in dotted.split("."):
        value = getattr(value, name)
    return value.model_dump(mode="json")
