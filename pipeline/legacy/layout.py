"""The two layouts of experiment folders, and where a folder of the old one lies in the new.

old: `<modality>/<dataset>/<size>/<learning type>/<model>/<distillation>/<mode>`, new: `<dataset>/<size>_<mode>[_kd]`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lake.files import listable

LEVELS = ("modality", "dataset", "size", "learning type", "model", "distillation", "mode")  # of the old one
LEARNING = ("unsupervised", "supervised", "rl_fusion", "evaluation")
DISTILLATION = {"no_distillation": "", "distilled": "_kd"}
SIZES = ("teacher", "student", "large", "small")
_NEW = re.compile(rf"(?P<scale>{'|'.join(SIZES)})_(?P<stage>[A-Za-z0-9]+)(?P<kd>_kd)?")


@dataclass(frozen=True)
class Experiment:
    """One folder of results; `new` is its path in the new layout, which is its id too."""

    path: Path
    new: str
    dataset: str
    scale: str
    stage: str


def old_experiments(root: Path) -> list[Experiment]:
    """Every folder of the old layout with something in it."""
    found = []
    for path in folders_at(root, len(LEVELS)):
        _, dataset, scale, learning, _, distillation, mode = path.relative_to(root).parts
        if scale in SIZES and learning in LEARNING and distillation in DISTILLATION and any(path.iterdir()):
            new = f"{dataset}/{scale}_{mode}{DISTILLATION[distillation]}"
            found.append(Experiment(path, new, dataset, scale, mode))
    return found


def new_experiments(root: Path) -> list[Experiment]:
    found = []
    for path in folders_at(root, 2):
        named = _NEW.fullmatch(path.name)
        if named and any(child.is_file() for child in path.iterdir()):
            new = path.relative_to(root).as_posix()
            found.append(Experiment(path, new, path.parent.name, named["scale"], named["stage"]))
    return found


def folders_at(root: Path, depth: int) -> Iterator[Path]:
    """Folders at that depth, links left aside: one could lead out of the source, or round in a circle."""
    children = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    for child in children:
        if depth == 1:
            yield child
        else:
            yield from folders_at(child, depth - 1)


def files_of(folder: Path) -> list[Path]:
    """Every file below, links to files too."""
    return sorted(path for path in listable(folder).rglob("*") if path.is_symlink() or not path.is_dir())


def empty_folders(root: Path, moved: set[Path]) -> list[Path]:
    """The modality folders of the old layout that hold no file but those that are moved away."""
    children = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    return [child for child in children if any(_sizes_in(child)) and _is_emptied(child, moved)]


def _sizes_in(modality: Path) -> Iterator[Path]:
    return (path for path in modality.glob("*/*") if path.name in SIZES and path.is_dir())


def _is_emptied(folder: Path, moved: set[Path]) -> bool:
    return folder in moved or all(
        path.is_dir() and not path.is_symlink() and _is_emptied(path, moved) for path in folder.iterdir()
    )
