"""Every model against the strongest simple baseline, capture by capture, with the evidence for each difference."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from lake.schema import CONSTANTS
from lake.statistics import Better, Cells, Comparison, compare
from loaders.seeds import MODEL, seed_values

# Which way is better; tests compare this with dashboard/metrics.js.
COMPARED: Mapping[str, Better] = {
    "f1": "higher",
    "mcc": "higher",
    "auroc": "higher",
    "auprc": "higher",
    "recall": "higher",
    "fpr": "lower",
    "false_alarms_per_hour_outside_episodes": "lower",
    "detection_delay_s_median": "lower",
}
# A variant is a family of its own: what is compared at once, and corrected for, never holds two of the same model.
_FAMILY = ("experiment", "variant", "dataset", "protocol", "calibration_s", "metric")
_ABOUT = tuple(name for name in MODEL if name not in _FAMILY)
_REFERENCE = tuple(f"reference_{name}" for name in MODEL)
_REALS = ("calibration_s", "mean_difference", "low", "high", "effect_size", "p", "p_adjusted")
_COLUMNS = (
    *_FAMILY, "better", *_ABOUT, *_REFERENCE, "unit", "n", "left_out", "mean_difference", "low", "high",
    "effect_size", "p", "p_adjusted", "verdict",
)  # fmt: skip
_KINDS = {**dict.fromkeys(_REALS, pa.float64()), "n": pa.int64(), "left_out": pa.int64()}
_SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in _COLUMNS])

_COMPETING = "split = 'test' AND vehicle <> 'all' AND role IS DISTINCT FROM 'teacher'"

Model = tuple[str, str | None, str | None, str]
Name = TypeVar("Name", bound=tuple[Any, ...])


def load(lake: duckdb.DuckDBPyConnection) -> pa.Table:
    """A row a model and metric; p values are corrected over the models of an experiment, protocol and metric.

    Teachers are references and do not compete; constants look at nothing and are left out. The reference is the
    baseline with the best mean over captures of that metric. A variant stands beside its own baselines where it has
    some, as with other windows, else beside the experiment's. Without a baseline there is nothing to compare with,
    and no row.
    """
    families: dict[tuple[Any, ...], dict[Model, dict[Any, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in seed_values(lake, _COMPETING).to_arrow_table().to_pylist():
        if row["metric"] in COMPARED and row["model"] not in CONSTANTS:
            model = (row["model"], row["role"], row["variant"], row["configuration"])
            family = tuple(row[name] for name in _FAMILY)
            families[family][model][row["capture"], row["seed"]] = row["value"]
    rows = []
    for family, models in list(families.items()):
        experiment, _, *rest = family
        rows += _compared(family, models, families[experiment, None, *rest])
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _compared(
    family: tuple[Any, ...], models: Mapping[Model, Cells], own: Mapping[Model, Cells]
) -> list[dict[str, Any]]:
    better = COMPARED[family[-1]]
    found = against_the_strongest(models, better, role=1, rivals=_baselines(models, role=1) or _baselines(own, role=1))
    if found is None:
        return []
    reference, compared = found
    about = {**dict(zip(_FAMILY, family, strict=True)), "better": better}
    about |= dict(zip(_REFERENCE, reference, strict=True))
    return [{**about, **dict(zip(MODEL, model, strict=True)), **asdict(one)} for model, one in compared.items()]


def against_the_strongest(
    models: Mapping[Name, Cells], better: Better, role: int, rivals: Mapping[Name, Cells] | None = None
) -> tuple[Name, dict[Name, Comparison]] | None:
    """The baseline with the best mean over captures, and every other model compared with it; None without a baseline.

    Args:
        models: by a tuple whose `role`-th part is "baseline" for those.
        rivals: the baselines to choose from, where they are not those among `models`.
    """
    baselines = _baselines(models, role) if rivals is None else rivals
    if not baselines:
        return None
    sign = 1 if better == "higher" else -1
    reference = max(baselines, key=lambda model: (sign * _mean_over_captures(baselines[model]), str(model)))
    others = {model: cells for model, cells in models.items() if model != reference}
    return reference, compare(others, baselines[reference], better)


def _baselines(models: Mapping[Name, Cells], role: int) -> dict[Name, Cells]:
    return {model: cells for model, cells in models.items() if model[role] == "baseline"}


def _mean_over_captures(cells: Cells) -> float:
    """Each capture counts once, however many seeds it has."""
    captures: dict[Any, list[float]] = defaultdict(list)
    for (capture, _), value in cells.items():
        captures[capture].append(value)
    return float(np.mean([np.mean(values) for values in captures.values()]))
