"""Metric rows of the old evaluations: a model, a scenario and named values, as the tracker and its export have them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lake.schema import METRICS
from lake.table import Row
from pipeline.legacy.counts import attack_windows
from pipeline.legacy.gather import Gathering
from pipeline.legacy.names import first_known, metric_name, scenario_of, scored_runs
from pipeline.legacy.sift import SOURCE

N = "n_samples"


@dataclass(frozen=True)
class Evaluated:
    """What one evaluation run said of one model on one scenario."""

    run: str
    model: str
    scenario: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.run} {self.model} {self.scenario}"


def add_evaluations(gathering: Gathering, source: str, evaluated: Iterable[Evaluated]) -> None:
    """Metric rows of every evaluation, with the run whose network was scored; a value that fits nowhere is refused."""
    listed = list(evaluated)
    known = _attack_counts(listed)
    for one in listed:
        gathering.counted(source, len(one.values), 0, "metrics; n_samples became the rows' n")
        about = _about(gathering, one, known)
        if isinstance(about, str):
            for name in one.values:
                gathering.refuse(source, f"{one} {name}", about)
            continue
        rows: list[Row] = [
            {**about, "metric": metric_name(name), "value": value, SOURCE: f"{one} {name}"}
            for name, value in one.values.items()
            if name != N
        ]
        run_id = gathering.runs[one.run].run_id
        gathering.counted(source, 0, gathering.add_rows(source, METRICS, run_id, rows) + (N in one.values), "")
        gathering.add_lineage(run_id, "evaluated", str(about["model_run_id"]))


def _about(gathering: Gathering, one: Evaluated, known: Mapping[tuple[str, str, int], set[int]]) -> Row | str:
    """The columns that all rows of an evaluation share, or why there can be no row."""
    if one.run not in gathering.runs:
        return "its run is not imported"
    names = {old: run.run_id for old, run in gathering.runs.items()}
    model_run_id = first_known(scored_runs(one.run, one.model), names)
    if model_run_id is None:
        return f"no run of this store trained the {one.model} that it scored"
    scenario = scenario_of(one.scenario)
    if scenario is None:
        return f"{one.scenario!r} is no split and no test scenario"
    n = _windows(one)
    if n is None:
        return f"{N} is {one.values.get(N)!r}: on how many windows it was computed is not known"
    counts = {found for found in [attack_windows(n, one.values)] if found is not None}
    counts = counts or known.get((_dataset(one), one.scenario, n), set())
    if len(counts) != 1:
        return "how many of the windows were attacks cannot be told from its rates"
    return {
        "model_run_id": model_run_id, "dataset": gathering.runs[one.run].place.dataset, "split": scenario.split,
        "capture": scenario.capture, "vehicle": scenario.vehicle, "attack": scenario.attack,
        "is_known_vehicle": scenario.is_known_vehicle, "protocol": None, "calibration_s": None,
        "n": n, "n_attack": next(iter(counts)),
    }  # fmt: skip


def _attack_counts(listed: Iterable[Evaluated]) -> dict[tuple[str, str, int], set[int]]:
    """What any model says of the windows of a dataset's scenario; one that is always right says nothing."""
    counts: dict[tuple[str, str, int], set[int]] = {}
    for one in listed:
        n = _windows(one)
        found = None if n is None else attack_windows(n, one.values)
        if n is not None and found is not None:
            counts.setdefault((_dataset(one), one.scenario, n), set()).add(found)
    return counts


def _dataset(one: Evaluated) -> str:
    return one.run.partition("/")[0]


def _windows(one: Evaluated) -> int | None:
    n = one.values.get(N)
    return int(n) if isinstance(n, int | float) and n == n and n >= 0 and n == int(n) else None
