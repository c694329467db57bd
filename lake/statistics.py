"""Paired comparisons and their correction: the one place that says what a difference between models can show."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lake.intervals import LEVEL, summarise

_DIGITS = 12  # of a difference between values up to 1: a float has 15, and a mean of a few loses one
Name = TypeVar("Name", bound=Hashable)
Better = Literal["higher", "lower"] | None  # None where neither way is better, or which one is not known
Verdict = Literal["better", "worse", "differs", "not shown"]
# The value of a capture and a seed; a seed of None is a model in which nothing is drawn.
Cells = Mapping[tuple[Hashable, int | None], float]


@dataclass(frozen=True)
class Comparison:
    """A model minus a reference, over what both were measured on.

    Attributes:
        unit: what counts as one observation: "capture", each side averaged over its seeds, which are no captures of
            their own; or "seed" where there is one capture.
        n: units compared.
        left_out: captures of either side, or seeds of the model, that had no partner on the other.
        effect_size: matched-pairs rank biserial correlation, −1 to 1; None where no unit differs.
        p: two-sided exact Wilcoxon signed-rank test; `p_adjusted` after Holm over the family compared at once.
        verdict: "better" or "worse" only where interval and adjusted p both exclude no difference; "differs" for a
            metric of which neither way is better.
    """

    unit: Literal["capture", "seed"]
    n: int
    left_out: int
    mean_difference: float
    low: float | None
    high: float | None
    effect_size: float | None
    p: float
    p_adjusted: float
    verdict: Verdict


def compare(models: Mapping[Name, Cells], reference: Cells, better: Better) -> dict[Name, Comparison]:
    """Each model against the reference on the captures of both; p values are corrected over all models together.

    Models with no capture in common with the reference, or no seed on the only one, are left out.
    """
    return compare_all({name: (cells, reference, better) for name, cells in models.items()})


def compare_all(pairs: Mapping[Name, tuple[Cells, Cells, Better]]) -> dict[Name, Comparison]:
    """Each model against its own reference, as `compare`; p values are corrected over all pairs together."""
    found = {name: one for name, (cells, reference, _) in pairs.items() if (one := _compare(cells, reference))}
    adjusted = holm([one.p for one in found.values()])
    return {
        name: replace(one, p_adjusted=p, verdict=_verdict(one, p, pairs[name][2]))
        for (name, one), p in zip(found.items(), adjusted, strict=True)
    }


def signed_rank_p(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test by its exact distribution; ties share ranks, zeros are left out.

    Six units that all differ one way are the fewest that can fall below .05.
    """
    moved, ranks = _ranked(differences)
    chance = np.ones(1)
    for rank in ranks:
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
    positive = int(ranks[moved > 0].sum())
    return min(1.0, 2 * min(float(chance[: positive + 1].sum()), float(chance[positive:].sum())))


def rank_biserial(differences: ArrayLike) -> float | None:
    """(W+ − W−) / (W+ + W−): 1 where every unit that differs is above 0; None where none differs."""
    moved, ranks = _ranked(differences)
    return float((ranks * np.sign(moved)).sum() / ranks.sum()) if len(moved) else None


def _ranked(differences: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The differences that are not 0 and twice the rank of their size: a rank that several share may end in .5."""
    values = np.asarray(differences, dtype=np.float64)
    moved = values[values != 0]
    _, place, shared = np.unique(np.abs(moved), return_inverse=True, return_counts=True)
    return moved, (2 * np.cumsum(shared) - shared + 1)[place]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): each p times the number of p values not below it, never decreasing."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _compare(model: Cells, reference: Cells) -> Comparison | None:
    mine, theirs = _by_capture(model), _by_capture(reference)
    shared = [capture for capture in mine if capture in theirs]
    unit: Literal["capture", "seed"] = "capture" if len(shared) > 1 else "seed"
    if unit == "capture":
        both = [(_mean(mine[capture]), _mean(theirs[capture])) for capture in shared]
        left_out = len(mine.keys() ^ theirs.keys())
    else:
        both = [pair for capture in shared for pair in _pair_seeds(mine[capture], theirs[capture])]
        left_out = len(model) - len(both)
    if not both:
        return None
    seen = _differences(both)
    summary, p = summarise(seen), signed_rank_p(seen)
    return Comparison(
        unit, len(seen), left_out, summary.mean, summary.low, summary.high, rank_biserial(seen), p, p, "not shown"
    )


def _by_capture(cells: Cells) -> dict[Hashable, dict[int | None, float]]:
    captures: dict[Hashable, dict[int | None, float]] = {}
    for (capture, seed), value in cells.items():
        captures.setdefault(capture, {})[seed] = value
    return captures


def _mean(seeds: Mapping[int | None, float]) -> float:
    return summarise(seeds.values()).mean


def _pair_seeds(mine: Mapping[int | None, float], theirs: Mapping[int | None, float]) -> list[tuple[float, float]]:
    """Values seed by seed; a reference without seeds stands beside every one."""
    partner = {seed: theirs.get(seed, theirs.get(None)) for seed in mine}
    return [(value, other) for seed, value in mine.items() if (other := partner[seed]) is not None]


def _differences(both: Sequence[tuple[float, float]]) -> list[float]:
    """The first less the second of each pair, as exact as values of that size are.

    What is behind that is how a mean was rounded: a unit would count as one that differs, and a tie would be split.
    """
    largest = max(abs(value) for pair in both for value in pair)
    digits = _DIGITS - max(0, math.ceil(math.log10(largest))) if largest else _DIGITS
    return [round(mine - theirs, digits) for mine, theirs in both]


def _verdict(one: Comparison, p: float, better: Better) -> Verdict:
    if one.low is None or one.high is None or one.low <= 0 <= one.high or p >= 1 - LEVEL:
        return "not shown"
    if better is None:
        return "differs"
    return "better" if (one.mean_difference > 0) == (better == "higher") else "worse"
