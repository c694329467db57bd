"""What a person calls a model, found among the configurations of a lake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.errors import LakeError


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a model configuration, or one run of it."""

    label: str
    run_ids: tuple[str, ...]


def find_side(models: Sequence[Mapping[str, Any]], asked: str) -> Side:
    """`gat-student`, `gat-student/variant`, either with `#configuration`, a configuration alone, or a run id.

    Raises:
        LakeError: no configuration is called so, or several are.
    """
    fits = called(models, asked)
    if any(asked in one["run_ids"] for one in fits):
        return Side(asked, (asked,))
    if len(fits) == 1:
        return Side(asked, tuple(fits[0]["run_ids"]))
    if not fits:
        names = sorted({str(one["name"]) for one in models})
        raise LakeError(
            f"no complete run trained a model {asked!r}. Models: {', '.join(names) or 'none'}; or a run id."
        )
    listed = "\n".join(
        f"  {one['name']}#{one['configuration']}  {one['experiment']}, {one['dataset']}, {len(one['run_ids'])} runs"
        for one in fits
    )
    raise LakeError(f"{asked!r} names {len(fits)} configurations. Name one of them, or a run id:\n{listed}")


def called(models: Sequence[Mapping[str, Any]], asked: str) -> list[Mapping[str, Any]]:
    """The configurations that are called so; of a run id the one that it is a run of."""
    if of_run := [one for one in models if asked in one["run_ids"]]:
        return of_run[:1]
    name, _, digest = asked.partition("#")
    fits = [one for one in models if one["name"] == name and one["configuration"].startswith(digest)]
    fits = fits or [one for one in models if _is_kind(one, name) and one["configuration"].startswith(digest)]
    return fits or [
        one for one in models if not digest and len(asked) >= 4 and one["configuration"].startswith(asked)
    ]  # fmt: skip


def _is_kind(model: Mapping[str, Any], name: str) -> bool:
    """Whether `gat` or `gat-student` names it, variants aside."""
    return model["variant"] is None and model["model"] == name
