"""The execution of an experiment: what is missing, in order, a run at a time."""

import gc
import re
import time
from collections.abc import Callable
from typing import Any

from lake.errors import LakeError
from lake.recover import recover
from lake.root import MARKER
from pipeline.config import RunConfig
from pipeline.context import StageContext
from pipeline.errors import StageError
from pipeline.plan import PlannedRun, plan
from pipeline.provenance import code_provenance
from pipeline.resources import sampled
from pipeline.runs import RunFolder, claim, digest_of, recorded, run_statuses
from pipeline.settings import Settings
from pipeline.stages import find_stage


def run_stages(
    config: RunConfig, settings: Settings, say: Callable[[str], None], stage: str | None = None
) -> list[PlannedRun]:
    """Execute what is missing and give every run asked for, done before or now.

    Args:
        stage: only this stage's runs; those it needs must be complete.

    Raises:
        StageError: a needed run is not complete, or another process executes one.
    """
    if (settings.lake / MARKER).exists():
        try:
            recover(settings.lake)  # what killed runs had logged
        except LakeError as error:  # of other runs, which must not keep this one from its work
            say(f"{error}\nThis training goes on; ./run lake verify says what is wrong.")
    runs = plan(config, settings)
    wanted = [run for run in runs if stage is None or run.stage.name == find_stage(stage).name]
    for run in wanted:
        execute(run, settings, say)
    return wanted


def execute(run: PlannedRun, settings: Settings, say: Callable[[str], None]) -> None:
    """Bring one run to its end; a complete one is left as it is."""
    config, folder = run.config, RunFolder(settings.runs, run.run_id)
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
        facts = _first_row(run, settings)
        with recorded(settings.lake, folder, facts, attempt + 1, say) as outcome:
            inputs = {name: RunFolder(settings.runs, run_id) for name, run_id in run.inputs.items()}
            context = StageContext(
                journal=outcome.journal, folder=folder, inputs=inputs, seed=run.seed, tracking=config.tracking,
                facts=facts, say=lambda line: say(f"{run.run_id}: {line}"),
            )  # fmt: skip
            with sampled(outcome.journal):
                run.stage.run(config, settings, context, outcome)
            outcome.lineage += [("prepared_from", run.inputs["prepare"])] if run.inputs else []
        say(f"{run.run_id}: complete after {time.monotonic() - started:.1f} s")
    gc.collect()  # a trainer and its learner refer to each other, and hold the run's graphs until someone looks


def _status(run: PlannedRun, settings: Settings) -> tuple[str, int]:
    return run_statuses(settings.lake, [run.run_id]).get(run.run_id, ("missing", 0))


def _check_inputs(run: PlannedRun, settings: Settings) -> None:
    found = run_statuses(settings.lake, list(run.inputs.values()))
    for name, run_id in run.inputs.items():
        status = found.get(run_id, ("missing", 0))[0]
        if status != "complete":
            stage = re.split("[-@]", name)[0]  # without the baseline's method and the variant
            raise StageError(
                f"{run.stage.name} needs the run {run_id}, which is {status}. Run {stage} first: "
                f"leave --stage away, or give --stage {stage}."
            )


def _first_row(run: PlannedRun, settings: Settings) -> dict[str, Any]:
    config = run.config
    whole = config.model_dump_json()
    return {
        "experiment": config.name,
        "variant": run.variant or None,
        "stage": run.stage.name,
        "dataset": config.dataset,
        "model": run.stage.model,
        "role": run.stage.role,
        "teacher_run_id": _teacher(run),
        "seed": run.seed if run.stage.has_seed else None,
        "is_demo": config.is_demo,
        "config_json": whole,
        "config_digest": digest_of(config.model_dump(mode="json")),
        "data_digest": _data_digest(run, settings),
        "device": _device(run),
        **code_provenance(),
    }


def _teacher(run: PlannedRun) -> str | None:
    """The run that this one is distilled from."""
    taught = run.stage.role == "student" and run.config.distillation.enabled
    return run.inputs.get(f"{run.stage.model}_teacher") if taught else None


def _data_digest(run: PlannedRun, settings: Settings) -> str | None:
    if "prepare" not in run.inputs:
        return None  # known once the captures are read
    from pipeline.graph_set import data_digest_of

    return data_digest_of(RunFolder(settings.runs, run.inputs["prepare"]).graphs)


def _device(run: PlannedRun) -> str:
    if run.stage.model is None or run.stage.role == "baseline":
        return "cpu"
    from pipeline.device import describe_device

    return describe_device(run.config.train.device)
