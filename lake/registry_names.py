"""What models, their versions and aliases are called: `gat-student-can_train_and_test@champion`."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lake.errors import LakeError
from lake.schema_registry import REGISTRY_STAGES
from lake.table import Row

# What a text has been published with: such an alias neither moves nor goes away without being forced, with a reason.
PROTECTED = ("paper-*",)
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{,159}"
_ALIAS = re.compile(r"[a-z][a-z0-9._-]{,59}")
_REFERENCE = re.compile(rf"(?P<name>{_NAME})(?:@(?P<alias>.+)|:(?P<version>.+)|/(?P<stage>.+))?")
_FORMS = "NAME, NAME@ALIAS, NAME:VERSION or NAME/STAGE"


@dataclass(frozen=True)
class Reference:
    """Which version of a model is meant; the name alone means the one in production."""

    name: str
    alias: str | None = None
    version: int | None = None
    stage: str | None = None

    @property
    def is_name(self) -> bool:
        return (self.alias, self.version, self.stage) == (None, None, None)

    def __str__(self) -> str:
        if self.alias:
            return f"{self.name}@{self.alias}"
        if self.version is not None:
            return f"{self.name}:{self.version}"
        return f"{self.name}/{self.stage}" if self.stage else self.name


def read_reference(text: str) -> Reference:
    """Raises LakeError where the text names no version."""
    found = _REFERENCE.fullmatch(text)
    if not found:
        raise LakeError(f"{text!r} names no model. Give {_FORMS}; ./run registry list shows what there is.")
    version, stage = found["version"], found["stage"]
    if version is not None and not (version.isdecimal() and version.isascii()):
        raise LakeError(f"{text!r}: {version!r} is no version's number. Give {_FORMS}.")
    if stage is not None and stage not in REGISTRY_STAGES:
        raise LakeError(f"{text!r}: no stage is called {stage!r}. Stages: {', '.join(REGISTRY_STAGES)}.")
    return Reference(found["name"], found["alias"], int(version) if version else None, stage)


def name_of(run: Row) -> str:
    """The model that a run trains a version of: its kind, its scale and its dataset."""
    return f"{run['model']}-{run['role']}-{run['dataset']}"


def check_alias(alias: str) -> str:
    """Raises LakeError where the text cannot be an alias."""
    if not _ALIAS.fullmatch(alias):
        raise LakeError(f"{alias!r} cannot be an alias: begin with a small letter, then small letters, digits, . _ -")
    if alias in REGISTRY_STAGES:
        raise LakeError(
            f"{alias!r} cannot be an alias: it is a stage, which ./run registry promote puts a version into. "
            "Choose another name."
        )
    return alias


def is_protected(alias: str) -> bool:
    return any(fnmatchcase(alias, pattern) for pattern in PROTECTED)
