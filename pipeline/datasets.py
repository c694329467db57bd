"""The captures of a dataset or a collection: their names, what they are used for, how they are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from lake.files import listable
from pipeline.data_catalogue import Dataset, Stretch, Usage, find_dataset, load_catalogue
from pipeline.errors import ConfigError
from pipeline.settings import Settings

_BENIGN_NAMES = ("attack-free", "accessory")
_USAGES: tuple[Usage, ...] = ("train", "test")


@dataclass(frozen=True)
class CaptureFile:
    """A capture of a dataset: `name` is its path below the dataset's folder, without ending.

    In a collection the name begins with its member's; a stretch of a file ends in its seconds.
    """

    path: Path
    name: str
    usage: str
    vehicle: str
    attack: str
    dataset: str = ""
    reader: str = ""
    from_s: float = 0
    to_s: float | None = None


def list_catalogue(settings: Settings) -> list[dict[str, Any]]:
    """Every row of the catalogue with the folder it is looked for in and whether that is here."""
    return [
        {
            "dataset": name,
            "title": row.title,
            "licence": row.licence,
            "members": list(row.members),
            "folder": None if row.members else str(row.folder(settings)),
            "is_here": _is_here(row, settings),
            "address": row.address,
        }
        for name, row in load_catalogue().items()
    ]


def _is_here(row: Dataset, settings: Settings) -> bool:
    if not row.members:
        return row.folder(settings).is_dir()
    here = [_is_here(find_dataset(member), settings) for member in row.members]
    return any(here) if row.optional else all(here)


def members_here(name: str, settings: Settings) -> list[str]:
    """The datasets that `name` stands for: itself, or the members of a collection.

    Raises:
        ConfigError: unknown, or a folder is missing that is not optional.
    """
    row = find_dataset(name)
    names = list(row.members) or [name]
    here = [member for member in names if find_dataset(member).folder(settings).is_dir()]
    if here and (row.optional or len(here) == len(names)):
        return here
    missing = next(member for member in names if member not in here)
    dataset = find_dataset(missing)
    raise ConfigError(
        f"dataset {missing}: the folder {dataset.folder(settings)} does not exist. Get the data ({dataset.address}; "
        f"{dataset.licence}), see ./run data fetch {missing}, and set KDGAT_DATA to the folder that holds "
        f"{dataset.root}/."
    )


def list_captures(name: str, settings: Settings) -> list[CaptureFile]:
    """Every capture of the dataset or collection, by name; some to train on and some to test on.

    Raises:
        ConfigError: unknown dataset, a folder is missing, or there is no training or no test capture.
    """
    is_collection = bool(find_dataset(name).members)
    captures: list[CaptureFile] = []
    for member in members_here(name, settings):
        captures += captures_of(member, settings, prefix=f"{member}/" if is_collection else "")
    for usage in _USAGES:
        if not any(capture.usage == usage for capture in captures):
            row = find_dataset(name)
            where = ", ".join(row.members) if is_collection else f"{row.folder(settings)} fits"
            fitting = "" if is_collection else " " + (", ".join(getattr(row, usage)) or "a pattern: the row has none")
            raise ConfigError(
                f"dataset {name}: no {usage} capture in {where}{fitting}. Fetch the data again, or make it a member "
                "of a collection that has some."
            )
    return sorted(captures, key=lambda capture: (capture.usage, capture.name))


def captures_of(name: str, settings: Settings, prefix: str = "") -> list[CaptureFile]:
    """What is here of one dataset, whatever it is used for; a file fits once, in the order of the row.

    Raises:
        ConfigError: a folder of it cannot be listed, so that captures in it would be missing.
    """
    dataset = find_dataset(name)
    try:
        root = listable(dataset.folder(settings))
    except OSError as error:
        raise ConfigError(
            f"dataset {name}: {error.filename} cannot be listed ({error.strerror}), so captures in it would be "
            "missing. Make it readable."
        ) from error
    found: dict[str, CaptureFile] = {}
    plain = [Stretch(pattern=one, usage=usage) for usage in _USAGES for one in getattr(dataset, usage)]
    for stretch in (*plain, *dataset.stretches):
        for path in sorted(root.glob(stretch.pattern)):
            if path.is_file():
                capture = _capture_file(name, dataset, root, path, stretch, prefix)
                found.setdefault(capture.name, capture)
    return list(found.values())


def _capture_file(member: str, dataset: Dataset, root: Path, path: Path, stretch: Stretch, prefix: str) -> CaptureFile:
    relative = PurePosixPath(path.relative_to(root).as_posix())
    name = str(relative.with_name(relative.name.split(".")[0]))
    return CaptureFile(
        path=path,
        name=prefix + name + _seconds(stretch),
        usage=stretch.usage,
        vehicle=_first([(row.pattern, row.vehicle) for row in dataset.vehicles], name, "unknown"),
        attack=_first([(row.pattern, row.attack) for row in dataset.attacks], name, attack_of(name)),
        dataset=member,
        reader=_first([(row.pattern, row.reader) for row in dataset.readers], relative.as_posix(), dataset.reader),
        from_s=stretch.from_s,
        to_s=stretch.to_s,
    )


def _seconds(stretch: Stretch) -> str:
    if stretch.from_s == 0 and stretch.to_s is None:
        return ""
    return f"@{stretch.from_s:g}-end" if stretch.to_s is None else f"@{stretch.from_s:g}-{stretch.to_s:g}s"


def _first(rows: Sequence[tuple[str, str]], name: str, otherwise: str) -> str:
    return next((value for pattern, value in rows if fnmatchcase(name, pattern)), otherwise)


def attack_of(capture: str) -> str:
    """The attack a capture's name announces: its file name without the closing vehicle number."""
    stem = PurePosixPath(capture).name.rsplit("-", 1)[0]
    return "benign" if stem in _BENIGN_NAMES else stem
