"""The whole pipeline as one table."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.config import RunConfig
from pipeline.context import StageContext
from pipeline.datasets import list_captures
from pipeline.names import find_named
from pipeline.runs import Outcome
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
        model, role: the network it trains, if it trains one; a baseline's model is one of the config's methods,
            and the stage has a run for each of them.
        has_seed: whether it draws random numbers, and so runs once a seed.
        is_judge: it reads every model of a seed that was trained on the same graphs, all variants' included.
    """

    name: str
    run: Callable[[RunConfig, Settings, StageContext, Outcome], None]
    needs: tuple[str, ...]
    sections: tuple[str, ...]
    resources: Resources
    model: str | None = None
    role: str | None = None
    has_seed: bool = True
    is_judge: bool = False

    def asks(self, config: RunConfig) -> tuple[str, ...]:
        """Stages whose runs it reads under this config alone: a curriculum asks the VGAE what is hard."""
        if self.model == "fusion":
            return config.fusion.experts
        return ("vgae_teacher",) if self.model == "gat" and config.train.curriculum.enabled else ()

    def role_in(self, config: RunConfig) -> str | None:
        """Its role under this config: a fusion is what it fuses."""
        return config.fusion.role if self.model == "fusion" else self.role


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


def _baseline(config: RunConfig, settings: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.baselines.stage import fit_baseline

    fit_baseline(context, outcome, list_captures(config.dataset, settings), config.alarm)


def _evaluate(config: RunConfig, settings: Settings, context: StageContext, outcome: Outcome) -> None:
    from pipeline.evaluate import evaluate

    evaluate(context, outcome, list_captures(config.dataset, settings), config.alarm)


_GPU = Resources(hours=6, memory_gb=48, cpus=8, gpus=1)
_VGAE = ("vgae_loss", "train.for_benign", "alarm.benign_quantile")
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
        "fusion", _fusion, ("prepare",), ("fusion", "train.for_benign", "alarm"),
        Resources(hours=1, memory_gb=32, cpus=8, gpus=1), "fusion", "student",
    ),
    Stage(
        "baseline", _baseline, ("prepare",), ("alarm",), Resources(hours=2, memory_gb=64), role="baseline",
        has_seed=False,
    ),
    Stage(
        "evaluate", _evaluate,
        ("prepare", "vgae_teacher", "gat_teacher", "vgae_student", "gat_student", "fusion", "baseline"), ("alarm",),
        Resources(hours=1, memory_gb=32, cpus=8, gpus=1), is_judge=True,
    ),
)  # fmt: skip


def find_stage(name: str) -> Stage:
    """Raises ConfigError, with the nearest name, where no such stage exists."""
    return find_named("stage", name, {stage.name: stage for stage in STAGES})
