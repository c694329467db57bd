"""Why a folder is not read as experiment folders of the old layout: a level nobody knows, or SOURCE above or below."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pipeline.legacy.layout import DISTILLATION, LEARNING, LEVELS, SIZES, folders_at

_KNOWN = {"size": SIZES, "learning type": LEARNING, "distillation": tuple(DISTILLATION)}
_SHIFTS = (-1, 1, -2, 2, -3)  # levels that SOURCE may lie too low or too high
_MOST = 10_000  # folders looked at: SOURCE may be anything


def odd_folders(root: Path) -> list[str]:
    """A sentence for each folder where the old layout has experiments, with a level that nobody knows."""
    return [said for path in folders_at(root, len(LEVELS)) if (said := _odd(path, root, fewest=2))]


def why_unknown(source: Path) -> str | None:
    """What to do about a source in which nothing is recognised, where it looks like experiment folders after all."""
    with suppress(OSError):
        return next(_reasons(source), None)
    return None


def _reasons(source: Path) -> Iterator[str]:
    here = list(islice(folders_at(source, len(LEVELS)), _MOST))
    yield from (said for path in here if (said := _odd(path, source, fewest=2)))
    for shift in _SHIFTS:
        for path in islice(folders_at(source, len(LEVELS) + shift), _MOST):
            found = _levels(path, source, shift)
            if len(found) - len(_unknown(found)) >= 2:
                give = source.joinpath(*path.relative_to(source).parts[:shift]) if shift > 0 else _above(source, -shift)
                yield (
                    f"{path} lies {len(LEVELS) + shift} levels below it, and experiments lie {len(LEVELS)} below "
                    f"SOURCE ({'/'.join(LEVELS)}): give {give}."
                )
    yield from (said for path in here if (said := _odd(path, source, fewest=1)))


def _odd(path: Path, root: Path, fewest: int) -> str | None:
    found = _levels(path, root)
    unknown = _unknown(found)
    if not unknown or len(found) - len(unknown) < fewest:
        return None
    told = "; ".join(f"its {level} {found[level]!r} is none of {', '.join(_KNOWN[level])}" for level in unknown)
    return f"{path.relative_to(root)}: {told}. Name the folder so, then run the same command again."


def _levels(path: Path, root: Path, shift: int = 0) -> dict[str, str]:
    """Of the levels that have few names, those that stand in the path."""
    parts = path.relative_to(root).parts
    places = {level: LEVELS.index(level) + shift for level in _KNOWN}
    return {level: parts[place] for level, place in places.items() if place >= 0}


def _unknown(found: Mapping[str, str]) -> list[str]:
    return [level for level, name in found.items() if name not in _KNOWN[level]]


def _above(path: Path, levels: int) -> Path:
    return path.resolve().parents[levels - 1]
