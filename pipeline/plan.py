"""Which runs an experiment is made of: its stages for each seed, and again for each variant where they differ.

A run's id is a digest of what determines it, so a variant shares every run that its change does not touch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from pipeline.config import RunConfig
from pipeline.config_file import expand
from pipeline.data_catalogue import describe_dataset
from pipeline.datasets import list_captures
from pipeline.prepare import file_digests
from pipeline.runs import run_id_of
from pipeline.settings import Settings
from pipeline.stages import STAGES, Stage, find_stage

BASE = ""  # the experiment itself, beside its variants


@dataclass(frozen=True)
class PlannedRun:
    """One run of an experiment.

    Attributes:
        inputs: the runs it needs, by stage; a variant's own as stage@variant.
        config: the experiment as this run sees it.
        variant: the first variant that asks for the run, `BASE` for the experiment itself.
    """

    stage: Stage
    seed: int
    run_id: str
    inputs: Mapping[str, str]
    config: RunConfig
    variant: str = BASE


def plan(config: RunConfig, settings: Settings) -> list[PlannedRun]:
    """Every run of the experiment and its variants, in an order that can be executed.

    Raises:
        ConfigError: the dataset is unknown, its captures are missing, or a variant is no config.
    """
    planned: dict[str, PlannedRun] = {}
    judged: dict[tuple[str, int], list[PlannedRun]] = {}  # by the graphs that they were trained on
    digests: dict[str, Any] = {}
    for variant, varied in expand(config).items():
        data = digests.setdefault(varied.dataset, _data_of(varied, settings))
        for seed in varied.seeds:
            of_stage: dict[str, PlannedRun] = {}
            for stage in _stages_of(varied, variant):
                inputs = {name: of_stage[name].run_id for name in _needs(stage, varied)}
                drawn = varied.seeds[0] if stage.role == "teacher" and varied.one_teacher else seed
                run = _planned(stage, drawn, inputs, varied, variant, data)
                run = planned.setdefault(run.run_id, run)
                of_stage[stage.name] = run
                group = judged.setdefault((of_stage["prepare"].run_id, seed), [])
                is_first = stage.has_seed or seed == varied.seeds[0]  # what draws nothing is judged once
                if stage.model is not None and drawn == seed and is_first and run not in group:
                    group.append(run)
    for (prepare, seed), runs in judged.items():
        for stage in STAGES:
            if stage.is_judge:
                inputs = {"prepare": prepare} | {_label(run): run.run_id for run in runs}
                varied, variant = planned[prepare].config, planned[prepare].variant
                run = _planned(stage, seed, inputs, varied, variant, None)
                planned.setdefault(run.run_id, run)
    return list(planned.values())


def _stages_of(config: RunConfig, variant: str) -> list[Stage]:
    """All but the judges, the stage of baselines once a method, and of a variant's teachers those somebody asks."""
    asked = {name for stage in STAGES if not stage.is_judge for name in _needs(stage, config)}
    found: list[Stage] = []
    for stage in STAGES:
        if stage.role == "baseline":
            found += [replace(stage, model=method) for method in config.baselines.methods]
        elif not stage.is_judge and (not variant or stage.role != "teacher" or stage.name in asked):
            found.append(replace(stage, role=stage.role_in(config)))
    return found


def _needs(stage: Stage, config: RunConfig) -> list[str]:
    """The stages whose runs it reads under this config: a student that is not taught reads no teacher's."""
    untaught = stage.role == "student" and not config.distillation.enabled
    needs = [name for name in stage.needs if not (untaught and find_stage(name).role == "teacher")]
    return list(dict.fromkeys([*needs, *stage.asks(config)]))


def _label(run: PlannedRun) -> str:
    name = _name(run.stage)
    return f"{name}@{run.variant}" if run.variant else name


def _name(stage: Stage) -> str:
    return f"{stage.name}-{stage.model}" if stage.role == "baseline" else stage.name


def _data_of(config: RunConfig, settings: Settings) -> dict[str, Any]:
    return {
        "data": file_digests(list_captures(config.dataset, settings)),
        "dataset": describe_dataset(config.dataset),
    }


def _planned(
    stage: Stage, seed: int, inputs: Mapping[str, str], config: RunConfig, variant: str, data: Mapping[str, Any] | None
) -> PlannedRun:
    determinants = {
        "sections": {section: _section(config, section) for section in stage.sections},
        "inputs": inputs,
        "seed": seed if stage.has_seed else None,
        "repeat": config.repeat,
        **(data if data is not None and not stage.needs else {"data": None, "dataset": None}),
        "is_demo": config.is_demo,
        **({"method": stage.model} if stage.role == "baseline" else {}),
    }
    run_id = run_id_of(config.name, _name(stage), seed if stage.has_seed else None, determinants)
    return PlannedRun(stage, seed, run_id, inputs, config, variant)


def _section(config: RunConfig, dotted: str) -> Any:
    value: Any = config
    for name in dotted.split("."):
        value = getattr(value, name)
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value
